"""Whatever happens in a night: each alert reaches somebody or is on record, and nobody hears it twice.

Alarms, repeats, windows, acknowledgements, places that are down, refuse or do not answer, and runs that are
killed before or after any of their writes and calls. `make soak` tries many more nights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ona.runtime import aws, http
from ona.store import tables
from operations.alerting.documents import Alert, Standing, Window
from operations.layout import ALERT, STANDING, WINDOW, standing_key
from tests.builders.alerts import MINUTE, Night, night
from tests.fakes.tables import ENVIRONMENT, create, one_call_at_a_time

NAMES = ("ona-detect-errors", "ona-order-errors", "ona-detect-duration")
PLACES = ("chat", "pager", "hook")
STEPS = st.one_of(
    st.tuples(st.just("alarm"), st.sampled_from(NAMES), st.sampled_from(["ALARM", "OK"])),
    st.tuples(st.just("alarm"), st.sampled_from(NAMES), st.just("ALARM")),
    st.tuples(st.just("odd"), st.sampled_from(["INSUFFICIENT_DATA", "foreign", "again", "late"])),
    st.tuples(st.just("window"), st.sampled_from([[], ["detect-errors"]]), st.integers(5, 40)),
    st.tuples(st.just("ack"), st.integers(0, 5)),
    st.tuples(st.just("fault"), st.sampled_from(PLACES), st.sampled_from(["fail", "drop", "refuse"])),
    st.tuples(st.just("down"), st.sampled_from(PLACES), st.booleans()),
    st.tuples(st.just("kill"), st.integers(1, 12), st.booleans()),
    st.tuples(st.just("time"), st.integers(1, 40)),
)


class Killed(BaseException):
    """The process ends here: no `except Exception` sees it."""


class Fuse:
    """Ends a run at its n-th write or call from now, before it is made or after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left, self.after = 0, False
        for module, name in ((tables, "transact"), (tables, "update_if"), (http, "send")):
            monkeypatch.setattr(module, name, self._through(getattr(module, name)))

    def _through(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            burns = self.left == 1
            self.left = max(0, self.left - 1)
            if burns and not self.after:
                raise Killed
            answer = real(*arguments, **named)
            if burns:
                raise Killed
            return answer

        return call


class Story:
    """A night, step by step, and what the world outside knows of it."""

    def __init__(self, made: Night, fuse: Fuse) -> None:
        self.night, self.fuse = made, fuse
        self.states: dict[str, str] = {}
        self.last: Callable[[], Any] | None = None

    def step(self, step: tuple[Any, ...]) -> None:
        kind, *given = step
        getattr(self, f"do_{kind}")(*given)

    def surely(self, what: Callable[[], Any]) -> None:
        """What Step Functions and EventBridge do: an event whose run was killed comes again."""
        for _ in range(3):
            try:
                what()
                break
            except Killed:
                continue

    def do_alarm(self, name: str, value: str) -> None:
        self.night.now += timedelta(seconds=1)
        self.states[name] = value
        at = self.night.now

        def say() -> None:
            now, self.night.now = self.night.now, at
            try:
                self.night.alarm(name, value)
            finally:
                self.night.now = now

        self.last = say
        self.surely(say)

    def do_odd(self, what: str) -> None:
        if what == "again" and self.last is not None:
            self.surely(self.last)
        if what == "INSUFFICIENT_DATA":
            self.surely(lambda: self.night.alarm(NAMES[0], what))
        if what == "foreign":
            with pytest.raises(Exception, match="no alarm of the platform"):
                self.night.alarm("shop-errors")
        if what == "late":
            name, now = NAMES[1], self.night.now
            self.night.now -= timedelta(hours=5)
            try:
                if name in self.states:
                    self.surely(lambda: self.night.alarm(name, "OK"))
            finally:
                self.night.now = now

    def do_window(self, only: list[str], minutes: int) -> None:
        now = self.night.now
        number = f"{WINDOW}{now:%H%M%S}{minutes}"
        window = Window(
            key=number, begins_at=now, next_at=now + minutes * MINUTE, only=only, why="w", by="b",
            lane="window", ttl=2**31,
        )  # fmt: skip
        tables.put("alert-log", window.item())

    def do_ack(self, number: int) -> None:
        alerts = self.alerts()
        if alerts:
            key = alerts[number % len(alerts)].key
            self.surely(lambda: self.night.person("acknowledge", key))

    def do_fault(self, place: str, kind: str) -> None:
        self.night.fault(place, kind)

    def do_down(self, place: str, down: bool) -> None:
        getattr(self.night, place).down = down

    def do_kill(self, left: int, after: bool) -> None:
        self.fuse.left, self.fuse.after = left, after

    def do_time(self, minutes: int) -> None:
        until = self.night.now + minutes * MINUTE
        for _ in range(20):
            try:
                self.night.pass_time(round((until - self.night.now) / MINUTE))
                break
            except Killed:
                self.surely(self.night.bring)
        self.night.now = max(self.night.now, until)

    def alerts(self) -> list[Alert]:
        items = tables.scan("alert-log")
        return [Alert.read(item) for item in items if item["alert_id"].startswith(ALERT)]

    def morning(self) -> None:
        """Everything works again, and two hours pass."""
        self.fuse.left = 0
        for place in PLACES:
            self.do_down(place, False)
            getattr(self.night, place).faults.clear()
        for _ in range(4):
            self.do_time(30)


def check(story: Story) -> None:
    made = story.night
    heard = Counter(made.chat.texts)
    assert max(heard.values(), default=0) <= 1, "the chat has one message twice"
    assert max(Counter(made.mails_full).values(), default=0) <= 1, "somebody got one mail twice"
    assert max(Counter(made.pager.sounded).values(), default=0) <= 1, "one alert rang twice"
    for alert in story.alerts():
        if alert.status == "resolved" and alert.key in made.pager.incidents:
            assert made.pager.incidents[alert.key] == "resolve", "it rings on, though it is over"
    for name, value in story.states.items():
        item = tables.get("alert-log", {"alert_id": standing_key(name)})
        standing = Standing.read(item)
        assert standing.open == (value == "ALARM"), name
    for alert in story.alerts():
        standing = Standing.read(tables.get("alert-log", {"alert_id": f"{STANDING}{alert.name}"}))
        if alert.status != "resolved":
            assert (standing.alert, standing.open) == (alert.key, True), "open, though its alarm is off"
        number = alert.key.partition("#")[2]
        reached = (
            any(number in text for text in made.chat.texts)
            or alert.key in made.pager.incidents
            or f"{alert.key}#trigger@hook" in made.hook.heard
            or any(number in text for text in made.mails_full)
        )
        on_record = alert.unheard or any(telling.outcome == "doubtful" for telling in alert.told)
        passed = alert.resolved_at is not None and alert.told_since is None
        assert reached or on_record or passed or alert.acknowledged_by, alert


def nights(examples: int) -> None:
    from moto import mock_aws

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(STEPS, min_size=4, max_size=14))
    def one(steps: list[tuple[Any, ...]]) -> None:
        with pytest.MonkeyPatch.context() as patch, mock_aws():
            aws.client.cache_clear()
            for name, value in ENVIRONMENT.items():
                patch.setenv(name, value)
            one_call_at_a_time(patch)
            create()
            with night(patch) as made:
                story = Story(made, Fuse(patch))
                for step in steps:
                    story.step(step)
                story.morning()
                check(story)

    one()


def test_a_few_nights() -> None:
    nights(8)


@pytest.mark.soak
def test_many_nights() -> None:
    nights(300)

"""What becomes of an event: the rules of alerts, tried on a log in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations.alerting.documents import Alert, AlertEvent, Hour, Standing, Window
from operations.alerting.judge import NOBODY, Decision, judge
from operations.alerting.known import Known
from operations.config.alerting import Alerting
from operations.config.maintenance import Recurring

T0 = datetime(2026, 11, 28, 9, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rules(**changes: Any) -> Alerting:
    base: dict[str, Any] = {
        "zone": "Africa/Johannesburg",
        "repeat_quiet_minutes": {"critical": 5, "high": 60},
        "flood_an_hour": 3,
        "recheck_minutes": 5,
        "places": [
            {"name": "mail", "channel": "email"},
            {"name": "chat", "channel": "slack", "secret_parameter": "/ona-platform/dev/alerting-chat"},
            {"name": "day", "channel": "pagerduty", "secret_parameter": "/ona-platform/dev/alerting-day"},
            {
                "name": "night",
                "channel": "pagerduty",
                "secret_parameter": "/ona-platform/dev/alerting-night",
            },
        ],
        "people": [{"name": "Ada", "places": ["day"]}, {"name": "Nia", "places": ["night"]}],
        "rota": [
            {"start": "07:00", "end": "19:00", "people": ["Ada"]},
            {"start": "19:00", "end": "07:00", "people": ["Nia"]},
        ],
        "levels": {
            "critical": [
                {"after_minutes": 0, "places": ["chat"]},
                {"after_minutes": 15, "places": ["chat", "on-call"]},
                {"after_minutes": 30, "places": ["mail"]},
            ],
            "high": [{"after_minutes": 0, "places": ["chat"]}],
        },
    }
    return Alerting.model_validate({**base, **changes})


class Memory:
    """The alert log as a dictionary; what a decision writes is there for the next."""

    def __init__(self, given: Alerting | None = None) -> None:
        self.rules = given or rules()
        self.items: dict[str, Any] = {}
        self.told: list[tuple[str, str]] = []
        self.windows: list[Window] = []
        self.recurring: list[Recurring] = []

    def say(self, event: AlertEvent, now: datetime) -> Decision:
        if event.alert_id:
            alert = self.items.get(event.alert_id)
            standing = self.items.get(f"alert-open#{alert.name}") if alert else None
        else:
            standing = self.items.get(f"alert-open#{event.name}")
            alert = self.items.get(standing.alert) if standing else None
        of = alert if event.alert_id and alert else event
        known = Known(
            alert=alert,
            standing=standing,
            hour=self.items.get(f"alert-hour#{of.kind}#{now:%Y%m%dT%H}"),
            causes=[
                self.items[f"alert-open#{cause}"]
                for cause in of.causes
                if f"alert-open#{cause}" in self.items
            ],
            windows=self.windows,
            recurring=self.recurring,
            zone="UTC",
        )
        decision = judge(event, known, self.rules, now)
        for item in (decision.alert, decision.standing, decision.hour):
            if isinstance(item, Alert | Standing | Hour) and decision.standing is not None:
                self.items[item.key] = item
        self.told += [(place.name, telling.action) for place, telling in decision.tell]
        return decision

    def alarm(self, at: datetime, name: str = "ona-detect-errors", **more: Any) -> Decision:
        given = {"severity": "critical", "kind": "errors", "reason": "too many", **more}
        number = f"{name} alarm {at}"
        return self.say(AlertEvent(id=number, what="alarm", at=at, name=name, **given), at)

    def ok(self, at: datetime, name: str = "ona-detect-errors") -> Decision:
        return self.say(AlertEvent(id=f"{name} ok {at}", what="ok", at=at, name=name), at)

    def of(self, what: Any, key: str, now: datetime, **more: Any) -> Decision:
        event = AlertEvent(id=f"{what} {key} {now} {more}", what=what, at=now, alert_id=key, **more)
        return self.say(event, now)


def test_an_alarm_is_told_at_the_first_level_and_closed_there() -> None:
    log = Memory()
    opened = log.alarm(T0)
    assert (opened.outcome, log.told) == ("opened", [("chat", "trigger")])
    assert opened.alert
    assert opened.alert.next_at == T0 + 15 * MINUTE
    assert log.alarm(T0 + MINUTE).outcome == "counted"
    closed = log.ok(T0 + 2 * MINUTE)
    assert (closed.outcome, log.told[1:]) == ("resolved", [("chat", "resolve")])
    assert closed.alert
    assert closed.alert.count == 2
    assert closed.alert.lane is None
    assert log.ok(T0 + 3 * MINUTE).outcome == "none"


@pytest.mark.parametrize(("hour", "who"), [(9, "day"), (3, "night"), (23, "night")])
def test_levels_go_on_to_whoever_is_on_call_and_no_place_hears_twice(hour: int, who: str) -> None:
    log = Memory()
    at = T0.replace(hour=hour)
    key = log.alarm(at).alert.key  # type: ignore[union-attr]
    assert log.of("due", key, at + 14 * MINUTE).outcome == "none", "it is not time yet"
    assert log.of("due", key, at + 15 * MINUTE).outcome == "escalated"
    assert log.told == [("chat", "trigger"), (who, "trigger")]
    last = log.of("due", key, at + 30 * MINUTE).alert
    assert log.told[2:] == [("mail", "trigger")]
    assert last is not None
    assert last.lane is None, "there is no further level"


def test_who_acknowledges_stops_the_levels_and_the_places_that_show_it_are_told() -> None:
    log = Memory()
    key = log.alarm(T0).alert.key  # type: ignore[union-attr]
    log.of("due", key, T0 + 30 * MINUTE)
    taken = log.of("acknowledge", key, T0 + 31 * MINUTE, by="Ada")
    assert taken.outcome == "acknowledged"
    assert taken.alert
    assert taken.alert.acknowledged_by == "Ada"
    assert log.told[-2:] == [("chat", "acknowledge"), ("day", "acknowledge")]
    assert log.of("due", key, T0 + 99 * MINUTE).outcome == "none"
    assert log.of("acknowledge", key, T0 + 99 * MINUTE, by="Nia").outcome == "none"
    log.ok(T0 + 100 * MINUTE)
    assert {place for place, action in log.told if action == "resolve"} == {"chat", "day"}


def test_the_same_event_and_an_older_one_change_nothing() -> None:
    log = Memory()
    first = log.alarm(T0)
    again = log.alarm(T0)
    assert (again.outcome, again.standing, len(log.told)) == ("opened", None, 1), "answered as the first"
    assert first.alert == again.alert
    assert log.ok(T0 - MINUTE).outcome == "none", "it came late"
    assert log.items["alert-open#ona-detect-errors"].open


def test_insufficient_data_neither_opens_nor_closes() -> None:
    log = Memory()
    log.alarm(T0)
    event = AlertEvent(id="i", what="insufficient", at=T0 + MINUTE, name="ona-detect-errors")
    assert log.say(event, T0 + MINUTE).outcome == "none"
    assert log.items["alert-open#ona-detect-errors"].open


def test_a_repeat_waits_and_is_told_when_it_is_still_on() -> None:
    log = Memory()
    log.alarm(T0)
    log.ok(T0 + MINUTE)
    kept = log.alarm(T0 + 2 * MINUTE)
    assert kept.outcome == "suppressed"
    assert "repeat" in str(kept.alert and kept.alert.suppressed_by)
    assert kept.alert
    assert kept.alert.next_at == T0 + 5 * MINUTE
    assert log.of("due", kept.alert.key, T0 + 5 * MINUTE).outcome == "opened"
    assert log.told.count(("chat", "trigger")) == 2
    other = Memory()
    other.alarm(T0)
    other.ok(T0 + MINUTE)
    gone = other.alarm(T0 + 2 * MINUTE)
    assert other.ok(T0 + 3 * MINUTE).outcome == "resolved"
    assert other.of("due", gone.alert.key, T0 + 5 * MINUTE).outcome == "none"  # type: ignore[union-attr]
    assert other.told == [("chat", "trigger"), ("chat", "resolve")], (
        "what was never told is not closed aloud"
    )


def test_a_window_keeps_what_it_is_about_quiet_and_no_longer_than_it_lasts() -> None:
    log = Memory()
    log.windows = [
        Window(key="platform-window#w1", begins_at=T0, next_at=T0 + 12 * MINUTE, only=["ooda"],
               always=["high"], why="upgrade", by="Ada", ttl=1)
    ]  # fmt: skip
    kept = log.alarm(T0 + MINUTE, family="ooda")
    assert kept.outcome == "suppressed"
    assert kept.alert
    assert "upgrade" in str(kept.alert.suppressed_by)
    assert log.alarm(T0 + MINUTE, "ona-b", family="access").outcome == "opened", "another family"
    loud = log.alarm(T0 + MINUTE, "ona-c", family="ooda", severity="high")
    assert loud.outcome == "opened", "the window keeps no high one quiet"
    later = log.of("due", kept.alert.key, T0 + 6 * MINUTE).alert
    assert later
    assert (later.status, later.next_at) == ("suppressed", T0 + 11 * MINUTE)
    last = log.of("due", kept.alert.key, T0 + 11 * MINUTE).alert
    assert last
    assert last.next_at == T0 + 12 * MINUTE
    assert log.of("due", kept.alert.key, T0 + 12 * MINUTE).outcome == "opened"


def test_a_recurring_window_of_the_file_holds_too() -> None:
    log = Memory()
    log.recurring = [Recurring(name="backup", days=["saturday"], start="09:00", hours=1, why="backup")]  # type: ignore[arg-type]
    assert log.alarm(T0).outcome == "suppressed"
    assert log.alarm(T0 + timedelta(days=1), "ona-sunday").outcome == "opened"


SYMPTOM: dict[str, Any] = {"causes": ["ona-detect-unwell"], "settle_s": 120, "lasts_s": 300}


def settled(log: Memory, decision: Decision) -> Decision:
    """The timer, when an alert is due."""
    assert decision.alert is not None
    assert decision.alert.next_at is not None
    return log.of("due", decision.alert.key, decision.alert.next_at)


@pytest.mark.parametrize("seconds", [-20, 0, 60, 119])
def test_one_cause_rings_once_whichever_comes_first(seconds: int) -> None:
    log = Memory()
    cause_at = T0 + timedelta(seconds=seconds)
    if seconds <= 0:
        log.alarm(cause_at, "ona-detect-unwell")
    symptom = log.alarm(T0, "ona-ooda-unwell", **SYMPTOM)
    assert symptom.alert is not None
    assert (symptom.outcome, symptom.alert.next_at) == ("suppressed", T0 + 2 * MINUTE)
    if seconds > 0:
        log.alarm(cause_at, "ona-detect-unwell")
    quiet = settled(log, symptom)
    assert quiet.outcome == "suppressed"
    assert log.told == [("chat", "trigger")]
    log.ok(T0 + 4 * MINUTE, "ona-detect-unwell")
    quiet = settled(log, quiet)
    assert quiet.outcome == "suppressed", "what the cause left behind"
    assert settled(log, quiet).outcome == "opened", "the cause has been over for long, and it is still on"


def test_a_cause_that_was_over_before_explains_what_begins_a_little_later() -> None:
    log = Memory()
    log.alarm(T0 - 30 * MINUTE, "ona-detect-unwell")
    log.ok(T0 - 4 * MINUTE, "ona-detect-unwell")
    assert settled(log, log.alarm(T0, "ona-ooda-unwell", **SYMPTOM)).outcome == "suppressed"
    assert settled(log, log.alarm(T0 + 2 * MINUTE, "ona-x-unwell", **SYMPTOM)).outcome == "opened"


@pytest.mark.parametrize("cause", ["", "ona-schedule-unwell"])
def test_a_symptom_without_its_cause_is_told_also_when_it_was_short(cause: str) -> None:
    log = Memory()
    if cause:
        log.alarm(T0, cause)
    log.ok(T0 - MINUTE, "ona-detect-unwell")  # never on: the first state of a new alarm
    symptom = log.alarm(T0, "ona-ooda-unwell", **SYMPTOM)
    short = log.alarm(T0, "ona-letters-unwell", **SYMPTOM)
    assert log.ok(T0 + MINUTE, "ona-letters-unwell").outcome == "none"
    assert settled(log, symptom).outcome == "opened"
    told = settled(log, short)
    assert (told.outcome, told.alert and told.alert.status) == ("opened", "resolved")
    assert log.told[-2:] == [("chat", "trigger"), ("chat", "resolve")]


def test_a_short_symptom_with_its_cause_is_closed_quietly() -> None:
    log = Memory()
    short = log.alarm(T0, "ona-letters-unwell", **SYMPTOM)
    log.ok(T0 + MINUTE, "ona-letters-unwell")
    log.alarm(T0 + MINUTE, "ona-detect-unwell")
    over = settled(log, short)
    assert (over.outcome, over.alert and over.alert.lane) == ("resolved", None)
    assert log.told == [("chat", "trigger")]


def test_what_another_alarm_tells_of_is_in_the_log_only() -> None:
    log = Memory()
    child = log.alarm(T0, rings=False, told_by="ona-detect-unwell")
    listens = log.alarm(T0, "ona-live-errors", rings=False)
    assert {child.outcome, listens.outcome} == {"suppressed"}
    assert child.alert is not None
    assert child.alert.lane is None
    assert log.ok(T0 + MINUTE).outcome == "resolved"
    assert not log.told


def test_one_too_many_goes_to_the_next_level_and_the_rest_waits_for_the_next_hour() -> None:
    log = Memory()
    for number in range(3):
        assert log.alarm(T0, f"ona-{number}").outcome == "opened"
    assert log.told == [("chat", "trigger")] * 3
    over = log.alarm(T0, "ona-3")
    assert over.outcome == "opened"
    assert over.alert
    assert over.alert.level == 2
    assert log.told[3:] == [("chat", "trigger"), ("day", "trigger")]
    assert "more than 3 of errors" in over.alert.reason
    rest = [log.alarm(T0 + MINUTE, f"ona-{number}") for number in range(4, 9)]
    assert {item.outcome for item in rest} == {"suppressed"}
    assert {item.alert.next_at for item in rest if item.alert} == {T0.replace(hour=10, minute=0)}
    assert over.alert.key in str(rest[0].alert and rest[0].alert.suppressed_by)
    assert log.alarm(T0 + MINUTE, "ona-other", kind="throttles").outcome == "opened", "another kind"
    woken = log.of("due", rest[0].alert.key, T0.replace(hour=10, minute=0))  # type: ignore[union-attr]
    assert woken.outcome == "opened"


def test_a_place_that_is_not_reached_lets_the_next_level_be_told_at_once() -> None:
    log = Memory()
    key = log.alarm(T0).alert.key  # type: ignore[union-attr]
    said = log.of("undeliverable", key, T0 + MINUTE, place="chat", reason="archived")
    assert said.outcome == "undeliverable"
    assert log.told[1:] == [("day", "trigger")]
    assert said.alert
    assert [item.outcome for item in said.alert.told] == ["undeliverable", "queued"]
    assert log.of("undeliverable", key, T0 + 2 * MINUTE, place="chat", reason="x").outcome == "none"
    assert log.of("undeliverable", key, T0 + MINUTE, place="other", reason="x").outcome == "none"
    log.of("undeliverable", key, T0 + 3 * MINUTE, place="day", reason="x")
    last = log.of("undeliverable", key, T0 + 4 * MINUTE, place="mail", reason="x")
    assert last.alert is not None
    assert last.alert.unheard, "on record: nobody could be told"
    log.ok(T0 + 5 * MINUTE)
    assert not [action for _, action in log.told if action == "resolve"], "nobody knows of it"


def test_a_doubtful_one_is_not_told_again_there() -> None:
    log = Memory()
    key = log.alarm(T0).alert.key  # type: ignore[union-attr]
    said = log.of("undeliverable", key, T0 + MINUTE, place="chat", doubtful=True)
    assert said.alert
    assert said.alert.told[0].outcome == "doubtful"
    assert not said.alert.unheard
    assert log.told == [("chat", "trigger"), ("day", "trigger")]
    log.ok(T0 + 2 * MINUTE)
    assert {place for place, action in log.told if action == "resolve"} == {"chat", "day"}


def test_who_has_nobody_on_call_is_on_record() -> None:
    only = {"critical": [{"after_minutes": 0, "places": ["on-call"]}], "high": rules().levels["high"]}
    log = Memory(rules(levels=only, rota=[]))
    opened = log.alarm(T0).alert
    assert opened
    assert opened.unheard
    assert opened.told[0].place == NOBODY
    assert not log.told


def test_low_ones_are_in_the_log_only() -> None:
    log = Memory(rules(levels={**rules().levels, "low": []}))
    opened = log.alarm(T0, severity="low")
    assert opened.outcome == "opened"
    assert not log.told
    assert opened.alert
    assert not opened.alert.unheard


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"levels": {"critical": [{"after_minutes": 0, "places": ["cat"]}]}}, "place cat is not declared"),
        ({"levels": {"critical": [{"after_minutes": 5, "places": ["chat"]}]}}, "begin at 0"),
        ({"levels": {"critical": [{"after_minutes": 0, "places": ["chat"]}]}}, "nobody is told of"),
        ({"rota": [{"start": "07:00", "end": "19:00", "people": ["Bo"]}]}, "person Bo is not declared"),
        ({"places": [{"name": "a", "channel": "slack"}]}, "every other channel has one"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rules(**change)

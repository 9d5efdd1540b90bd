"""What WeatherCache tells CloudWatch: one place without weather is not a provider that is down."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from forecasting.weather_cache import handler, places


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize(
    ("refreshed", "fresh", "stale", "missing", "unanswered"),
    [
        pytest.param(0, 0, 2, 1, 3, id="the provider answers for nobody"),
        pytest.param(5, 0, 0, 1, 0, id="it does not know one place"),
        pytest.param(0, 5, 1, 0, 0, id="one place is stale, the others need nothing yet"),
        pytest.param(0, 0, 0, 0, 0, id="no places yet"),
    ],
)
def test_the_provider_is_down_when_no_place_has_weather(
    refreshed: int, fresh: int, stale: int, missing: int, unanswered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"refreshed": refreshed, "fresh": fresh, "stale": stale, "missing": missing}
    told: dict[str, float] = {}
    monkeypatch.setattr(handler, "store", SimpleNamespace(cache=lambda: None, places=list))
    monkeypatch.setattr(places, "refresh", lambda *_: counts)
    monkeypatch.setattr(handler, "count", told.__setitem__)
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="1"
    )
    assert handler.lambda_handler({}, context) == counts
    assert told["WeatherUnanswered"] == unanswered
    assert told["WeatherStale"] == stale + missing

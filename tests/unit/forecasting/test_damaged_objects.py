"""Objects of training that somebody damaged: each is named with what is wrong, and stops no other one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.config import forecasting_config
from forecasting.documents import Current
from forecasting.global_training_service import candidate, dataset, evaluate, store
from forecasting.global_training_service.handler import run
from forecasting.layout import (
    DATASET,
    DATASET_CARD,
    FOLD,
    MODEL_BOOSTER,
    MODEL_CARD,
    MODEL_DIGEST,
    MODEL_MANIFEST,
    SITE,
    TRAINING_HOURLY,
)
from forecasting.model import registry
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidInput
from ona.store import parquet, s3
from ona.store.layout import KeyShape
from tests.builders.forecasting import site_document
from tests.builders.models import LEVELS, old_model
from tests.builders.weather import share_of, training, weather
from tests.fakes.tables import IN, OUT

STARTED = datetime(2026, 5, 1, tzinfo=UTC)
Change = Callable[[pd.DataFrame], pd.DataFrame]


def table(days: int = 30) -> pd.DataFrame:
    """A plant that gives half of what physics says: a model is better there."""
    sky = weather(days)
    return sky.assign(share=0.5 * share_of(sky)).rename_axis("timestamp").reset_index()


SOUND = table()
BODY = parquet.dump(SOUND)


def stored(change: Change) -> bytes:
    return parquet.dump(change(SOUND.copy()))


def one(column: str, value: Any) -> Change:
    """The table with another value in one row."""

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[5, column] = value
        return frame

    return changed


DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is no Parquet file"),
    "a text": (b"the export failed", "is no Parquet file"),
    "JSON": (b'{"share": []}', "is no Parquet file"),
    "a CSV": (SOUND.to_csv(index=False).encode(), "is no Parquet file"),
    "cut off": (BODY[: len(BODY) // 2], "is no Parquet file"),
    "its middle overwritten": (BODY[:40] + b"\xff" * (len(BODY) - 80) + BODY[-40:], "is no Parquet file"),
    "no rows": (stored(lambda frame: frame.iloc[:0]), "has no rows"),
    "without time": (stored(lambda frame: frame.drop(columns="timestamp")), "has no column timestamp"),
    "without share": (stored(lambda frame: frame.drop(columns="share")), "has no column share"),
    "columns of something else": (
        parquet.dump(pd.DataFrame({"name": ["a"], "colour": ["red"]})),
        "has no column timestamp, share",
    ),
    "texts for shares": (stored(lambda f: f.assign(share="much")), "has other values in column share"),
    "texts for times": (
        stored(lambda f: f.assign(timestamp=f["timestamp"].astype(str))),
        "has other values in column timestamp",
    ),
    "texts for weather": (stored(lambda f: f.assign(ghi_w_m2="sunny")), "other values in column ghi_w_m2"),
    "nothing measured": (stored(lambda f: f.assign(share=np.nan)), "has no hour with measured power"),
    "kW for shares": (stored(lambda f: f.assign(share=f["share"] * 500.0)), "outside 0…1"),
    "an infinite share": (stored(one("share", np.inf)), "has 1 share of the capacity outside 0…1"),
    "infinite weather": (stored(one("ghi_w_m2", -np.inf)), "weather that cannot be in column ghi_w_m2"),
    "a row without time": (stored(one("timestamp", pd.NaT)), "has no time in 1 row"),
    "times of another grid": (
        stored(lambda f: f.assign(timestamp=f["timestamp"] + pd.Timedelta(minutes=7))),
        "no whole hours",
    ),
    "a time of the year 2262": (
        stored(one("timestamp", pd.Timestamp("2262-01-01", tz="UTC"))),
        "has 1 hour before 1970 or after",
    ),
}
"""What lies at the key, and what is said of it."""


def lay(site_id: str, body: bytes) -> str:
    """A site with one training table; the table's key."""
    document = site_document({f"{site_id}-1": 100.0}).model_copy(
        update={"site_id": site_id, "customer_id": "customer-001"}
    )
    s3.write_json(OUT, SITE.build(customer_id="customer-001", site_id=site_id), document.document())
    key = TRAINING_HOURLY.build(customer_id="customer-001", site_id=site_id, file_id="0123456789abcdef")
    s3.write_bytes(IN, key, body, parquet.MEDIA_TYPE)
    return key


def prepared(key: str, started: datetime = STARTED) -> Any:
    source = {"bucket": IN, "key": key, "version_id": ""}
    event = {"task": "prepare", "source": source, "started": started.isoformat(), "execution_id": "e"}
    return run(event, OUT)


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_table_alone_is_named_with_what_is_wrong(cloud: None, kind: str) -> None:
    body, said = DAMAGED[kind]
    key = lay("bad", body)
    answer = prepared(key)
    assert answer["status"] == "unreadable", "it is not 'too little': the customer has sent enough"
    assert f"s3://{IN}/{key}" in answer["reason"]
    assert said in answer["reason"]
    assert "Send the upload again" in answer["reason"]


@pytest.mark.parametrize("kind", list(DAMAGED)[::4])
def test_a_damaged_table_stops_no_other_one(
    cloud: None, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, said = DAMAGED[kind]
    bad, good = lay("bad", body), lay("good", BODY)
    answer = prepared(bad)
    assert answer["status"] == "ready"
    assert [line for line in answer["unreadable"] if bad in line and said in line]
    card = store.load_dataset_card(OUT, "customer-001", answer["version"])
    assert card.sources == [good]
    assert card.unreadable == list(answer["unreadable"])
    assert [fitted.site.site_id for fitted in card.sites] == ["good"]
    assert any(bad in str(record.__dict__) for record in caplog.records), "operators see it in the log"


@pytest.mark.parametrize("body", [b"", b"junk", b"null", b'{"colour": "red"}'])
def test_a_damaged_note_of_an_earlier_training_stops_no_training(cloud: None, body: bytes) -> None:
    key = lay("good", BODY)
    found = store.uploads_of(IN, "customer-001")
    digest = MODEL_DIGEST.build(customer_id="customer-001", digest=found.digest)
    s3.write_json(OUT, digest, {"version": "v1", "execution_id": "another"})
    assert prepared(key)["status"] == "nothing_new"
    s3.write_bytes(OUT, digest, body, "application/json")
    assert prepared(key)["status"] == "ready"


ODD: dict[str, Change] = {
    "as it is": lambda frame: frame,
    "a third not measured": lambda frame: frame.assign(share=frame["share"].where(frame.index % 3 > 0)),
    "columns of a later version": lambda frame: frame.assign(snow="none"),
    "always at its limit by day": lambda frame: frame.assign(
        share=frame["share"].where(frame["share"] == 0, 1.0)
    ),
    "hours twice": lambda frame: pd.concat([frame, frame.tail(5)], ignore_index=True),
    "a variable without a value": lambda frame: frame.assign(wind_speed_m_s=None),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_table_that_looks_odd_trains(cloud: None, kind: str) -> None:
    answer = prepared(lay("odd", stored(ODD[kind])))
    assert (answer["status"], answer["unreadable"]) == ("ready", [])


def test_too_little_beside_a_damaged_table_says_both(cloud: None) -> None:
    bad = lay("bad", b"junk")
    answer = prepared(lay("few", parquet.dump(table(3))))
    assert answer["status"] == "too_little"
    assert "7 are needed" in answer["reason"]
    assert bad in answer["reason"]


# ------------------------------------------------------------------ a version's own files


JUNK: dict[str, bytes] = {
    "empty": b"",
    "a text": b"junk",
    "null": b"null",
    "deep": b"[" * 50_000,
    "another table": parquet.dump(pd.DataFrame({"name": ["a"], "colour": ["red"]})),
}
NO_WINDOW = parquet.dump(evaluate.no_window(LEVELS))
MANIFEST = b'{"format": 1, "levels": [0.5], "sites": {}, "features": []}'


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that trains in a moment."""
    settings = forecasting_config()
    quick = settings.model_copy(update={"booster": settings.booster.model_copy(update={"rounds": 20})})
    monkeypatch.setattr(candidate, "forecasting_config", lambda: quick)


def trained(site_id: str = "good", started: datetime = STARTED) -> Any:
    """The answer of Decide for one more table, all steps run; the version is in service after it."""
    version = str(prepared(lay(site_id, BODY), started)["version"])
    step = {"customer_id": "customer-001", "version": version}
    for number in range(len(store.load_dataset_card(OUT, "customer-001", version).folds)):
        run({"task": "fold", "fold": number, **step}, OUT)
    run({"task": "train", **step}, OUT)
    return run({"task": "decide", **step}, OUT)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (MODEL_BOOSTER, "empty"),
        (MODEL_BOOSTER, "a text"),
        (MODEL_MANIFEST, "null"),
        (MODEL_MANIFEST, "deep"),
        (MODEL_CARD, "a text"),
    ],
    ids=["booster empty", "booster a text", "manifest null", "manifest deep", "card a text"],
)
def test_a_damaged_model_in_service_keeps_no_sound_candidate_out(
    cloud: None, few_trees: None, shape: KeyShape, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = trained()
    assert first["decision"] == "promoted"
    key = shape.build(customer_id="customer-001", version=first["version"])
    s3.write_bytes(OUT, key, JUNK[kind], "application/octet-stream")
    second = trained("another", STARTED + timedelta(hours=1))
    assert second["decision"] == "promoted", second["reason"]
    assert any(key.rsplit("/", 1)[0] in str(record.__dict__) for record in caplog.records)


STEPS: dict[str, tuple[KeyShape, dict[str, Any], str]] = {
    "fold, a dataset of text": (DATASET, {"task": "fold", "fold": 0}, "a text"),
    "train, a dataset of something else": (DATASET, {"task": "train"}, "another table"),
    "train, a card that is null": (DATASET_CARD, {"task": "train"}, "null"),
    "decide, a window of something else": (FOLD, {"task": "decide"}, "another table"),
    "decide, an empty candidate": (MODEL_BOOSTER, {"task": "decide"}, "empty"),
}
"""What is damaged, the step that reads it, and how."""


@pytest.mark.parametrize("step", STEPS)
def test_a_step_names_the_object_that_it_cannot_read(cloud: None, step: str) -> None:
    shape, event, kind = STEPS[step]
    version = str(prepared(lay("good", BODY))["version"])
    names = {"customer_id": "customer-001", "version": version}
    if event["task"] == "decide":
        for number in range(len(store.load_dataset_card(OUT, "customer-001", version).folds)):
            s3.write_bytes(OUT, FOLD.build(**names, fold=number), NO_WINDOW, "application/octet-stream")
    key = shape.build(**names, **({"fold": 0} if shape is FOLD else {}))
    if shape is MODEL_BOOSTER:
        s3.write_bytes(OUT, MODEL_MANIFEST.build(**names), MANIFEST, "application/json")
    s3.write_bytes(OUT, key, JUNK[kind], "application/octet-stream")
    with pytest.raises(InvalidInput) as caught:
        run({**event, **names}, OUT)
    assert key.rsplit("/", 1)[0] in str(caught.value)
    assert len(str(caught.value)) < 1_000


def test_a_booster_that_another_one_was_written_over_is_told(cloud: None, few_trees: None) -> None:
    """Also one that could be read: its bits are not those that were stored."""
    version = trained()["version"]
    key = MODEL_BOOSTER.build(customer_id="customer-001", version=version)
    body = bytearray(s3.read_bytes(S3Pointer(bucket=OUT, key=key)))
    body[len(body) // 2] ^= 0x10
    s3.write_bytes(OUT, key, bytes(body), "application/octet-stream")
    with pytest.raises(InvalidInput, match=rf"{version}.*not the one that model.json was written for"):
        registry.read_model(OUT, "customer-001", version)


def test_a_model_of_the_first_format_is_read(cloud: None) -> None:
    """One booster of xgboost that learned the share; the oldest manifests have no hash."""
    names = {"customer_id": "customer-001", "version": "v1"}
    levels, files = old_model()
    s3.write_bytes(OUT, MODEL_BOOSTER.build(**names), files["booster.ubj"], "application/octet-stream")
    s3.write_bytes(OUT, MODEL_MANIFEST.build(**names), files["model.json"], "application/json")
    model = registry.read_model(OUT, **names)
    assert model.levels == levels
    assert not model.trees.departs
    s3.write_bytes(OUT, MODEL_BOOSTER.build(**names), b"the export failed", "application/octet-stream")
    with pytest.raises(InvalidInput, match="no booster of xgboost"):
        registry.read_model(OUT, **names)


@pytest.mark.parametrize("kind", ["a text", "another table"])
def test_a_damaged_dataset_of_another_customer_is_not_learned_from(cloud: None, kind: str) -> None:
    for name in ("neighbour", "stranger"):
        pointer = Current(version="v1", changed_at=STARTED, reason="of a test")
        assert registry.promote(OUT, name, pointer, "")
        body = JUNK[kind] if name == "neighbour" else parquet.dump(dataset.stacked({"s": training(20)}))
        s3.write_bytes(OUT, DATASET.build(customer_id=name, version="v1"), body, parquet.MEDIA_TYPE)
    others = store.rows_of_others(OUT, "customer-001", 100)
    assert others is not None
    assert set(others["site_id"]) == {"s"}

"""Where objects of forecasting lie. Keys that other families use too stand in `ona.store.layout`; those of
sites, forecasts and their accuracy can be imported from here as well.

>>> SITE.build(customer_id="customer-001", site_id="solar-farm-a")
'sites/customer-001/solar-farm-a.json'
>>> TRAINING_HOURLY.parse("training/customer-001/solar-farm-a/hourly/c19f0a63998e9082.parquet")["site_id"]
'solar-farm-a'
>>> from datetime import date
>>> FORECAST.prefix(day=date(2025, 6, 10))
'forecasts/2025/06/10/'
"""

from __future__ import annotations

from ona.store.layout import ACCURACY as ACCURACY
from ona.store.layout import FORECAST as FORECAST
from ona.store.layout import SITE as SITE
from ona.store.layout import KeyShape

# ------------------------------------------------------------------ input bucket: uploads

HISTORICAL = KeyShape("historical/{customer_id}/{name:path}")
"""An upload of history, as a customer may name it; the name ends in `.csv`."""
HISTORICAL_UPLOAD = KeyShape("historical/{customer_id}/{site_id}/{upload_id}.csv")
"""An upload of history at the place that the API promised."""
NOWCAST = KeyShape("nowcast/{day:folders}/{name}")
"""An upload of recent telemetry straight into the bucket; its key names no customer."""
NOWCAST_OF_CUSTOMER = KeyShape("nowcast/{day:folders}/{customer_id}/{name}")
"""An upload of recent telemetry whose key names its customer."""
NOWCAST_UPLOAD = KeyShape("nowcast/{day:folders}/{customer_id}/{upload_id}_nowcast.csv")
"""An upload of recent telemetry at the place that the API promised."""

UPLOAD_ID_PATTERN = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""An upload id, as the API makes them (RFC 9562, version 4). `forecast_upload` accepts each one once."""

# ------------------------------------------------------------------ input bucket: training data

TRAINING_HOURLY = KeyShape("training/{customer_id}/{site_id}/hourly/{file_id}.parquet")
"""The hourly training table of one upload and site; a new one starts a training."""
TRAINING_ENRICHED = KeyShape("training/{customer_id}/{site_id}/enriched/{file_id}.parquet")
"""All values of one upload and site at the telemetry's interval, with how each came about."""

# ------------------------------------------------------------------ output bucket: sites and uploads

SITE_KEY_PATTERN = r"^sites/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+\.json$"
"""What a payload takes as a key of `SITE`."""
STAGED = KeyShape("staging/{file_id}/{site_id}.parquet")
"""Canonical telemetry of one upload and site, on its way from Ingest to Fill."""
STAGED_WEATHER = KeyShape("staging/{file_id}/{site_id}-weather.json")
"""The weather document of the days of a staged upload."""
FILL_REPORT = KeyShape("uploads/{customer_id}/{file_id}-{site_id}.json")
"""A `FillReport`."""

# ------------------------------------------------------------------ output bucket: models

MODEL_CURRENT = KeyShape("models/{customer_id}/current.json")
"""What serves each site of a customer: `Current`. What still lies there under `global` is read no more."""
MODEL_CURRENT_ASIDE = KeyShape("models/{customer_id}/aside/current-{digest}.json")
"""A `current.json` that nobody could read, as it was, before another one was written in its place."""
MODEL_VERSION = KeyShape("models/{customer_id}/{version}/{name:path}")
"""Any object of a version."""
MODEL_DIGEST = KeyShape("models/{customer_id}/digests/{digest}.json")
"""Which version was trained on a set of uploads, by the digest of the set."""
MODEL_MANIFEST = KeyShape("models/{customer_id}/{version}/model.json")
"""What a version's booster expects: features, quantile levels, sites."""
MODEL_BOOSTER = KeyShape("models/{customer_id}/{version}/booster.ubj")
"""A version's booster, in xgboost's UBJSON."""
MODEL_CARD = KeyShape("models/{customer_id}/{version}/card.json")
"""A `ModelCard`."""
DATASET_CARD = KeyShape("models/{customer_id}/{version}/dataset.json")
"""A `DatasetCard`."""
DATASET = KeyShape("models/{customer_id}/{version}/dataset.parquet")
"""Features and share of a customer's sites, on which a version is trained."""
DATASET_OF_OTHERS = KeyShape("models/{customer_id}/{version}/others.parquet")
"""Rows of other customers' sites, on which a version is trained as well."""
FOLD = KeyShape("models/{customer_id}/{version}/folds/fold-{fold}.parquet")
"""Out-of-sample quantiles of one rolling-origin window."""

# ------------------------------------------------------------------ output bucket: forecasts, accuracy

FORECAST_LATEST = KeyShape("forecasts/latest/{customer_id}/{site_id}.json")
"""A site's newest `ForecastDocument`."""
ACCURACY_PICTURE = KeyShape("accuracy/{customer_id}/{site_id}/{day:dashes}.svg")
"""The same day drawn: forecast, intervals and measured power."""
LIVE_CALIBRATION = KeyShape("accuracy/{customer_id}/{site_id}/live.json")
"""A `LiveCalibration`."""
LIVE_ASIDE = KeyShape("accuracy/{customer_id}/{site_id}/aside/live-{digest}.json")
"""A `live.json` that nobody could read, as it was, before another one was written in its place."""

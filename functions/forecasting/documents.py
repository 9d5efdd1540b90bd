"""The documents of forecasting, as models: sites, upload reports, model cards, forecasts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from forecasting.expert_documents import ExpertErrors, ExpertSaid
from forecasting.layout import SITE
from ona.documents.assets import Asset
from ona.documents.base import Document, S3Pointer


class SiteDocument(Document):
    """`sites/<customer>/<site>.json` in the output bucket: a site as forecasting sees it.

    Derived from `assets.json` at every upload; capacity in kW, angles in degrees.
    """

    customer_id: str
    site_id: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    kind: Literal["solar", "wind"]
    capacity_kw: float = Field(gt=0)
    tilt: float | None = None
    azimuth: float | None = None
    timezone: str | None = None
    assets: dict[str, float] = Field(description="capacity_kw by asset id")

    @property
    def key(self) -> str:
        """The S3 key of this document in the output bucket."""
        return SITE.build(customer_id=self.customer_id, site_id=self.site_id)

    @classmethod
    def of(cls, customer_id: str, site_id: str, assets: list[Asset]) -> SiteDocument | None:
        """The site of some assets; None when none of them says where it stands.

        Place, tilt and azimuth are the capacity-weighted mean of those that state them.
        """
        placed = [(asset, asset.location) for asset in assets if asset.location]
        if not placed:
            return None
        weight = sum(asset.capacity_kw for asset, _ in placed)
        planes = [a for a in assets if a.tilt is not None and a.azimuth is not None]
        return cls(
            customer_id=customer_id,
            site_id=site_id,
            latitude=sum(p.latitude * a.capacity_kw for a, p in placed) / weight,
            longitude=sum(p.longitude * a.capacity_kw for a, p in placed) / weight,
            kind="wind" if all(asset.is_wind for asset in assets) else "solar",
            capacity_kw=sum(asset.capacity_kw for asset in assets),
            tilt=planes[0].tilt if planes else None,
            azimuth=planes[0].azimuth if planes else None,
            timezone=next((asset.timezone for asset in assets if asset.timezone), None),
            assets={asset.id: asset.capacity_kw for asset in assets},
        )


class GapRecord(Document):
    """One gap in the power of one asset, from `start` to `end` (`hours` long), and how it was filled."""

    asset_id: str
    start: datetime
    end: datetime
    hours: float
    length: Literal["short", "medium", "long"]
    cause: Literal["night", "value_missing", "logger", "communication"]
    shared: float = Field(description="share of the site's assets that were silent meanwhile")
    method: str
    half_width_kw: float = Field(description="mean 80 % half width of its daylight values")


class FillReport(Document):
    """`uploads/<file id>-<site>.json`: what filling did to one site of an upload."""

    file_id: str
    customer_id: str
    site_id: str
    weather_provider: str
    weather_reason: str
    interval_minutes: float
    assets: int
    days: int
    values: int
    filled: dict[str, int] = Field(description="values by method")
    gaps: list[GapRecord]
    gaps_not_listed: int
    training: S3Pointer | None
    telemetry: list[S3Pointer]
    unmeasured: list[str] = Field(
        default=[],
        description="columns of the contract that the upload has no value of; none is needed here",
    )


class Fitted(Document):
    """A site as a model was trained for it."""

    site: SiteDocument
    tilt: float
    azimuth: float
    plane_explains: float | None = Field(description="share of variance, when the plane was fitted")
    days: float
    rows: int


class DatasetCard(Document):
    """`dataset.json` beside a version's dataset: what was put together, from what."""

    customer_id: str
    version: str
    digest: str
    execution_id: str
    started: datetime
    trained_until: datetime
    sites: list[Fitted]
    sources: list[str]
    unreadable: list[str] = Field(default=[], description="objects that were left out, and why")
    rows: int
    rows_of_others: int
    thinned: int = Field(description="one row in so many was taken; 1 is all of them")
    folds: list[tuple[datetime, datetime]] = Field(description="(after, until] of the windows")
    blocks: list[list[tuple[datetime, datetime]]] = Field(
        default=[], description="with a year of data: the months of each window; the others trained it"
    )

    def spans(self, fold: int) -> list[tuple[datetime, datetime]]:
        """What a window holds, (after, until] each."""
        return self.blocks[fold] if self.blocks else [self.folds[fold]]


class Scores(Document):
    """Scores over daylight on unseen days; losses as % of capacity."""

    rows: int
    days: int
    pinball_percent: float
    mae_percent: float
    reference_mae_percent: float = Field(description="24-hour clear-sky persistence")
    skill: float
    coverage_80_percent: float
    coverage_95_percent: float
    width_80_percent: float
    width_95_percent: float
    accuracy_percent: float


class SiteVerdict(Document):
    """What became of a candidate at one site. The losses are % of capacity: pinball loss against a model,
    mean absolute error against what needs no training."""

    decision: Literal["promoted", "kept", "withdrawn"] = Field(
        description="withdrawn: the model in service was worse than physics, which serves now"
    )
    reason: str
    days: int = Field(description="days that were compared on")
    against: str = Field(description="what served the site: a version, or `physics`")
    candidate: float | None
    other: float | None


class ModelCard(Document):
    """`card.json` beside every model: what it is, from what, how good, and what became of it."""

    customer_id: str
    version: str
    created_at: datetime
    trained_until: datetime
    sites: list[Fitted]
    training_rows: int
    training_days: float
    rows_of_others: int
    settings: dict[str, object]
    features: list[str]
    xgboost_version: str
    lightgbm_version: str = Field(default="", description="empty for models of before it was used")
    own: Scores | None
    compared_with: str = Field(description="the version in service, or the reference for a first model")
    compared_days: int
    candidate_pinball_percent: float | None
    other_pinball_percent: float | None
    decision: Literal["promoted", "kept"] = Field(description="promoted: at one site at least")
    reason: str
    verdicts: dict[str, SiteVerdict] = Field(default={}, description="by site; empty in older cards")
    calibration: dict[str, dict[str, float]] = Field(
        default={}, description="factors by interval, in cards of earlier versions"
    )
    scores: dict[str, list[float]] = Field(
        default={}, description="what calibrates intervals, by site; without a name: of all sites"
    )
    experts: dict[str, ExpertErrors] = Field(
        default={}, description="what experts missed on the newest unseen days, by site"
    )
    nowcast_weight: float
    nowcast_tau_hours: float
    limits: str


PHYSICS = "physics"
"""Stands for a version where physics forecasts a site."""


class Serving(Document):
    """What serves one site, since when, and why."""

    version: str = Field(
        pattern=r"^(physics|v[0-9a-z-]+)$", description="a version of the customer's model, or `physics`"
    )
    since: datetime
    why: str = Field(description="in a sentence for the customer")
    previous: str = Field(default="", description="what served before: a version, `physics`, or nothing")


class Current(Document):
    """`models/<customer>/current.json`: what serves each of a customer's sites."""

    version: str = Field(
        pattern=r"^(v[0-9a-z-]+)?$",
        description="the newest version that serves a site, or none. In a document without `sites`, which "
        "came before them: it serves the sites that it was trained on",
    )
    previous: str = ""
    changed_at: datetime
    reason: str
    sites: dict[str, Serving] | None = None
    judged: str = Field(default="", description="the candidate that was judged last")


class Conditions(Document):
    """The weather that a value rests on."""

    temperature_c: float | None = None
    irradiance_w_m2: float | None = None
    wind_speed_m_s: float | None = None
    cloud_cover_percent: float | None = None
    humidity_percent: float | None = None


class Interval(Document):
    """Calibrated bounds, kW."""

    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float


class Point(Document):
    """One interval of a forecast, named by its end (UTC)."""

    timestamp: datetime
    predicted_power_kw: float
    confidence_interval: Interval
    weather_conditions: Conditions


class Unavailable(Document):
    """A machine, or a part of its power, that is out and was subtracted from a forecast: `kw` from `start`
    to `end`; without an end nobody knows when it comes back."""

    asset_id: str
    kw: float
    start: datetime
    end: datetime | None
    reason: str


class ForecastMetadata(Document):
    """What a forecast rests on. `degraded` names what was missing, empty when nothing was."""

    model_version: str = Field(description="what forecast the site: a version, or `physics`")
    model_since: datetime | None = Field(default=None, description="since when it serves the site")
    model_reason: str = Field(default="", description="why it serves the site, in a sentence")
    training_data_points: int
    model_accuracy: float | None
    last_training_date: datetime | None
    weather_provider: str
    weather_age_minutes: int | None
    nowcast_age_minutes: int | None
    interval_minutes: int
    degraded: list[str]
    notes: list[str]
    unavailable: list[Unavailable] = Field(default=[], description="what is out, and was subtracted")


class Summary(Document):
    """The whole horizon in four numbers."""

    total_predicted_energy_kwh: float
    peak_power_kw: float
    average_power_kw: float
    capacity_factor: float


class ForecastDocument(Document):
    """A forecast, as stored and as answered."""

    forecast_id: str
    customer_id: str
    site_id: str | None
    generated_at: datetime
    horizon_hours: int
    capacity_kw: float
    forecasts: list[Point]
    metadata: ForecastMetadata
    summary: Summary


ForecastJson = dict[str, Any]
"""A ForecastDocument in its JSON form, as it is stored and answered."""


class Uncalibrated(Document):
    """What a forecast was before its calibration: accuracy measures it by that.

    Shares of capacity at levels 2.5, 10, 50, 90 and 97.5 %, one row a point; None in hours that something
    else than `source` made.
    """

    source: Literal["model", "physical", "usual"]
    quantiles: list[list[float] | None]


class IssuedForecast(ForecastDocument):
    """`forecasts/<day>/<id>.json`: a forecast as it was issued.

    `uncalibrated`: first what was served, then what would have been without the model, so that physics
    knows its errors on the day it is needed. `experts`: whose average it is; from what they miss their
    weights are learned. `past_scores`: the scores of the site's measured hours, for sums
    (`forecasting.model.dependence`). Earlier versions of the platform stored none; customers do not see
    them.
    """

    uncalibrated: list[Uncalibrated] = []
    experts: list[ExpertSaid] = []
    past_scores: dict[str, str] = Field(default={}, description="24 letters by UTC day, one an hour")

    def document(self) -> dict[str, Any]:
        """The JSON form that customers are shown."""
        return self.model_dump(mode="json", exclude={"uncalibrated", "experts", "past_scores"})

    def newest(self) -> dict[str, Any]:
        """The JSON form that is stored as a site's newest: what answers and sums read."""
        return {**self.document(), "past_scores": self.past_scores}

    def issued(self) -> dict[str, Any]:
        """The JSON form that is stored under the day of issue."""
        return self.model_dump(mode="json", exclude={"past_scores"})

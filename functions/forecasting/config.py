"""`configs/forecasting/forecasting.yaml`: how models are trained, compared and used."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ona.config.files import ConfigFile
from ona.documents.base import Document


class MemberChoice(Document):
    """One member of the forecasting model: whose trees, and what they learn (`model/members.py`)."""

    kind: Literal["lightgbm", "xgboost"]
    target: Literal["share", "departure", "clear_sky"]


class BoosterSettings(Document):
    """How the members of the forecasting model are trained; the forecast is their mean."""

    members: tuple[MemberChoice, ...] = Field(min_length=1, max_length=8)
    levels: tuple[float, ...] = Field(description="quantile levels, rising, 0…1")
    rounds: int = Field(ge=1, le=2000)
    leaves: int = Field(ge=2, le=1024)
    bins: int = Field(ge=8, le=255, description="values of a feature that a tree tells apart")
    learning_rate: float = Field(gt=0, le=1)
    min_rows_a_leaf: int = Field(ge=0)
    row_share: float = Field(gt=0, le=1)
    rows_a_tree: int = Field(ge=100, description="rows that a tree sees at most")
    feature_share: float = Field(gt=0, le=1)
    seed: int

    @model_validator(mode="after")
    def _levels(self) -> Self:
        rising = all(a < b for a, b in zip(self.levels, self.levels[1:], strict=False))
        if len(self.levels) < 5 or not rising or not 0 < self.levels[0] < self.levels[-1] < 1:
            raise ValueError("levels: at least five, rising, between 0 and 1")
        for needed in (0.025, 0.1, 0.5, 0.9, 0.975):
            if needed not in self.levels:
                raise ValueError(f"levels: {needed} is needed for the 80 and 95 % intervals")
        return self


class TrainingRules(Document):
    """When and on what a model is trained, and how it is compared with the model in service."""

    min_days: int = Field(ge=3, description="days with measured power a customer needs")
    folds: int = Field(ge=2, le=12, description="rolling-origin windows; the first only calibrates")
    fold_days: int = Field(ge=1, le=60)
    function_rows: int = Field(ge=1000, description="daylight rows that the function trains in its time")
    container_rows: int = Field(ge=1000)
    rows_of_others: int = Field(ge=0, description="daylight rows of other customers to learn from")
    min_unseen_days: int = Field(ge=1, description="days the comparison needs")
    min_gain_percent: float = Field(
        ge=0, description="how much better a candidate must be, % of pinball loss"
    )


class ForecastRules(Document):
    """What is forecast, and for how long an answer stands."""

    default_horizon_hours: int = Field(ge=1, le=168)
    max_horizon_hours: int = Field(ge=1, le=168)
    fresh_minutes: int = Field(ge=1, description="a stored forecast younger than this is answered as it is")
    nowcast_hours: int = Field(ge=0, description="recent telemetry that corrects the first hours")
    min_accuracy_percent: float = Field(ge=0, le=100)


class ForecastingConfig(Document):
    """The content of `configs/forecasting/forecasting.yaml`, by its three sections."""

    booster: BoosterSettings
    training: TrainingRules
    forecast: ForecastRules


FILE = ConfigFile("forecasting/forecasting.yaml", ForecastingConfig)


def forecasting_config() -> ForecastingConfig:
    """The file's content. Raises InvalidConfiguration."""
    return FILE.read()

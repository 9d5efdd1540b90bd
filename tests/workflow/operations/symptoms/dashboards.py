"""What docs/operations/dashboards.md shows: a platform that gets a file, and an alarm that is on."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.platform import Platform

ALARM = {"AlarmName": "ona-detect-error-rate-dev", "StateReason": "Threshold Crossed: a test"}


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """Nothing is brought about; the page's own command puts a file."""
    platform.reset()
    yield


@contextmanager
def alarmed(platform: Platform) -> Iterator[None]:
    """An alarm of the family ooda is on."""
    cloudwatch = platform.target.client("cloudwatch")
    cloudwatch.set_alarm_state(StateValue="ALARM", **ALARM)
    try:
        yield
    finally:
        cloudwatch.set_alarm_state(StateValue="OK", **ALARM)


@contextmanager
def pictured(_: Platform) -> Iterator[None]:
    """The page is written into a folder that goes again."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


@contextmanager
def summed(platform: Platform) -> Iterator[None]:
    """Somebody's own dashboard: of 8 files 2 were refused; a search, which nobody knows here."""
    cloudwatch = platform.target.client("cloudwatch")
    files = [{"MetricName": name, "Value": value} for name, value in (("Files", 8.0), ("Refused", 2.0))]
    cloudwatch.put_metric_data(Namespace="Mine", MetricData=files)
    region = cloudwatch.meta.region_name
    share = [
        ["Mine", "Files", {"id": "all", "visible": False}],
        [".", "Refused", {"id": "bad", "visible": False}],
        [{"expression": "100 * bad / all", "label": "share of refused files, %"}],
    ]
    found = [[{"expression": "SEARCH('{AWS/SQS,QueueName}', 'Sum', 300)", "label": "all queues"}]]
    widgets = [
        {
            "type": "metric",
            "properties": {"title": title, "region": region, "stat": "Sum", "metrics": lines},
        }
        for title, lines in (("refused files", share), ("found", found))
    ]
    cloudwatch.put_dashboard(DashboardName="ona-mine-dev", DashboardBody=json.dumps({"widgets": widgets}))
    try:
        yield
    finally:
        cloudwatch.delete_dashboards(DashboardNames=["ona-mine-dev"])

"""The demo's week, planned evening by evening: what plans save in USD against two simple rules.

    python -m benchmarks.scheduling.demo_fleet

Each simulated day's telemetry is judged and diagnosed as the loop does it; every evening all faults that
are open are planned on empty calendars by the platform's crews. *weighted* is the loss that plans minimise; *USD*
is money alone: production lost until the repair and during it, labour, travel and parts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from benchmarks.scheduling.generated import money
from ona.config import parts
from ona.config.causes import cause_rules
from ona.documents.base import S3Pointer
from ona.documents.findings import Finding
from ona.repairs.crews import Crew
from ona.telemetry.canonical import read_canonical
from ooda.config import loss_function
from ooda.config.detection import detection_config
from ooda.detect.batches import batches
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.judge import judge_assets
from ooda.diagnose.findings import findings_of
from ooda.documents.asset_history import AssetHistory
from ooda.schedule.build import build
from ooda.schedule.comparison import by_simple_rules
from ooda.schedule.eligibility import takes_days
from ooda.schedule.requests import RepairRequest
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.solve import solve
from ooda.schedule.visits import Calendars
from ooda.schedule.work import urgency, works_of
from ops import seed
from ops.demo import simulate
from ops.target import use_configs

EVENING = time(22, 0, tzinfo=UTC)
"""When the faults of a day are planned: after sunset in Greensboro."""
NOWHERE = S3Pointer(bucket="none", key="none")
"""Where the findings' diagnostics would lie."""


def faults() -> list[tuple[datetime, dict[str, Finding]]]:
    """(evening, the faults that are open by then)."""
    registry, rules, fleet = simulate.registry(), detection_config(), simulate.fleet()
    histories: dict[str, AssetHistory] = {}
    open_faults: dict[str, Finding] = {}
    days = []
    for day, files in sorted(fleet.files.items()):
        now = datetime.combine(day, EVENING)
        head = next(iter(files.values())).partition(b"\n")[0]
        body = b"\n".join([head, *(file.partition(b"\n")[2].rstrip() for file in files.values())])
        telemetry = read_canonical(
            body,
            now=now + timedelta(days=1),
            capacity_kw=lambda _: simulate.CAPACITY_KW,
            where=f"{day}",
        )
        file = TelemetryFile(
            telemetry.by_asset, telemetry.quality, registry, rules, 0.7, rows=len(telemetry)
        )
        for batch in batches(file):
            own = {name: telemetry.by_asset[name] for name in batch.names}
            batch_file = replace(file, readings=own, key=f"{day} {batch.site}")
            for item in judge_assets(batch_file, Context(histories)):
                histories[item.detection.asset_id] = item.history
                asset = registry.require(item.detection.asset_id, "demo")
                limits = loss_function.loss_function_config().thresholds
                for finding in findings_of(
                    item.detection, asset, now=now, causes=cause_rules(), limits=limits
                ):
                    open_faults[finding.incident_id or finding.finding_key] = finding
        days.append((now, dict(open_faults)))
    return days


def main() -> None:
    """The table."""
    use_configs()
    registry, config, causes = simulate.registry(), loss_function.loss_function_config(), cause_rules()
    rules = PlanningRules(config, config.weights, parts.parts_catalogue().parts)
    crews = [Crew.model_validate(item) for item in seed.example_crews(simulate.SITE)]
    print(
        f"{'evening':<12}{'jobs':>5}{'proven':>8}{'weighted':>10}{'greedy +':>10}{'first come +':>14}"
        f"{'USD':>9}{'greedy +':>10}{'first come +':>14}"
    )
    for now, open_faults in faults():
        requests = [
            RepairRequest(
                finding, registry.require(finding.asset_id, "demo"), causes[finding.cause], NOWHERE
            )
            for finding in open_faults.values()
            if causes[finding.cause].fault
        ]
        works = [work for work in works_of(requests, now, rules)[0] if not takes_days(work, crews, rules)]
        if not works:
            continue
        built = build(sorted(works, key=urgency), crews, Calendars(), now=now, rules=rules)
        result = solve(built.problem, seed=1, seconds=config.solver.cpu_seconds)
        simple = by_simple_rules(built)
        first, greedy = simple["first_come_first_served"], simple["greedy"]
        best = result.solution
        usd = [money(built, plan, now) for plan in (best, greedy, first)]
        print(
            f"{now:%a %d %b}  {len(works):>5}{'yes' if result.optimal else 'no':>8}{best.cost:>10.0f}"
            f"{greedy.cost - best.cost:>10.0f}{first.cost - best.cost:>14.0f}"
            f"{usd[0]:>9.0f}{usd[1] - usd[0]:>10.0f}{usd[2] - usd[0]:>14.0f}"
        )


if __name__ == "__main__":
    main()

"""Everything that this project changes inside ministack and moto, in one place: one hook a module.

Both packages are pinned exactly. Every hook takes the private names that it needs through `base.private`,
which says which name is gone when an upgrade removes it. `tests/workflow/local/` tries every hook.
"""

from __future__ import annotations

from local import limits
from local.hooks import (
    account_pool,
    alarm_events,
    alarm_states,
    alarms,
    aliases,
    api_cache,
    apigateway,
    appconfig,
    asynchronous,
    autoscaling_acts,
    budgets,
    callbacks,
    capacity,
    clock_requests,
    cloudformation,
    codedeploy,
    codedeploy_api,
    codedeploy_shifts,
    composite_alarms,
    concurrency,
    creation,
    definitions,
    distributed_map,
    drift_readers,
    durable,
    emf,
    executions,
    forked_sandboxes,
    front,
    identity,
    jsonata,
    lambda_worker,
    log_searches,
    machine_shifts,
    machine_versions,
    metric_data,
    metric_filters,
    metrics,
    nested_rollbacks,
    presigned,
    resource_schemas,
    roles,
    roles_services,
    roles_sources,
    roles_trust,
    rule_metrics,
    s3_events,
    s3_listing,
    service_calls,
    service_metrics,
    shared_packages,
    shifting,
    single_states,
    stack_reasons,
    stack_refactor,
    state_errors,
    status_events,
    table_metrics,
    table_recovery,
    table_throttles,
    template_references,
    timers,
    topics,
    traces,
    trail,
    unknown_rules,
    waits,
    worker_logs,
)


def install() -> None:
    """Apply all hooks, once, before the server starts. Raises HookBroken when a pin has moved."""
    roles.install()
    cloudformation.install()
    budgets.install()
    codedeploy.install()
    codedeploy_api.install()  # after the roles, whose reading of a request it adds to
    lambda_worker.install()
    account_pool.install()
    concurrency.install()  # outside of it: what waits for a sandbox runs on AWS
    worker_logs.install()
    shared_packages.install()
    forked_sandboxes.install()
    metrics.install()
    metric_data.install()
    emf.install()
    metric_filters.install()
    log_searches.install()
    aliases.install()
    capacity.install()  # around the aliases: it measures what comes through them
    table_recovery.install()
    events = asynchronous.install()  # before the checks of who may invoke
    jsonata.install()
    distributed_map.install()
    clients = service_calls.install()
    waits.install()
    status_events.install()  # before executions, which tell of their ends
    service_metrics.install()  # likewise, and before limits and stores, which stand around it
    table_metrics.install()  # likewise
    table_throttles.install()  # outside of it: what is refused consumes nothing
    machine_versions.install()  # between the two: what runs, and what is told of it
    traces.install()  # likewise: an execution has its root before it runs
    executions.install(clients)
    single_states.install()
    state_errors.install()
    callbacks.install()
    definitions.install()
    creation.install()
    s3_events.install()
    s3_listing.install()
    presigned.install()
    front.install()
    identity.install()
    trail.install()
    unknown_rules.install()
    api_cache.install()
    apigateway.install()  # outside of the front: it decodes the path
    stack_refactor.install()
    stack_reasons.install()
    drift_readers.install()
    nested_rollbacks.install()  # around the operations that it ends
    roles_services.install()
    roles_sources.install()
    roles_trust.install()
    rule_metrics.install()  # outside of the rules' roles, whose refusal it counts
    topics.install()
    alarms.install()
    alarm_events.install()
    composite_alarms.install()
    alarm_states.install()
    autoscaling_acts.install()  # acts after each look at the alarms
    appconfig.install()
    shifting.install()  # hears alarms, as the others do
    codedeploy_shifts.install()  # after the types of aliases are made
    machine_shifts.install()  # likewise
    clock_requests.install()
    limits.install()  # late: a limit stands before what the others have put in place
    resource_schemas.install()  # outside of the limits: CloudFormation looks at properties first
    timers.install()
    template_references.install()
    durable.install(events)  # last: it stores what all the others change

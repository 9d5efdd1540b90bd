"""What is watched, written from the stacks themselves: a new function has its alarms on its first day.

`python -m ops.watch` writes `stacks/watch.yaml` and `configs/operations/catalogue.yaml`; `--check` says
whether they are stale. The rules stand in `configs/operations/alarms.yaml`.
"""

"""Telemetry files: from a file in S3 to each asset's frame of readings.

A canonical file passes these modules in turn: `intake` (size, whose columns), `canonical` (header),
`blocks` (whole lines), then `fast_csv`, or else `decoding`, `strict_csv` and `timestamps`, then `row_rules`
and `collecting`, which gives `readings`. A vendor's export goes through `exports`.
"""

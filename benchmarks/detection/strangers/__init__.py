"""Strangers: plants, weather and faults by another hand, and the bench that judges by them.

    python -m benchmarks.detection.strangers [--tuning | --third | --held-out] [--quick]
        [--only PART] [--plant NAME] [--jobs N] [--verbose]

The simulator (`recipes`, `halves`, `noise`, `air`, `surroundings`, `roofs`, `turbines`, `plants`, the
faults) shares no code, no constant and no assumption with Detect, with `ona.sky` or with the older bench
(`plants.py`, `faults.py`); a test holds that it imports nothing of them. Its sky: Ineichen with a
turbidity of each day, clouds as a chain in continuous time whose fields pass one machine after the other,
beam and diffuse by layers or by DIRINT, Perez, Martin-Ruiz, Faiman, Huld, Sandia's inverter. Noise
remembers, over readings and over days. Sensors have offset, cosine error and dirt of their own. Storms and
heat waves come by themselves. Wind: several scales, shear, density, wakes by direction, terrain, a power
curve of its own.

Four halves that share no place, seed, size or level of noise (`halves`): tune on `t-…` (`--tuning`), report
`r-…`; `h-…` (`--third`) has what sound plants have and the first two lack; `g-…` (`--held-out`), drawn last
with what the other three lack (`surroundings`), is kept for the end.
`--quick` takes a season of each plant and a sample of the troubles. Plants are kept in the system's
temporary folder. Only `judging.py` knows the platform: `judge_assets` and `diagnose`.

How the tables count:

- *judged*: asset-days with light (or wind) on which something was judged.
- *specificity*: share of judged asset-days of sound machines outside all booked incidents; an incident
  covers the days of its episodes, or of its window where it holds none.
- *booked*: energy of incidents that are neither suspected nor explained (snow, curtailment); kWh a kW
  and year.
- *found*: share of the lost energy inside such incidents, pooled in full-load hours; *+suspected* with
  them.
- *before*: booked incidents that began more than two days before the fault, a case.
- *days*: from the fault's begin to the end of the day's file that first leads to an incident, median.
- *stops*: share of lit readings inside the windows or episodes of outages that give less than half of what
  is due.
- *window*: share of lit readings inside incidents that are really low (2 % and more).
- *cause*: right where the truth or a near name of the same fault is said; nothing and unknown are wrong.
"""

"""The plants, in four sets that share no place, no seed, no size and no level of noise.

`TUNING` to tune on, `REPORTING` to report; both were read since, as was `THIRD`, whose files begin in any
month and whose sound plants have what the first two lack: skylines, dust, snow, clipping, roofs of unequal
tilt, a sensor askew, gaps in bursts, stamps at the interval's begin. `HELD_OUT` was drawn last and is kept
for the end: bifacial modules over bright ground, rows that shade one another, fog, a cap on what may be fed
in, a sensor's clock that goes wrong by a minute, power taken at night, power rounded coarsely, machines
that come while the file runs, and three of its 99 that were built with fewer modules.
"""

from __future__ import annotations

from benchmarks.detection.strangers.recipes import Climate, Half, Recipe, Roof

# Climates after the character of a region, not after any station's record.
ANDALUSIA = Climate(-0.9, 18.5, 9.5, 7.0, 3.6, 2.8, 9, 4)
NORTH_SEA = Climate(0.55, 10.0, 8.0, 3.5, 3.0, 4.6, 10, 2)
ALPS = Climate(0.2, 8.5, 10.0, 5.5, 2.7, 2.4, 22, 2)
CAPE = Climate(-0.6, 17.0, 5.0, 5.5, 2.9, 4.4, 5, 3)
PAMPA = Climate(-0.1, 17.5, 7.5, 5.5, 3.1, 3.8, 18, 3)
FINLAND = Climate(0.45, 4.5, 12.5, 4.0, 2.5, 3.4, 8, 1)
TROPICS = Climate(0.35, 26.5, 1.5, 4.0, 4.3, 2.6, 40, 2)
GUJARAT = Climate(-0.5, 27.0, 6.0, 6.5, 5.0, 3.0, 16, 5)
PRAIRIE = Climate(-0.15, 11.5, 14.0, 6.5, 2.9, 4.5, 24, 4)
PO_PLAIN = Climate(0.15, 14.0, 11.0, 5.0, 4.2, 1.9, 20, 3)
BRITTANY = Climate(0.4, 11.8, 5.5, 3.2, 2.9, 4.9, 9, 1)
PANNONIA = Climate(0.0, 12.0, 11.8, 5.6, 3.4, 3.0, 19, 4)
KANTO = Climate(0.1, 15.0, 10.8, 4.6, 3.5, 3.1, 21, 4)
TRENTINO = Climate(-0.05, 11.0, 10.2, 6.2, 2.8, 1.7, 25, 2)
SCOTLAND = Climate(0.5, 8.6, 5.8, 2.9, 2.6, 5.7, 7, 1)
QUEBEC = Climate(0.2, 6.0, 13.4, 4.9, 2.6, 3.7, 14, 2)
QUEENSLAND = Climate(-0.3, 19.6, 6.6, 6.8, 2.9, 3.2, 23, 4, dry=0.4, dry_day=215)
SAHEL = Climate(-0.5, 28.4, 3.4, 7.2, 5.2, 3.2, 26, 4, dry=1.3, dry_day=20)
ANATOLIA = Climate(-0.4, 11.6, 12.2, 7.0, 2.9, 2.7, 13, 3, dry=0.3, dry_day=220)
CALIFORNIA = Climate(-0.35, 17.2, 9.6, 7.6, 3.7, 2.5, 6, 5, dry=1.5, dry_day=212)
KENYA = Climate(0.05, 18.2, 1.2, 6.1, 3.0, 3.3, 30, 1, dry=0.4, dry_day=35)
BALTIC = Climate(0.4, 8.0, 10.6, 3.9, 2.8, 5.2, 11, 2)
HIGH_DESERT = Climate(-0.65, 14.6, 11.4, 8.2, 2.6, 3.4, 20, 4)
PATAGONIA = Climate(0.0, 10.6, 6.8, 5.2, 2.3, 6.0, 5, 1)
MALAR = Climate(0.3, 7.4, 10.9, 4.1, 2.6, 3.1, 9, 1)
AUCKLAND = Climate(0.15, 15.4, 4.6, 3.4, 2.4, 4.1, 11, 1)
LEVANT = Climate(-0.7, 21.0, 7.2, 6.0, 4.1, 2.9, 6, 5, dry=1.2, dry_day=205)
KARTLI = Climate(0.05, 12.6, 11.4, 5.9, 3.2, 2.2, 17, 3)
MOSELLE = Climate(0.35, 10.4, 8.6, 4.3, 2.8, 2.9, 15, 3)
ATACAMA = Climate(-1.3, 16.8, 3.9, 8.6, 2.2, 3.9, 2, 2)
BAHIA = Climate(-0.25, 24.1, 2.0, 5.3, 3.3, 3.0, 19, 3, dry=0.8, dry_day=225)
ORDOS = Climate(-0.35, 8.9, 15.6, 7.3, 3.6, 3.4, 14, 3, dry=0.6, dry_day=15)
UPPER_EGYPT = Climate(-1.2, 23.4, 8.9, 8.0, 4.6, 3.0, 3, 5)
DECCAN = Climate(-0.2, 27.4, 3.9, 6.2, 4.8, 2.8, 27, 5, dry=1.0, dry_day=45)
COSTA_RICA = Climate(0.3, 22.8, 1.0, 4.7, 3.7, 2.9, 38, 1, dry=1.1, dry_day=50)
CANTERBURY = Climate(0.1, 11.8, 5.9, 5.4, 2.3, 4.2, 8, 2)
LEINSTER = Climate(0.5, 9.8, 5.2, 3.0, 2.7, 5.0, 6, 1)
MASHONALAND = Climate(-0.2, 19.0, 3.8, 6.6, 3.2, 2.7, 29, 2, dry=1.2, dry_day=200)
CANARIES = Climate(-0.4, 21.2, 3.2, 2.9, 3.5, 6.3, 4, 2)
FINNMARK = Climate(0.35, 2.4, 8.8, 2.8, 2.2, 5.6, 5, 1)
PALGHAT = Climate(0.05, 27.1, 1.6, 4.2, 4.2, 4.3, 24, 2, dry=0.7, dry_day=40)

POWER = ("temperature",)
BARE: tuple[str, ...] = ()

# What stands around, after the character of such places.
VALLEY = ((5, 13), (50, 19), (85, 15), (115, 9), (160, 7), (205, 5), (240, 10), (275, 17), (320, 18))
WOOD = ((20, 5), (70, 9), (100, 13), (130, 6), (190, 4), (245, 8), (280, 14), (330, 7))
STREET = ((0, 4), (58, 4), (62, 17), (84, 19), (89, 5), (138, 4), (143, 11), (163, 10), (168, 4), (228, 4),
          (234, 13), (262, 21), (270, 6))  # fmt: skip
HILLS = ((0, 2), (60, 3), (92, 7), (125, 4), (180, 1), (235, 3), (265, 6), (300, 3))
GORGE = ((0, 8), (40, 14), (75, 12), (110, 5), (150, 3), (200, 4), (240, 8), (270, 15), (310, 16))
BACKYARD = ((10, 6), (66, 7), (70, 14), (98, 15), (102, 5), (170, 3), (219, 4), (224, 17), (246, 18),
            (251, 6))  # fmt: skip
FULL = ("voltage", "dc", "temperature")

TUNING = (
    Recipe("t-ew-plane", "tuning", 101, 2021, 51.8, 4.6, 2, 15, NORTH_SEA, "roofs",
           (Roof(4, 12, 92), Roof(3, 12, 272)), "plane", "dirint", 1.0, 50),
    Recipe("t-ew-flat", "tuning", 102, 2022, 38.2, -5.4, 160, 10, ANDALUSIA, "roofs",
           (Roof(3, 15, 85), Roof(3, 15, 265)), "flat", "layers", 0.8, 75),
    Recipe("t-ew-none", "tuning", 103, 2020, 47.3, 11.2, 600, 5, ALPS, "roofs",
           (Roof(2, 25, 105), Roof(2, 25, 285)), "none", "layers", 1.2, 30, channels=POWER),
    Recipe("t-sew", "tuning", 104, 2021, 45.1, 10.6, 40, 15, PO_PLAIN, "roofs",
           (Roof(2, 20, 178), Roof(2, 18, 95), Roof(2, 18, 268)), "none", "dirint", 1.0, 25),
    Recipe("t-6s1e1w", "tuning", 105, 2022, 52.6, 7.3, 30, 15, NORTH_SEA, "roofs",
           (Roof(6, 28, 182), Roof(1, 15, 90), Roof(1, 15, 271)), "plane", "layers", 1.1, 40),
    Recipe("t-south-poa", "tuning", 106, 2021, 37.1, -2.9, 320, 15, ANDALUSIA, "roofs",
           (Roof(9, 30, 180),), "plane", "layers", 0.9, 100),
    Recipe("t-north-ghi", "tuning", 107, 2022, -33.4, 21.9, 400, 10, CAPE, "roofs",
           (Roof(5, 25, 2),), "flat", "dirint", 1.0, 250),
    Recipe("t-south-none", "tuning", 108, 2020, 22.7, 71.5, 60, 15, GUJARAT, "roofs",
           (Roof(6, 20, 183),), "none", "layers", 1.2, 500, weather=False),
    Recipe("t-track", "tuning", 109, 2021, -21.8, -46.1, 900, 15, TROPICS, "tracked",
           (Roof(6, 0, 180),), "plane", "layers", 1.0, 1100),
    Recipe("t-track-none", "tuning", 110, 2022, 36.4, -101.2, 1000, 10, PRAIRIE, "tracked",
           (Roof(4, 0, 180),), "none", "dirint", 0.9, 1500),
    Recipe("t-lone-sensor", "tuning", 111, 2021, 60.9, 23.4, 90, 15, FINLAND, "roofs",
           (Roof(1, 35, 172),), "plane", "layers", 1.0, 15),
    Recipe("t-lone-bare", "tuning", 112, 2022, 46.6, 8.9, 900, 15, ALPS, "roofs",
           (Roof(1, 30, 205),), "none", "layers", 1.0, 12, channels=BARE),
    Recipe("t-lone-dry", "tuning", 113, 2020, -30.2, -57.6, 70, 10, PAMPA, "roofs",
           (Roof(1, 22, 352),), "none", "dirint", 1.1, 80, weather=False),
    Recipe("t-wind-1", "tuning", 114, 2021, 53.1, 8.1, 5, 10, NORTH_SEA, "wind", turbines=1,
           capacity_kw=2050, rotor_m=82, hub_m=98),
    Recipe("t-wind-3", "tuning", 115, 2022, 41.2, -99.4, 700, 10, PRAIRIE, "wind", turbines=3,
           capacity_kw=2500, rotor_m=108, hub_m=90, direction=True),
    Recipe("t-wind-8", "tuning", 116, 2020, -32.9, -60.4, 30, 15, PAMPA, "wind", turbines=8,
           capacity_kw=3300, rotor_m=126, hub_m=110, noise=1.2),
)  # fmt: skip

REPORTING = (
    Recipe("r-ew-plane", "reporting", 911, 2019, 54.3, -2.7, 35, 15, NORTH_SEA, "roofs",
           (Roof(3, 10, 97), Roof(3, 10, 277)), "plane", "layers", 1.15, 36),
    Recipe("r-ew-flat", "reporting", 922, 2023, 48.9, 16.4, 230, 15, PO_PLAIN, "roofs",
           (Roof(5, 14, 80), Roof(5, 14, 260)), "flat", "dirint", 1.3, 110),
    Recipe("r-ew-none", "reporting", 933, 2018, -34.0, -64.2, 150, 10, PAMPA, "roofs",
           (Roof(3, 18, 88), Roof(4, 18, 268)), "none", "layers", 0.85, 20, channels=POWER),
    Recipe("r-sew", "reporting", 944, 2023, 50.2, 19.8, 260, 5, ALPS, "roofs",
           (Roof(1, 32, 186), Roof(1, 25, 99), Roof(2, 25, 279)), "flat", "layers", 0.9, 17),
    Recipe("r-6s1e1w", "reporting", 955, 2019, 40.1, -3.6, 650, 10, ANDALUSIA, "roofs",
           (Roof(6, 24, 176), Roof(1, 12, 86), Roof(1, 12, 266)), "none", "dirint", 1.25, 55),
    Recipe("r-south-poa", "reporting", 966, 2018, 63.0, 17.1, 15, 15, FINLAND, "roofs",
           (Roof(7, 40, 170),), "plane", "dirint", 1.1, 30),
    Recipe("r-south-ghi", "reporting", 977, 2023, 14.3, 101.1, 20, 5, TROPICS, "roofs",
           (Roof(4, 13, 181),), "flat", "layers", 0.95, 350),
    Recipe("r-north-none", "reporting", 988, 2019, -31.7, 24.9, 1200, 15, CAPE, "roofs",
           (Roof(12, 28, 357),), "none", "layers", 1.05, 800, weather=False),
    Recipe("r-track", "reporting", 999, 2018, 24.1, 73.8, 250, 10, GUJARAT, "tracked",
           (Roof(8, 0, 180),), "plane", "dirint", 1.3, 2200),
    Recipe("r-track-none", "reporting", 1010, 2023, -28.3, 20.6, 850, 15, CAPE, "tracked",
           (Roof(5, 0, 180),), "none", "layers", 0.8, 900),
    Recipe("r-lone-sensor", "reporting", 1021, 2019, 43.2, -79.3, 110, 10, PRAIRIE, "roofs",
           (Roof(1, 18, 195),), "flat", "layers", 1.2, 240),
    Recipe("r-lone-bare", "reporting", 1032, 2018, 55.4, 12.9, 10, 15, NORTH_SEA, "roofs",
           (Roof(1, 38, 148),), "none", "dirint", 0.9, 9, channels=BARE),
    Recipe("r-lone-dry", "reporting", 1043, 2023, 35.7, -6.1, 25, 5, ANDALUSIA, "roofs",
           (Roof(1, 17, 219),), "none", "layers", 1.15, 130, weather=False),
    Recipe("r-wind-1", "reporting", 1054, 2019, -33.8, 18.3, 80, 10, CAPE, "wind", turbines=1,
           capacity_kw=1800, rotor_m=88, hub_m=80, direction=True),
    Recipe("r-wind-3", "reporting", 1065, 2018, 62.2, 21.9, 40, 10, FINLAND, "wind", turbines=3,
           capacity_kw=3000, rotor_m=112, hub_m=119, noise=1.2),
    Recipe("r-wind-8", "reporting", 1076, 2023, 44.7, -93.8, 310, 10, PRAIRIE, "wind", turbines=8,
           capacity_kw=2300, rotor_m=101, hub_m=84, direction=True, noise=0.9),
)  # fmt: skip


THIRD = (
    Recipe("h-ew-plane", "third", 31071, 2017, 48.1, -3.4, 95, 15, BRITTANY, "roofs",
           (Roof(5, 8, 83), Roof(3, 8, 263)), "plane", "dirint", 1.05, 45, month=10, askew=4.0),
    Recipe("h-ew-flat", "third", 31082, 2024, 46.2, 20.2, 85, 10, PANNONIA, "roofs",
           (Roof(4, 11, 101), Roof(4, 27, 281)), "flat", "layers", 0.75, 90, month=4, ratio=1.3),
    Recipe("h-ew-none", "third", 31093, 2016, 36.1, 140.2, 30, 5, KANTO, "roofs",
           (Roof(2, 21, 76), Roof(3, 21, 256)), "none", "layers", 1.35, 27, channels=POWER, month=7,
           skyline=WOOD, foliage=0.3, gaps=0.03),
    Recipe("h-sew", "third", 31104, 2015, 46.4, 10.9, 520, 15, TRENTINO, "roofs",
           (Roof(3, 31, 171), Roof(1, 9, 88), Roof(2, 36, 262)), "plane", "dirint", 0.95, 22, month=6,
           skyline=VALLEY),
    Recipe("h-6s1e1w", "third", 31115, 2024, 57.4, -2.6, 60, 30, SCOTLAND, "roofs",
           (Roof(3, 13, 184), Roof(3, 39, 189), Roof(1, 20, 94), Roof(1, 33, 274)), "flat", "layers", 1.15,
           66, month=3, stamp="begin"),
    Recipe("h-south-poa", "third", 31126, 2016, 45.6, -73.2, 40, 15, QUEBEC, "roofs",
           (Roof(8, 34, 175),), "plane", "layers", 1.0, 125, month=8, snow=True),
    Recipe("h-north-ghi", "third", 31137, 2025, -26.9, 151.2, 350, 5, QUEENSLAND, "roofs",
           (Roof(6, 16, 9),), "flat", "dirint", 0.85, 333, month=11, ratio=1.3, askew=3.5, stamp="begin"),
    Recipe("h-south-none", "third", 31148, 2017, 12.6, -1.7, 305, 10, SAHEL, "roofs",
           (Roof(7, 12, 178),), "none", "dirint", 1.1, 160, weather=False, month=9, dust=0.0035),
    Recipe("h-track", "third", 31159, 2025, 38.7, 33.1, 1050, 10, ANATOLIA, "tracked",
           (Roof(9, 0, 180),), "plane", "layers", 1.15, 1750, month=5, skyline=HILLS, askew=3.0,
           dust=0.001),
    Recipe("h-track-none", "third", 31170, 2015, 36.6, -120.1, 70, 15, CALIFORNIA, "tracked",
           (Roof(7, 0, 180),), "none", "dirint", 1.05, 1250, month=12, ratio=1.3, dust=0.0012, gaps=0.02),
    Recipe("h-lone-sensor", "third", 31181, 2016, -0.7, 36.4, 1900, 15, KENYA, "roofs",
           (Roof(1, 11, 20),), "plane", "dirint", 0.9, 48, month=2, askew=5.0, gaps=0.025),
    Recipe("h-lone-bare", "third", 31192, 2024, 54.5, 18.5, 20, 10, BALTIC, "roofs",
           (Roof(1, 42, 192),), "none", "layers", 1.1, 7, channels=BARE, month=5, skyline=STREET,
           gaps=0.045),
    Recipe("h-lone-dry", "third", 31203, 2017, 33.9, -106.9, 1430, 15, HIGH_DESERT, "roofs",
           (Roof(1, 26, 158),), "none", "layers", 0.8, 190, weather=False, month=9, stamp="begin"),
    Recipe("h-wind-1", "third", 31214, 2025, -46.2, -68.1, 640, 15, PATAGONIA, "wind", turbines=1,
           capacity_kw=2700, rotor_m=104, hub_m=88, noise=1.1, month=6, gaps=0.03),
    Recipe("h-wind-3", "third", 31225, 2015, 56.6, 21.1, 25, 10, BALTIC, "wind", turbines=3,
           capacity_kw=3450, rotor_m=131, hub_m=132, direction=True, noise=0.85, month=9, stamp="begin"),
    Recipe("h-wind-8", "third", 31236, 2016, 58.3, -4.2, 210, 10, SCOTLAND, "wind", turbines=8,
           capacity_kw=2000, rotor_m=79, hub_m=69, noise=1.05, month=11, gaps=0.02),
)  # fmt: skip

HELD_OUT = (
    Recipe("g-ew-plane", "held-out", 52013, 2014, 59.4, 17.6, 15, 15, MALAR, "roofs",
           (Roof(3, 19, 68), Roof(4, 19, 248)), "plane", "layers", 1.0, 18, month=1, ratio=1.12, snow=True,
           late=0.6),
    Recipe("g-ew-flat", "held-out", 52026, 2026, -36.9, 174.7, 40, 10, AUCKLAND, "roofs",
           (Roof(4, 10, 74), Roof(5, 10, 254)), "flat", "dirint", 0.9, 33, month=7, ratio=1.2, coarse=0.5,
           askew=2.0, fewer=1, stamp="begin"),
    Recipe("g-ew-none", "held-out", 52039, 2013, 31.5, 34.8, 120, 5, LEVANT, "roofs",
           (Roof(4, 14, 108), Roof(2, 14, 288)), "none", "dirint", 1.1, 85, channels=POWER, month=3,
           ratio=1.17, draw=0.0008, dust=0.0018, gaps=0.02),
    Recipe("g-sew", "held-out", 52052, 2012, 42.0, 44.1, 590, 30, KARTLI, "roofs",
           (Roof(2, 23, 192), Roof(2, 16, 111), Roof(2, 29, 286)), "none", "layers", 1.0, 60, month=10,
           ratio=1.1, skyline=GORGE, fog=0.5),
    Recipe("g-planes", "held-out", 52065, 2022, 49.5, 6.2, 240, 15, MOSELLE, "roofs",
           (Roof(4, 33, 168), Roof(2, 12, 201), Roof(1, 33, 78), Roof(1, 24, 258)), "plane", "dirint", 0.85,
           28, month=8, ratio=1.2, cap=0.7),
    Recipe("g-north-poa", "held-out", 52078, 2014, -23.4, -69.2, 1480, 15, ATACAMA, "roofs",
           (Roof(10, 21, 358),), "plane", "layers", 1.05, 175, month=4, ratio=1.22, ground=0.33, rear=0.32,
           rows=0.48, draw=0.0006),
    Recipe("g-north-ghi", "held-out", 52091, 2013, -12.3, -41.6, 560, 10, BAHIA, "roofs",
           (Roof(8, 15, 6),), "flat", "layers", 1.2, 420, month=12, ratio=1.28, rows=0.62, coarse=2.0,
           joined=(72, 118)),
    Recipe("g-south-none", "held-out", 52104, 2026, 39.7, 109.7, 1320, 15, ORDOS, "roofs",
           (Roof(11, 37, 177),), "none", "dirint", 0.95, 110, weather=False, month=6, ratio=1.15, rows=0.44,
           fewer=1, dust=0.0014, draw=0.0006),
    Recipe("g-track", "held-out", 52117, 2012, 26.3, 31.9, 160, 15, UPPER_EGYPT, "tracked",
           (Roof(7, 0, 180),), "plane", "dirint", 1.0, 1320, month=9, ratio=1.25, ground=0.32, rear=0.28,
           late=0.5, draw=0.0012),
    Recipe("g-track-none", "held-out", 52130, 2026, 17.6, 77.9, 510, 5, DECCAN, "tracked",
           (Roof(8, 0, 180),), "none", "layers", 1.1, 1880, month=2, ratio=1.3, fewer=1, joined=(95,),
           coarse=5.0, dust=0.0009),
    Recipe("g-lone-sensor", "held-out", 52143, 2013, 10.2, -84.1, 900, 10, COSTA_RICA, "roofs",
           (Roof(1, 14, 205),), "plane", "layers", 1.0, 38, month=11, ratio=1.14, draw=0.0008, fog=0.08,
           late=0.6),
    Recipe("g-lone-flat", "held-out", 52156, 2014, -43.5, 172.2, 180, 15, CANTERBURY, "roofs",
           (Roof(1, 27, 338),), "flat", "dirint", 1.1, 70, month=5, ratio=1.2, askew=2.5, fog=0.3,
           coarse=0.5),
    Recipe("g-lone-bare", "held-out", 52169, 2022, 53.3, -6.6, 70, 60, LEINSTER, "roofs",
           (Roof(1, 36, 219),), "none", "dirint", 1.0, 5, channels=BARE, month=10, ratio=1.08,
           skyline=BACKYARD, coarse=0.05, stamp="begin"),
    Recipe("g-lone-dry", "held-out", 52182, 2012, -17.7, 30.9, 1470, 5, MASHONALAND, "roofs",
           (Roof(1, 20, 12),), "none", "layers", 0.9, 145, weather=False, month=3, ratio=1.24, draw=0.0007,
           gaps=0.02),
    Recipe("g-wind-1", "held-out", 52195, 2014, 27.8, -15.5, 110, 10, CANARIES, "wind", turbines=1,
           capacity_kw=1650, rotor_m=72, hub_m=67, noise=0.95, month=8, draw=0.004, coarse=5.0),
    Recipe("g-wind-3", "held-out", 52208, 2026, 70.3, 28.4, 290, 15, FINNMARK, "wind", turbines=3,
           capacity_kw=4200, rotor_m=136, hub_m=112, noise=1.1, month=5, gaps=0.02, draw=0.005),
    Recipe("g-wind-11", "held-out", 52221, 2013, 10.7, 77.2, 380, 10, PALGHAT, "wind", turbines=11,
           capacity_kw=2100, rotor_m=110, hub_m=104, direction=True, noise=1.0, month=1, draw=0.003,
           joined=(64, 103), stamp="begin"),
)  # fmt: skip

HALVES: dict[Half, tuple[Recipe, ...]] = {
    "tuning": TUNING,
    "reporting": REPORTING,
    "third": THIRD,
    "held-out": HELD_OUT,
}


def named(name: str) -> Recipe:
    """The recipe of that name, of any set."""
    return next(recipe for half in HALVES.values() for recipe in half if recipe.name == name)

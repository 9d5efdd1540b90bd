"""`make bench`: every benchmark, one after the other."""

from benchmarks import api, build_sizes, durability, embedded_cloud, interpolation, solar_plant_india, sums
from benchmarks.detection import fault_bench, quality_bench, speed, trends_bench
from benchmarks.detection.strangers import __main__ as strangers
from benchmarks.forecasting import gefcom2014, nowcast
from benchmarks.operations import order_latency
from benchmarks.scheduling import demo_fleet, generated, production, technicians
from benchmarks.sky import unknown_roof

if __name__ == "__main__":
    for module in (
        solar_plant_india,
        fault_bench,
        strangers,
        quality_bench,
        trends_bench,
        speed,
        gefcom2014,
        nowcast,
        generated,
        demo_fleet,
        production,
        technicians,
        unknown_roof,
        interpolation,
        embedded_cloud,
        durability,
        order_latency,
        api,
        sums,
        build_sizes,
    ):
        print(f"\n=== {module.__name__}")
        given = (strangers, gefcom2014, generated, production, technicians)
        module.main([]) if module in given else module.main()

"""`make bench`: every benchmark, one after the other."""

from benchmarks import build_sizes, embedded_cloud, solar_plant_india

if __name__ == "__main__":
    for module in (solar_plant_india, embedded_cloud, build_sizes):
        print(f"\n=== {module.__name__}")
        module.main()

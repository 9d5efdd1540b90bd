"""What the platform needs of its means: what a day costs, and where the time of an order goes.

- `prices`: the dated list prices of configs/operations/prices/;
- `usage`: how much of each priced thing was used, from log lines, histories and counted calls (pure);
- `cost`: usage times prices, by family, by function, and for each file, asset, order and forecast (pure);
- `reading`: asks a deployed platform for a day's usage;
- `latency`: the time between a file and its order, by state, from execution histories (pure).
"""

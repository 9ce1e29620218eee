"""Step 1: made-up readings of a sensor, left as rows.csv in the working directory: the run's folder."""

import csv
import random
import sys
import time
from pathlib import Path

BATCHES = 4
BATCH_ROWS = 250


def reading(number: int) -> tuple[float, float]:
    """A temperature and the current that a motor draws at it: linear, with noise."""
    temperature = 20 + 15 * random.random() + number * 0.002
    return temperature, 0.8 * temperature - 6 + random.gauss(0, 0.4)


def main() -> None:
    random.seed(2024)
    rows: list[tuple[float, float]] = []
    for batch in range(1, BATCHES + 1):
        rows += [reading(len(rows) + offset) for offset in range(BATCH_ROWS)]
        print(f"extract: batch {batch}/{BATCHES}, {len(rows)} rows", flush=True)
        time.sleep(0.15)
    with Path("rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    print("extract: rows.csv is in the run's folder on this node", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

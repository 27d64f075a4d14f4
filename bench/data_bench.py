#!/usr/bin/env python3
"""The readers beside XGBoost's text readers and pyarrow's Parquet reader, interleaved, from page
cache, on the same files; prints the table of docs/benchmarks.md.

  cmake --preset bench && cmake --build --preset bench --target data_bench
  $(tools/venv.sh bench/requirements-data.txt)/bin/python bench/data_bench.py build/bench/bench/data_bench [threads] [rows] [folder]

Every reader ends with float32 rows in memory. Medians of all times; seconds of CPU, which other
programs on the machine distort least, and on the clock. `floor` copies the file's bytes out of the
page cache and writes the matrix once.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import time

PEERS = {}


def peer(name):
    def add(function):
        PEERS[name] = function
        return function
    return add


@peer("xgboost csv")
def xgboost_csv(path, threads):
    import xgboost
    return lambda: xgboost.DMatrix(f"{path}?format=csv&label_column=0", nthread=threads)


@peer("xgboost libsvm")
def xgboost_libsvm(path, threads):
    import xgboost
    return lambda: xgboost.DMatrix(f"{path}?format=libsvm", nthread=threads)


@peer("pyarrow parquet")
def pyarrow_parquet(path, threads):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    pa.set_cpu_count(threads)
    pa.set_io_thread_count(max(1, threads))

    def read():
        table = pq.read_table(path, use_threads=threads > 1)
        out = np.empty((table.num_rows, table.num_columns - 1), np.float32)
        for i, column in enumerate(table.columns[1:]):
            out[:, i] = column.to_numpy()
        return out, table.column(0).to_numpy().astype(np.float32)
    return read


@peer("pyarrow parquet, column-major")
def pyarrow_columns(path, threads):
    """The best that pyarrow can do: columns stay columns."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    pa.set_cpu_count(threads)

    def read():
        table = pq.read_table(path, use_threads=threads > 1)
        out = np.empty((table.num_columns - 1, table.num_rows), np.float32)
        for i, column in enumerate(table.columns[1:]):
            out[i] = column.to_numpy()
        return out, table.column(0).to_numpy().astype(np.float32)
    return read


def run_peer(name, path, threads):
    work = PEERS[name](path, threads)
    for _ in range(5):
        cpu, begin = time.process_time(), time.perf_counter()
        result = work()
        print(f"{time.perf_counter() - begin:.6f} {time.process_time() - cpu:.6f}")
        del result


def write_parquet(folder, rows):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, 28))
    label = pa.array(rng.integers(0, 2, rows))

    def write(name, columns, **options):
        path = folder / f"{name}.parquet"
        if not path.exists():
            names = ["label"] + [f"f{i}" for i in range(28)]
            pq.write_table(pa.table([label, *columns], names=names), path, **options)

    write("float-snappy", [pa.array(x[:, i].astype(np.float32)) for i in range(28)])
    write("double-zstd", [pa.array(x[:, i]) for i in range(28)], compression="zstd")
    write("double-plain", [pa.array(x[:, i]) for i in range(28)], compression="none",
          use_dictionary=False)
    tenth = rng.random((rows, 28)) < 0.1
    rounded = np.round(x, 2)
    write("dictionary-nulls", [pa.array(rounded[:, i], mask=tenth[:, i]) for i in range(28)])
    write("integers", [pa.array(rng.integers(0, 1000, rows)) for _ in range(28)])


def times(command, environment):
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                           env=environment).stdout.split("\n")
    return [tuple(map(float, line.split())) for line in lines if len(line.split()) == 2], lines[0]


def main():
    if sys.argv[1] == "--peer":
        return run_peer(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    bench = sys.argv[1]
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rows = int(sys.argv[3]) if len(sys.argv) > 3 else 500_000
    folder = pathlib.Path(sys.argv[4] if len(sys.argv) > 4 else "/tmp/clary-data-bench")
    subprocess.run([bench, "write", str(folder), str(rows)], check=True)
    write_parquet(folder, rows)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    print(f"{threads} thread(s), {rows} rows; median seconds of CPU (on the clock), MB of the file "
          "a second of CPU")
    print("| file | MB | ours | ours MB/s | peer | peer | ours is faster by | floor | ours / floor |")
    print("|---|---|---|---|---|---|---|---|---|")
    plan = [(f"{n}.csv", "csv", ["xgboost csv"])
            for n in ("shortest", "fixed", "scientific", "doubles")]
    plan += [("sparse.libsvm", "libsvm", ["xgboost libsvm"])]
    plan += [(f"{n}.parquet", "parquet", ["pyarrow parquet", "pyarrow parquet, column-major"])
             for n in ("float-snappy", "double-zstd", "double-plain", "dictionary-nulls", "integers")]
    for name, type_, peers in plan:
        path = folder / name
        path.read_bytes()  # into the page cache
        megabytes = path.stat().st_size / 1e6
        ours, floor, theirs = [], [], {p: [] for p in peers}
        for _ in range(3):
            got, first = times([bench, "read", type_, str(threads), str(path)], environment)
            ours += got[1:]
            floor += times([bench, "floor", str(path), first], environment)[0][1:]
            for p in peers:
                theirs[p] += times([sys.executable, __file__, "--peer", p, str(path), str(threads)],
                                   environment)[0][1:]

        def median(samples):
            return [statistics.median(s[i] for s in samples) for i in (1, 0)]
        mine, least = median(ours), median(floor)
        for p in peers:
            other = median(theirs[p])
            print(f"| {name} | {megabytes:.0f} | {mine[0]:.3f} ({mine[1]:.3f}) | "
                  f"{megabytes / mine[0]:.0f} | {p} | {other[0]:.3f} ({other[1]:.3f}) | "
                  f"{other[0] / mine[0]:.1f}x ({other[1] / mine[1]:.1f}x) | "
                  f"{least[0]:.3f} | {mine[0] / least[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()

"""S3 through boto3: Clary beside moto_server and plain files.

    python bench/s3_bench.py --clary build/release/apps/clary/clary [--mib 1024] [--small 10000]
    python bench/s3_bench.py --endpoint http://127.0.0.1:9000 --key K --secret S

Needs boto3 and moto[s3,server] (bench/requirements-s3.txt). Prints a Markdown table. "put" and
"get" of the large object use boto3's transfer manager with its defaults (8 MiB parts, 10 threads);
small objects go one by one from `--threads` threads. "files" copies with cp, and writes and reads
small files in one process; "files+fsync" makes each of them durable as Clary does: fsync of the
file, rename, fsync of the directory. moto_server keeps everything in memory.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid

import boto3
from botocore.config import Config

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "compat"))
import s3_compat  # noqa: E402  (start_service, find)


def seconds(f):
    started = time.perf_counter()
    f()
    return time.perf_counter() - started


class S3:
    def __init__(self, endpoint, key, secret, threads):
        self.s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1",
                               aws_access_key_id=key, aws_secret_access_key=secret,
                               config=Config(max_pool_connections=max(threads, 10)))
        self.threads = threads
        self.bucket = "bench-" + uuid.uuid4().hex[:8]
        self.s3.create_bucket(Bucket=self.bucket)

    def large(self, source, target):
        put = seconds(lambda: self.s3.upload_file(str(source), self.bucket, "large"))
        get = seconds(lambda: self.s3.download_file(self.bucket, "large", str(target)))
        assert os.path.getsize(source) == os.path.getsize(target)
        self.s3.delete_object(Bucket=self.bucket, Key="large")
        return put, get

    def small(self, n, body):
        def put(i):
            self.s3.put_object(Bucket=self.bucket, Key=f"small/{i:06}", Body=body)

        def get(i):
            assert len(self.s3.get_object(Bucket=self.bucket,
                                          Key=f"small/{i:06}")["Body"].read()) == len(body)

        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            times = [seconds(lambda: list(pool.map(f, range(n)))) for f in (put, get)]
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        times.append(seconds(lambda: sum(p["KeyCount"] for p in pages)))
        return times


class Files:
    def __init__(self, directory, durable, threads):
        self.directory, self.durable, self.threads = directory, durable, threads

    def large(self, source, target):
        stored = self.directory / "large"

        def put():
            subprocess.run(["cp", source, stored], check=True)
            if self.durable:
                with open(stored, "rb") as f:
                    os.fsync(f.fileno())

        put_time = seconds(put)
        get_time = seconds(lambda: subprocess.run(["cp", stored, target], check=True))
        stored.unlink()
        return put_time, get_time

    def small(self, n, body):
        root = self.directory / "small"
        root.mkdir()
        directory = os.open(root, os.O_RDONLY)

        def put(i):
            path = root / f"{i:06}"
            temporary = path.with_suffix(".tmp") if self.durable else path
            with open(temporary, "wb", buffering=0) as f:
                f.write(body)
                if self.durable:
                    os.fsync(f.fileno())
            if self.durable:
                temporary.rename(path)
                os.fsync(directory)

        def get(i):
            assert len((root / f"{i:06}").read_bytes()) == len(body)

        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            times = [seconds(lambda: list(pool.map(f, range(n)))) for f in (put, get)]
        times.append(seconds(lambda: len(os.listdir(root))))
        os.close(directory)
        shutil.rmtree(root)
        return times


def start_moto():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    moto = subprocess.Popen([str(pathlib.Path(sys.executable).parent / "moto_server"), "-p",
                             str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    return moto, f"http://127.0.0.1:{port}"


def resident_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clary")
    parser.add_argument("--endpoint")
    parser.add_argument("--pid", type=int, help="of the service at --endpoint, for its memory")
    parser.add_argument("--key", default="key")
    parser.add_argument("--secret", default="secret")
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=10)
    parser.add_argument("--only", nargs="+", help="of: clary moto_server files files+fsync")
    parser.add_argument("--directory", default=None, help="where to work (default: temporary)")
    o = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="s3-bench-", dir=o.directory))
    service = moto = home = None
    try:
        wanted = o.only or ["clary", "moto_server", "files", "files+fsync"]
        contenders = {}
        if o.clary and "clary" in wanted:
            service, home, o.endpoint, keys = s3_compat.start_service(o.clary)
            o.key = s3_compat.find(keys, "access_key", "access_key_id", "AccessKeyId")
            o.secret = s3_compat.find(keys, "secret_key", "secret_access_key", "secret")
            o.pid = service.pid
        if o.endpoint:
            contenders["clary"] = S3(o.endpoint, o.key, o.secret, o.threads)
        if "moto_server" in wanted:
            moto, url = start_moto()
            contenders["moto_server"] = S3(url, "key", "secret", o.threads)
        for name, durable in (("files", False), ("files+fsync", True)):
            if name in wanted:
                contenders[name] = Files(work, durable, o.threads)

        source, target = work / "source", work / "target"
        with open(source, "wb") as f:
            for _ in range(o.mib):
                f.write(os.urandom(1 << 20))
        os.sync()
        body = os.urandom(10 << 10)
        print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
        print(f"| store | put {o.mib} MiB | get {o.mib} MiB | put {o.small} x 10 KiB | "
              f"get {o.small} x 10 KiB | list them | peak memory |")
        print("|---|---|---|---|---|---|---|")
        for name, store in contenders.items():
            large = store.large(source, target)
            small = store.small(o.small, body)
            pid = {"clary": o.pid, "moto_server": moto and moto.pid}.get(name)
            memory = f"{resident_mib(pid):.0f} MiB" if pid else ""
            cells = [f"{t:.2f} s ({o.mib / t:.0f} MiB/s)" for t in large]
            cells += [f"{t:.2f} s ({o.small / t:.0f}/s)" for t in small[:2]]
            print(f"| {name} | {' | '.join(cells)} | {small[2]:.2f} s | {memory} |", flush=True)
            os.sync()
    finally:
        for process in (service, moto):
            if process:
                process.terminate()
                process.wait(20)
        shutil.rmtree(work)
        if home:
            shutil.rmtree(home)


if __name__ == "__main__":
    main()

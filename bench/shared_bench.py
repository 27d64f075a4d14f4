"""How far two services on one state go (ADR 43): start, memory and Describe with many job records.

    python bench/shared_bench.py --clary build/release/apps/clary/clary --bench build/bench/bench/service_bench

A real job of no work is run, and its record copied in the database as often as --jobs says. Then two
services are started one after the other: seconds until each answers, resident memory, Describes of
random jobs over both at once (of 1,000, whose answers stay in memory, and of 8,192), and jobs of no work that are created and stopped at both in turn while
another client describes. The database has fsync on. tests/e2e has the helpers.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("--clary", required=True)
parser.add_argument("--bench", required=True)
parser.add_argument("--jobs", type=int, nargs="+", default=[1000, 10000, 100000])
parser.add_argument("--seconds", type=int, default=5)
parser.add_argument("--rate", type=float, default=1000 / 60, help="jobs a second that are created")
arguments = parser.parse_args()
os.environ["CLARY"] = str(pathlib.Path(arguments.clary).resolve())
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
import postgres  # noqa: E402
import service  # noqa: E402
from test_shared import Member  # noqa: E402

COPY = """
INSERT INTO clary.records (tbl, key, version, body, seq, changed)
SELECT r.tbl, convert_to(f.name, 'UTF8'), r.version,
       convert_to(replace(replace(convert_from(r.body, 'UTF8'), 'job-000000', f.name),
                          '"created_ms":' || f.ms, '"created_ms":' || (f.ms - n)), 'UTF8'), r.seq, now()
FROM clary.records r, generate_series({first}, {last}) n,
     LATERAL (SELECT 'job-' || lpad(n::text, 6, '0') AS name,
                     (convert_from(r.body, 'UTF8')::json ->> 'created_ms')::bigint AS ms) f
WHERE r.tbl = 'training_jobs' AND r.key = 'job-000000'
"""


def memory(member):
    status = pathlib.Path(f"/proc/{member.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def describe(member, jobs, connections=16):
    """Starts it; of at most 8,192 jobs, since each request is signed beforehand."""
    return subprocess.Popen([arguments.bench, member.endpoint, str(member.home), "DescribeTrainingJob",
                             '{"TrainingJobName":"job-{n}"}', str(connections), str(arguments.seconds),
                             "0", str(min(jobs, 8192))], stdout=subprocess.PIPE, text=True)


with tempfile.TemporaryDirectory(prefix="clary-bench-") as folder:
    database = postgres.Postgres()
    home = pathlib.Path(folder) / "home"
    members = [Member(home, "--state", database.url, "--no-profiler-report", env={}) for _ in range(2)]
    try:
        members[0].start()
        s3 = members[0].boto("s3")
        s3.create_bucket(Bucket="data")
        s3.put_object(Bucket="data", Key="train/rows.csv", Body=b"1,2\n2,3\n" * 20)
        request = members[0].request("job-000000", channels=("train",), HyperParameters={
            "objective": "reg:squarederror", "num_round": "1"})
        members[0].boto("sagemaker").create_training_job(**request)
        members[0].wait("job-000000")
        time.sleep(1)
        have = 1
        for jobs in arguments.jobs:
            for member in members:
                if member.process and member.process.poll() is None:
                    member.stop()
            database.query(COPY.format(first=have, last=jobs - 1))
            have = jobs
            for member in members:
                begun = time.monotonic()
                member.start()
                print(f"{jobs} jobs: start {time.monotonic() - begun:.2f} s, {memory(member):.0f} MiB",
                      flush=True)
            for few in sorted({min(jobs, 1000), min(jobs, 8192)}):
                runs = [describe(m, few) for m in members]
                for run in runs:
                    print(f"  both describe {few}:", run.communicate()[0].strip(), flush=True)
            print("  one describes:", describe(members[0], jobs).communicate()[0].strip(), flush=True)

            # Jobs of no work: created at both in turn, stopped at once, so that nothing trains.
            clients = [m.boto("sagemaker", retries={"max_attempts": 5}) for m in members]
            took = []

            def one(i):
                name = f"load-{jobs}-{i}"
                begun = time.monotonic()
                clients[i % 2].create_training_job(**(request | {"TrainingJobName": name}))
                took.append(time.monotonic() - begun)
                try:
                    clients[(i + 1) % 2].stop_training_job(TrainingJobName=name)
                except clients[0].exceptions.ClientError as e:  # it has ended already
                    assert "in status" in str(e), e

            watching = describe(members[1], jobs, connections=2)
            begun = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                futures = []
                while time.monotonic() - begun < arguments.seconds:
                    futures.append(pool.submit(one, len(futures)))
                    due = begun + len(futures) / arguments.rate
                    time.sleep(max(0.0, due - time.monotonic()))
                for future in futures:
                    future.result()
            rate = len(futures) / (time.monotonic() - begun)
            took.sort()
            print(f"  create and stop: {60 * rate:.0f} jobs/min, create p50 {1e3 * took[len(took) // 2]:.1f} "
                  f"p99 {1e3 * took[int(len(took) * 0.99)]:.1f} ms; meanwhile", flush=True)
            print("  another describes:", watching.communicate()[0].strip(), flush=True)
            print("  memory:", *(f"{memory(m):.0f} MiB" for m in members), flush=True)
    finally:
        for member in members:
            if member.process and member.process.poll() is None:
                member.stop()
        database.close()

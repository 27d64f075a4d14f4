"""What a user waits for: the start of `clary serve`, and a small job from Create to Completed.

    python bench/jobs_bench.py --clary build/release/apps/clary/clary [--runs 20]

Needs boto3 (bench/requirements-s3.txt). The job is 10 rounds on the UCI Adult census data, as in
README. "client" is the wall time from the CreateTrainingJob call to the first DescribeTrainingJob
that says Completed, asked every 5 ms; "service" is TrainingEndTime minus CreationTime.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))


def row(name, values, unit, target=""):
    values = sorted(values)
    print(f"| {name} | {target} | {statistics.median(values):.1f} {unit} | {values[0]:.1f} | "
          f"{values[-1]:.1f} |", flush=True)


def status(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


def start(service):
    """Milliseconds until the service answers a request, by its own port."""
    began = time.perf_counter()
    service.process = subprocess.Popen(
        [service.executable, "serve", "--home", str(service.home), "--port", "0", "--quiet"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere"})
    state = service.home / "service.json"
    while not state.exists():
        time.sleep(0.0005)
    took = (time.perf_counter() - began) * 1000
    return took


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clary", required=True)
    parser.add_argument("--runs", type=int, default=20)
    o = parser.parse_args()
    os.environ["CLARY"] = str(pathlib.Path(o.clary).resolve())
    import service as e2e

    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| what | target | median | min | max |")
    print("|---|---|---|---|---|")
    first, again, resident = [], [], []
    for _ in range(5):
        s = e2e.Service()
        s.log = open(os.devnull, "wb")
        first.append(start(s))
        s.stop()
        again.append(start(s))
        resident.append(status(s.process.pid, "VmRSS"))
        s.stop()
        e2e.remove_folder(s.temporary)
    row("first start (keys, authority, databases)", first, "ms")
    row("start on an existing home", again, "ms", "100 ms")
    row("resident after the start", resident, "MiB", "40 MB")

    with e2e.Service() as s:
        s.put_census()
        sagemaker = s.boto("sagemaker")
        client, inside = [], []
        for i in range(o.runs):
            request = s.request(f"bench-{i}")
            began = time.perf_counter()
            sagemaker.create_training_job(**request)
            while True:
                job = sagemaker.describe_training_job(TrainingJobName=f"bench-{i}")
                if job["TrainingJobStatus"] != "InProgress":
                    break
                time.sleep(0.005)
            client.append((time.perf_counter() - began) * 1000)
            assert job["TrainingJobStatus"] == "Completed", job
            inside.append((job["TrainingEndTime"] - job["CreationTime"]).total_seconds() * 1000)
        row("10-round census job, client", client, "ms", "300 ms")
        row("10-round census job, service", inside, "ms")
        row("resident after the jobs", [status(s.process.pid, "VmRSS")], "MiB")


if __name__ == "__main__":
    main()

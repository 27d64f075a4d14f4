"""One row through the whole service: trains a model, deploys it, and asks it over kept connections.

    CLARY=build/bench/apps/clary/clary python3 bench/serving_bench.py build/bench/bench/service_bench

Prints requests a second, quantiles, and the CPU that every process of Clary spent on a request.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
import service  # noqa: E402


def cpu_seconds(folder):
    """User and system time of all processes whose command line names the folder, or their children."""
    ticks, parents = {}, {}
    chosen = set()
    for proc in pathlib.Path("/proc").iterdir():
        if not proc.name.isdigit():
            continue
        try:
            fields = (proc / "stat").read_text().rsplit(")", 1)[1].split()
            ticks[proc.name] = int(fields[11]) + int(fields[12])
            parents[proc.name] = fields[1]
            if folder in (proc / "cmdline").read_text("latin-1"):
                chosen.add(proc.name)
        except OSError:
            pass
    grown = True
    while grown:
        more = {p for p, parent in parents.items() if parent in chosen} - chosen
        chosen |= more
        grown = bool(more)
    return sum(ticks.get(p, 0) for p in chosen) / os.sysconf("SC_CLK_TCK"), chosen


def resident(pids):
    """Proportional memory of processes, in MB."""
    total = 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
        except (OSError, TypeError):
            pass
    return total / 1024


def deploy(clary, name, rounds):
    clary.put_census()
    sagemaker = clary.boto("sagemaker")
    request = clary.request(name)
    request["HyperParameters"] |= {"num_round": str(rounds), "max_depth": "6"}
    sagemaker.create_training_job(**request)
    job = clary.wait(name)
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=clary.credentials["role_arn"],
                           PrimaryContainer={"Image": service.IMAGE, "ModelDataUrl":
                                             job["ModelArtifacts"]["S3ModelArtifacts"]})
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1,
         "InstanceType": "ml.m5.large"}])
    runtime = clary.boto("sagemaker-runtime")
    _, rows = service.census_rows("validation")
    row = ",".join(f"{x:g}" for x in rows[0])
    began = time.monotonic()
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    while True:
        try:
            runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=row)
            break
        except runtime.exceptions.ValidationError:
            pass
    print(f"CreateEndpoint to the first answer: {1000 * (time.monotonic() - began):.0f} ms")
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--in-process", action="store_true", help="clary serve --answer-in-process")
    options = parser.parse_args()
    with service.Service(*["--answer-in-process"] * options.in_process) as clary:
        folder = str(clary.home)
        _, without = cpu_seconds(folder)
        row = deploy(clary, "bench", options.rounds)
        _, pids = cpu_seconds(folder)
        print(f"memory of all of Clary's processes: {resident(pids):.0f} MB, of the endpoint's: "
              f"{resident(pids - without):.0f} MB")
        for connections, rate in ((1, 0), (16, 1000), (16, 0), (64, 0)):
            before, _ = cpu_seconds(folder)
            out = subprocess.run(
                [options.bench, clary.endpoint, folder, "/endpoints/bench/invocations", row,
                 str(connections), str(options.seconds), str(rate)],
                capture_output=True, text=True).stdout.strip()
            spent = cpu_seconds(folder)[0] - before
            per_second = float(re.search(r"(\d+) requests/s", out)[1])
            took = float(re.search(r"([\d.]+) s:", out)[1])
            print(f"{out}; rate {rate or 'all'}; "
                  f"{1e6 * spent / max(per_second * took, 1):.0f} us of CPU a request")


if __name__ == "__main__":
    main()

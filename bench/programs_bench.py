"""What a user's program costs beyond itself: the start of a script that does nothing, its packages, a
large channel, much output.

    python bench/programs_bench.py --clary build/release/apps/clary/clary [--runs 10] [--gib 1]

Needs boto3 (bench/requirements-s3.txt), bubblewrap and a python3 with pip. "client" is the wall time
from CreateTrainingJob to the first DescribeTrainingJob that says Completed, asked every 5 ms. The
floors are what the same machine takes for the parts that nobody can leave out.
"""
import argparse
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

from jobs_bench import SOURCE, row

IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/{}:1"
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))


def timed(command):
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def wheel(folder):
    """A package that needs no index."""
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as z:
        z.writestr("tiny.py", "")
        z.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        z.writestr("tiny-1.0.dist-info/WHEEL",
                   "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\n")


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clary", required=True)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--gib", type=float, default=1)
    o = parser.parse_args()
    os.environ["CLARY"] = str(pathlib.Path(o.clary).resolve())
    import service as e2e

    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    wheels = pathlib.Path(tempfile.mkdtemp(prefix="clary-wheels-"))
    wheel(wheels)
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| what | target | median | min | max |")
    print("|---|---|---|---|---|")
    row("floor: start of the interpreter", [timed([python, "-c", "pass"]) for _ in range(9)], "ms")
    bwrap = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/",
             "--proc", "/proc", "--dev", "/dev"]
    row("floor: a sandbox around it", [timed([*bwrap, python, "-c", "pass"]) for _ in range(9)], "ms")

    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    with e2e.Service("--python", python, env=settings) as s:
        s3, sagemaker = s.boto("s3"), s.boto("sagemaker")
        s3.create_bucket(Bucket="data")
        s3.put_object(Bucket="data", Key="in/x", Body=b"x")

        def job(name, **members):
            request = s.request(name, channels=(), HyperParameters={}) | members
            request = {k: v for k, v in request.items() if v}
            began = time.perf_counter()
            sagemaker.create_training_job(**request)
            while True:
                told = sagemaker.describe_training_job(TrainingJobName=name)
                if told["TrainingJobStatus"] != "InProgress":
                    break
                time.sleep(0.005)
            took = (time.perf_counter() - began) * 1000
            assert told["TrainingJobStatus"] == "Completed", told.get("FailureReason")
            return took, (told["TrainingEndTime"] - told["TrainingStartTime"]).total_seconds()

        def script(name, files):
            s3.put_object(Bucket="data", Key=f"{name}.tar.gz", Body=archive(files))
            return {"AlgorithmSpecification": {"TrainingImage": IMAGE.format("mine"),
                                               "TrainingInputMode": "File"},
                    "HyperParameters": {"sagemaker_program": "train.py",
                                        "sagemaker_submit_directory": f"s3://data/{name}.tar.gz"}}

        def command(text, prefix=None):
            channels = [{"ChannelName": "train", "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": f"s3://data/{prefix}"}}}] if prefix else []
            return {"AlgorithmSpecification": {"TrainingImage": IMAGE.format("mine"),
                                               "TrainingInputMode": "File",
                                               "ContainerEntrypoint": ["/bin/bash", "-c"],
                                               "ContainerArguments": [text]},
                    "InputDataConfig": channels}

        row("a command that does nothing, client",
            [job(f"nothing-{i}", **command("true"))[0] for i in range(o.runs)], "ms")
        row("a script that does nothing, client",
            [job(f"empty-{i}", **script("empty", {"train.py": ""}))[0] for i in range(o.runs)],
            "ms", "350 ms and the interpreter")
        needy = script("needy", {"train.py": "import tiny\n", "requirements.txt": "tiny\n"})
        row("with a new requirements.txt, client", [job("first", **needy)[0]], "ms")
        row("with one that was there before, client",
            [job(f"again-{i}", **needy)[0] for i in range(o.runs)], "ms",
            "500 ms and the interpreter")

        size = int(o.gib * (1 << 30))
        big = wheels / "big"
        with open(big, "wb") as out:
            block = os.urandom(1 << 20)
            for _ in range(size >> 20):
                out.write(block)
        s3.upload_file(str(big), "data", "big/data")
        row(f"floor: a copy of {o.gib:g} GiB",
            [timed(["cp", "--reflink=never", big, wheels / "copy"]) for _ in range(3)], "ms")
        row(f"a command with a channel of {o.gib:g} GiB, client",
            [job(f"big-{i}", **command("true", "big/"))[0] for i in range(o.runs)], "ms")

        much = 400
        text = f"yes {'x' * 99} | head -c {much}M"
        seconds = [job(f"flood-{i}", **command(text))[1] for i in range(3)]
        row(f"{much} MiB of output to the log", [much / t for t in seconds], "MiB/s", "50 MB/s")
    shutil.rmtree(wheels)


if __name__ == "__main__":
    main()

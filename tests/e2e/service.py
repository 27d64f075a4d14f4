"""A Clary service of its own for a test, in a directory of its own."""
import csv
import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CLARY = os.environ["CLARY"]  # the executable under test
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
PARAMETERS = {"objective": "binary:logistic", "num_round": "10", "max_depth": "5", "eta": "0.2",
              "gamma": "4", "min_child_weight": "6", "subsample": "0.7"}


def census(part):
    """The bytes of train, validation or test.csv of the example's data."""
    return gzip.decompress((SOURCE / f"examples/data/census/{part}.csv.gz").read_bytes())


def census_rows(part):
    """Labels and rows of features, as numbers."""
    rows = [[float(x) for x in row] for row in csv.reader(census(part).decode().splitlines())]
    return [r[0] for r in rows], [r[1:] for r in rows]


def wait_for(condition, seconds=30, what="the condition"):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.02)


def clary(*args, home, check=True, env=None, timeout=120, input=None):
    """Runs the command line; returns the finished process with its text."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CLARY_HOME": str(home)}
    process = subprocess.run([CLARY, *map(str, args)], capture_output=True, text=True, input=input,
                             env=environment | (env or {}), timeout=timeout)
    if check and process.returncode != 0:
        raise AssertionError(f"clary {' '.join(map(str, args))}: {process.returncode}\n"
                             f"{process.stdout}\n{process.stderr}")
    return process


def remove_folder(temporary):
    """Removes a TemporaryDirectory in which services ran. Their runners outlive them, and must not
    outlive the test."""
    for proc in pathlib.Path("/proc").iterdir():
        try:
            if proc.name.isdigit() and temporary.name in (proc / "cmdline").read_text("latin-1"):
                os.kill(int(proc.name), signal.SIGKILL)
        except OSError:
            pass  # it has ended by itself

    def removed():
        try:
            temporary.cleanup()
            return True
        except OSError:  # one of them is still writing its last file
            return False

    wait_for(removed, 10, "the end of the runners")


class Service:
    """`clary serve` on a fresh home, or on a given one. Use it in a with statement."""

    def __init__(self, *options, env=None):
        self.env = env or {}
        self.temporary = tempfile.TemporaryDirectory(prefix="clary-e2e-")
        self.home = pathlib.Path(self.temporary.name) / "home"
        self.options = options
        self.executable = CLARY
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        remove_folder(self.temporary)

    def start(self):
        self.log = open(self.home.parent / "serve.log", "ab")
        self.process = subprocess.Popen(
            [self.executable, "serve", "--home", str(self.home), "--port", "0", *self.options],
            stdout=self.log, stderr=self.log, env={"PATH": os.environ["PATH"], "HOME": "/nowhere"} | self.env)

        def ready():
            assert self.process.poll() is None, (self.home.parent / "serve.log").read_text()
            try:
                state = json.loads((self.home / "service.json").read_text())
            except (OSError, ValueError):
                return None
            return state["endpoint"] if state["pid"] == self.process.pid else None

        self.endpoint = wait_for(ready, what="the service")
        self.environment = json.loads(clary("env", "--json", home=self.home).stdout)
        self.credentials = json.loads((self.home / "credentials.json").read_text())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            code = self.process.wait(30)
            assert code == 0, (code, (self.home.parent / "serve.log").read_text()[-2000:])
        self.log.close()

    def kill(self):
        """As the kernel would: no chance to tidy up."""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def boto(self, name, **options):
        """A client with the default key; options are members of its Config, but for those whose name
        begins with aws_, which replace the key."""
        import boto3
        from botocore.config import Config
        keys = {"aws_access_key_id": self.credentials["access_key_id"],
                "aws_secret_access_key": self.credentials["secret_access_key"]}
        keys |= {key: value for key, value in options.items() if key.startswith("aws_")}
        settings = {"retries": {"max_attempts": 1}, "proxies": {}}
        settings |= {key: value for key, value in options.items() if not key.startswith("aws_")}
        return boto3.client(name, endpoint_url=self.endpoint, region_name=self.credentials["region"],
                            config=Config(**settings), **keys)

    def put_census(self, bucket="data"):
        s3 = self.boto("s3")
        s3.create_bucket(Bucket=bucket)
        for part in ("train", "validation"):
            s3.put_object(Bucket=bucket, Key=f"{part}/{part}.csv", Body=census(part))

    def add_python(self, image="my-image:*"):
        """This test's Python stands for an image (docs/formats/environments.md)."""
        (self.home / "environments.json").write_text(json.dumps(
            {"version": 1, "rules": [{"image": image, "python": sys.executable}]}))

    def request(self, name, bucket="data", channels=("train", "validation"), **overrides):
        """A CreateTrainingJob document; keywords replace its members."""
        return {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": self.credentials["role_arn"],
            "InputDataConfig": [
                {"ChannelName": c, "ContentType": "csv",
                 "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix",
                                                 "S3Uri": f"s3://{bucket}/{c}/",
                                                 "S3DataDistributionType": "FullyReplicated"}}}
                for c in channels],
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/output"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge",
                               "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "HyperParameters": PARAMETERS,
        } | overrides

    def wait(self, name, *statuses, seconds=60):
        """Describe, once the job has ended or has one of the statuses."""
        sagemaker = self.boto("sagemaker")
        wanted = statuses or ("Completed", "Failed", "Stopped")

        def done():
            job = sagemaker.describe_training_job(TrainingJobName=name)
            return job if job["TrainingJobStatus"] in wanted or job["SecondaryStatus"] in wanted \
                else None

        return wait_for(done, seconds, f"{name}: {wanted}")

    def host_logs(self, name, group="/aws/sagemaker/TrainingJobs"):
        """What each host of a job has said."""
        logs = self.boto("logs")
        try:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name + "/")["logStreams"]
        except logs.exceptions.ResourceNotFoundException:  # nothing has run yet
            return {}
        return {stream["logStreamName"].split("/")[1].rsplit("-", 1)[0]: "".join(
            event["message"] + "\n" for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"])
            for stream in streams}


class ServiceTest(unittest.TestCase):
    """Tests of a class that share a service, with the census in its bucket "data", and a folder."""

    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)
        cls.service.put_census()
        folder = tempfile.TemporaryDirectory(prefix="clary-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)

    def setUp(self):  # a test may have restarted the service
        self.s3 = self.service.boto("s3")
        self.sagemaker = self.service.boto("sagemaker")

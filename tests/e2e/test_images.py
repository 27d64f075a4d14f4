"""Container images that run for real: imported from podman and docker, where they are, by the command line."""
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import unittest

import service
from service import clary

TRAIN = """#!/bin/bash
echo "trains with $@ in $PWD: $WHERE"
[[ $(</opt/ml/input/config/hyperparameters.json) == '{"z":"1","a":"2"}' ]] || echo wrong order
[[ -e /opt/program/mark ]] && echo changed
echo mark > /opt/program/mark
echo "$(</opt/ml/input/data/train/rows.csv)" > /opt/ml/model/rows
"""

SERVE = """import os, socket, threading

def converse(connection):
    with connection, connection.makefile("rwb") as stream:
        while True:
            begin, length = stream.readline(), 0
            if not begin:
                return
            while (line := stream.readline().strip()):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            asked, answer = stream.read(length), b""
            if begin.startswith(b"POST /invocations "):
                if asked == b"die":
                    os._exit(7)
                answer = b" ".join([open("/opt/ml/model/rows", "rb").read().strip(), asked[::-1],
                                    os.environ["WHERE"].encode(), os.environ["MORE"].encode()])
            stream.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (len(answer), answer))
            stream.flush()

print("the image serves", flush=True)
open("/opt/program/served", "x").write("not there in another container")
listener = socket.create_server(("0.0.0.0", 8080))
while True:
    threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()
"""


def add_program(folder, file):
    """A program of this host, with the libraries that it needs."""
    libraries = subprocess.run(["ldd", file], check=True, capture_output=True, text=True).stdout
    for one in [str(file)] + [w for w in libraries.split() if w.startswith("/")]:
        own = "libpython" in one  # beside the interpreter
        to = folder / ("bin/" + file.name if one == str(file) else
                       "opt/python/lib/" + pathlib.Path(one).name if own else one.lstrip("/"))
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(one, to)


def make_root(folder):
    """The files of an image that holds bash, Python and programs."""
    add_program(folder, pathlib.Path(shutil.which("bash")).resolve())
    python = pathlib.Path(sys.executable).resolve()
    add_program(folder, python)
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library, folder / "opt/python/lib" / library.name, ignore=shutil.ignore_patterns(
        "__pycache__", "test", "site-packages", "dist-packages", "idlelib", "tkinter", "ensurepip", "config-*"))
    (folder / "opt/program").mkdir(parents=True)
    (folder / "opt/program/serve").write_text(
        "export PYTHONHOME=/opt/python LD_LIBRARY_PATH=/opt/python/lib\n"
        f"exec /bin/{python.name} -S /opt/program/serve.py\n")
    (folder / "opt/program/serve.py").write_text(SERVE)
    (folder / "opt/program/train").write_text(TRAIN)
    (folder / "opt/program/train").chmod(0o755)
    (folder / "opt/program/prepare").write_text("#!/bin/bash\necho prepared > /opt/ml/processing/out/x\n")
    (folder / "opt/program/prepare").chmod(0o755)


class Podman(unittest.TestCase):
    @classmethod
    def find(cls):
        """The engine's executable."""
        if shutil.which("podman") is None:
            raise unittest.SkipTest("there is no podman")
        engine = cls.dir / "engine"  # with images of this test alone
        engine.write_text(f"#!/bin/sh\nexec podman --root {cls.dir}/images --runroot {cls.dir}/run "
                          '--storage-driver vfs "$@"\n')
        engine.chmod(engine.stat().st_mode | stat.S_IXUSR)
        return engine

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="clary-images-")
        cls.addClassCleanup(temporary.cleanup)
        cls.dir = pathlib.Path(temporary.name)
        cls.engine = cls.find()
        make_root(cls.dir / "root")
        subprocess.run(["tar", "-C", cls.dir / "root", "-cf", cls.dir / "root.tar", "."], check=True)
        made = subprocess.run(
            [cls.engine, "import", "--change", 'ENTRYPOINT ["/bin/bash"]', "--change",
             "ENV PATH=/opt/program:/bin", "--change", "ENV WHERE=home", "--change",
             "WORKDIR /opt/program", "--change", "USER 1000", cls.dir / "root.tar",
             "localhost/team/my-image:1"],
            capture_output=True, text=True)
        if made.returncode != 0:
            raise unittest.SkipTest(f"{cls.engine} does not work here: {made.stderr.strip()}")
        cls.addClassCleanup(subprocess.run, [cls.engine, "rmi", "localhost/team/my-image:1"],
                            capture_output=True)
        cls.service = service.Service()
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)
        home = cls.service.home
        cls.said = clary("environments", "import", "localhost/team/my-image:1", "--engine", cls.engine,
                         home=home).stdout
        s3 = cls.service.boto("s3")
        s3.create_bucket(Bucket="data")
        s3.put_object(Bucket="data", Key="train/rows.csv", Body=b"1,2\n")

    def job(self, name, **algorithm):
        client = self.service.boto("sagemaker")
        client.create_training_job(
            TrainingJobName=name, RoleArn=self.service.credentials["role_arn"],
            AlgorithmSpecification={
                "TrainingImage": "111122223333.dkr.ecr.us-east-1.amazonaws.com/my-image:1",
                "TrainingInputMode": "File", **algorithm},
            HyperParameters={"z": "1", "a": "2"},
            InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": "s3://data/train/"}}}],
            OutputDataConfig={"S3OutputPath": "s3://data/out"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60})
        service.wait_for(lambda: client.describe_training_job(TrainingJobName=name)[
            "TrainingJobStatus"] in ("Completed", "Failed"), what=f"the end of {name}")
        job = client.describe_training_job(TrainingJobName=name)
        return job, clary("logs", name, home=self.service.home).stdout

    def test_its_own_program_trains(self):
        self.assertIn("images my-image:1 run in localhost/team/my-image:1", self.said)
        self.assertIn("USER 1000 is ignored", self.said)
        for name in ("own", "again"):  # whatever the first one has changed
            job, log = self.job(name)
            self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason", "") + log)
            self.assertIn("[clary] Container image localhost/team/my-image:1", log)
            self.assertIn("trains with  in /opt/program: home", log)
            self.assertNotIn("wrong order", log)
            self.assertNotIn("changed", log)

    def test_arguments_are_for_its_entry_point(self):
        job, log = self.job("arguments", ContainerArguments=["-c", "echo said $0 $1", "a b", "c"])
        self.assertEqual(job["TrainingJobStatus"], "Completed", log)
        self.assertIn("said a b c", log)

    def test_it_processes(self):
        client = self.service.boto("sagemaker")
        client.create_processing_job(
            ProcessingJobName="prepare", RoleArn=self.service.credentials["role_arn"],
            AppSpecification={"ImageUri": "my-image:1", "ContainerArguments": ["prepare"]},
            ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large",
                                                   "VolumeSizeInGB": 1}},
            ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": {
                "S3Uri": "s3://data/prepared", "LocalPath": "/opt/ml/processing/out",
                "S3UploadMode": "EndOfJob"}}]})
        service.wait_for(lambda: client.describe_processing_job(ProcessingJobName="prepare")[
            "ProcessingJobStatus"] != "InProgress", what="the end of the processing job")
        self.assertEqual(self.service.boto("s3").get_object(
            Bucket="data", Key="prepared/x")["Body"].read(), b"prepared\n")

    def test_it_serves(self):
        client, runtime = self.service.boto("sagemaker"), self.service.boto("sagemaker-runtime")
        job, log = self.job("for-the-endpoint")
        self.assertEqual(job["TrainingJobStatus"], "Completed", log)
        client.create_model(
            ModelName="own", ExecutionRoleArn=self.service.credentials["role_arn"],
            PrimaryContainer={"Image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/my-image:1",
                              "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
                              "Environment": {"MORE": "more"}})
        client.create_endpoint_config(EndpointConfigName="own", ProductionVariants=[
            {"VariantName": "v", "ModelName": "own", "InitialInstanceCount": 2, "InstanceType": "ml.m5.large"}])
        client.create_endpoint(EndpointName="own", EndpointConfigName="own")

        def status():
            endpoint = client.describe_endpoint(EndpointName="own")
            self.assertNotEqual(endpoint["EndpointStatus"], "Failed", endpoint)
            return endpoint["EndpointStatus"] == "InService"

        service.wait_for(status, 60, what="the endpoint")

        def ask():
            return runtime.invoke_endpoint(EndpointName="own", Body=b"abc")["Body"].read()

        for _ in range(20):
            self.assertEqual(ask(), b"1,2 cba home more")
        # One that dies (the client tries again, so both do) is replaced, and its files are as they were.
        with self.assertRaises(runtime.exceptions.ServiceUnavailable):
            runtime.invoke_endpoint(EndpointName="own", Body=b"die")

        def answers():
            try:
                return ask()
            except runtime.exceptions.ServiceUnavailable:
                return None

        self.assertEqual(service.wait_for(answers, 60, what="an answer"), b"1,2 cba home more")
        events = self.service.boto("logs").filter_log_events(
            logGroupName="/aws/sagemaker/Endpoints/own")["events"]
        self.assertIn("the image serves", [event["message"] for event in events])
        client.delete_endpoint(EndpointName="own")

    def test_it_is_listed_and_removed(self):
        home = self.service.home
        clary("environments", "import", "localhost/team/my-image:1", "--engine", self.engine, "--for",
              "other:*", home=home)
        rules = json.loads(clary("environments", "list", "--json", home=home).stdout)["rules"]
        other = next(r for r in rules if r["image"] == "other:*")
        self.assertIn("localhost/team/my-image:1", clary("environments", "list", home=home).stdout)
        clary("environments", "remove", "other:*", home=home)
        self.assertTrue((home / "images" / other["container"]).exists())  # the first rule's, too
        unknown = clary("environments", "import", "localhost/none:1", "--engine", self.engine, home=home,
                        check=False)
        self.assertNotEqual(unknown.returncode, 0)
        self.assertIn("could not fetch the image 'localhost/none:1'", unknown.stderr)

class Docker(Podman):
    @classmethod
    def find(cls):
        engine = shutil.which("docker")
        if engine is None or subprocess.run([engine, "version"], capture_output=True).returncode != 0:
            raise unittest.SkipTest("no docker answers here")
        return engine


if __name__ == "__main__":
    unittest.main()

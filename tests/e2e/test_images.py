"""Container images that run for real: imported from podman and docker, where they are, by the command line."""
import json
import os
import pathlib
import shutil
import stat
import subprocess
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


def make_root(folder):
    """The files of an image that holds bash and a program."""
    bash = pathlib.Path(shutil.which("bash")).resolve()
    libraries = subprocess.run(["ldd", bash], check=True, capture_output=True, text=True).stdout
    for file in [str(bash)] + [w for w in libraries.split() if w.startswith("/")]:
        to = folder / ("bin/bash" if file == str(bash) else file.lstrip("/"))
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, to)
    (folder / "opt/program").mkdir(parents=True)
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

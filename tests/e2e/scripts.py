"""What the tests of users' scripts share: a service whose images run in one environment from PyPI."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

import service
from service import SOURCE, census, clary

IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/my-image:1"


def script_environment():
    """The virtual environment of tests/compat/requirements-script.txt."""
    return subprocess.run([SOURCE / "tools/venv.sh", SOURCE / "tests/compat/requirements-script.txt"],
                          check=True, capture_output=True, text=True).stdout.strip()


def make_wheel(folder, name, version, source):
    """A wheel of one module, so that pip has something to install without an index."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(pathlib.Path(folder) / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", source)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL",
                       "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


class ScriptsTest(unittest.TestCase):
    """A service with the census in s3://data/, and this process's SDK set up for it."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="clary-scripts-")
        cls.addClassCleanup(temporary.cleanup)
        cls.dir = pathlib.Path(temporary.name)
        wheels = cls.dir / "wheels"
        wheels.mkdir()
        make_wheel(wheels, "greeting", "1.0", "text = 'hello from a wheel'\n")
        cls.service = service.Service(env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)})
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)
        cls.venv = script_environment()  # before HOME is another
        for image, python in (("sagemaker-scikit-learn:*", cls.venv),
                              ("sagemaker-xgboost:*", cls.venv), ("my-image:*", cls.venv),
                              ("sagemaker-base-python*", sys.prefix)):
            clary("environments", "add", image, python, home=cls.service.home)
        cls.service.put_census()
        os.environ.update(cls.service.environment)
        os.environ["HOME"] = str(cls.dir)  # no settings of whoever runs the tests
        os.chdir(cls.dir)

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def log(self, job):
        return clary("logs", job, home=self.service.home).stdout

    def read(self, uri):
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        return self.service.boto("s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    def model(self, uri):
        import io
        import tarfile
        with tarfile.open(fileobj=io.BytesIO(self.read(uri))) as tar:
            return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}


__all__ = ["IMAGE", "ScriptsTest", "SOURCE", "census", "clary", "script_environment"]

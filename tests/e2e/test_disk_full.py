"""The disk of the state directory is full: what asks for more is told so, what is there stays."""
import pathlib
import subprocess
import tempfile
import unittest

import service
from botocore.exceptions import ClientError
from service import PARAMETERS

KEPT = b"k" * 1000


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.mount = tempfile.TemporaryDirectory(prefix="clary-disk-")
        self.addCleanup(self.mount.cleanup)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", self.mount.name],
            capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount a small disk here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.mount.name], check=True)
        self.service = service.Service()
        self.service.home = pathlib.Path(self.mount.name) / "home"
        self.service.start()
        self.addCleanup(self.service.__exit__)
        self.service.put_census()
        self.s3 = self.service.boto("s3")
        self.sagemaker = self.service.boto("sagemaker")
        self.s3.put_object(Bucket="data", Key="kept", Body=KEPT)
        self.filler = pathlib.Path(self.mount.name) / "filler"

    def fill(self, left=0):
        """Fills the disk but for `left` bytes."""
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
            file.truncate(max(0, file.tell() - left))

    def refused(self, call, *words, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        for word in words:
            self.assertIn(word, str(caught.exception))
        return caught.exception.response["ResponseMetadata"]

    def assert_kept(self):
        s3 = self.service.boto("s3")
        self.assertEqual(s3.get_object(Bucket="data", Key="kept")["Body"].read(), KEPT)
        keys = [o["Key"] for o in s3.list_objects_v2(Bucket="data")["Contents"]]
        for key in ("kept", "train/train.csv", "validation/validation.csv"):
            self.assertIn(key, keys)
        self.assertNotIn("new", keys)

    def test_puts_and_records_are_refused_and_nothing_is_lost(self):
        big = bytes(60 << 20)
        for key in ("new", "kept"):
            answer = self.refused(self.s3.put_object, "DiskFull", "free some space",
                                  Bucket="data", Key=key, Body=big)
            self.assertEqual((answer["HTTPStatusCode"], answer["RetryAttempts"]), (507, 0))
        self.fill()
        self.refused(self.s3.put_object, "DiskFull", Bucket="data", Key="new", Body=bytes(5000))
        self.refused(self.s3.create_bucket, "DiskFull", Bucket="another")
        self.refused(self.sagemaker.create_training_job, "free some space",
                     **self.service.request("unwritten"))
        self.assertEqual(self.sagemaker.list_training_jobs()["TrainingJobSummaries"], [])
        self.assert_kept()
        self.service.kill()
        self.filler.unlink()
        self.service.start()
        self.assert_kept()
        self.service.boto("s3").put_object(Bucket="data", Key="after", Body=bytes(5000))

    def test_a_job_that_runs_out_of_disk_fails_and_says_so(self):
        # From too little for anything to enough for all but the model.
        deep = PARAMETERS | {"num_round": "300", "max_depth": "8", "gamma": "0",
                             "min_child_weight": "1"}
        failed = []
        for left in (20_000, 60_000, 120_000, 400_000):
            self.fill(left)
            name = f"left-{left}"
            try:
                self.sagemaker.create_training_job(
                    **self.service.request(name, HyperParameters=deep))
            except ClientError as error:
                self.assertIn("free some space", str(error))
                self.filler.unlink()
                continue
            # What needs a record itself, as the end of the job does, waits for space.
            try:
                self.service.wait(name, seconds=3)
            except AssertionError:
                pass
            self.filler.unlink()
            job = self.service.wait(name)
            if job["TrainingJobStatus"] == "Failed":
                self.assertIn("space", job["FailureReason"], name)
                failed.append(name)
            self.assert_kept()
        self.assertTrue(failed, "no job met the full disk")
        self.sagemaker.create_training_job(**self.service.request("after"))
        self.assertEqual(self.service.wait("after")["TrainingJobStatus"], "Completed")


if __name__ == "__main__":
    unittest.main()

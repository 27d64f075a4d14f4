"""Programs of users' own as training jobs, by boto3: what they get, what they may, and how they end."""
import io
import re
import tarfile
import unittest

import service
from service import wait_for


class Programs(service.ServiceTest):
    def request(self, name, script, **overrides):
        """A job that runs a shell script in a container's place."""
        return self.service.request(name, channels=("train",), HyperParameters={}) | {
            "AlgorithmSpecification": {
                "TrainingImage": "111122223333.dkr.ecr.us-east-1.amazonaws.com/my-image:1",
                "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/bash"],
                "ContainerArguments": ["-c", script]}} | overrides

    def run_job(self, name, script, **overrides):
        self.sagemaker.create_training_job(**self.request(name, script, **overrides))
        return self.service.wait(name)

    def log(self, name):
        return service.clary("logs", name, home=self.service.home).stdout

    def model(self, job):
        """The files of a job's model."""
        key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
        body = self.s3.get_object(Bucket="data", Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}

    def boto_with(self, keys, name):
        return self.service.boto(name, aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
                                 aws_session_token=keys[2])

    def test_a_command_runs_as_it_stands(self):
        job = self.run_job("hello", "echo hello $A; wc -l < /opt/ml/input/data/train/train.csv; "
                           "echo m > /opt/ml/model/m", Environment={"A": "a  b"})
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertIn("hello a b\n", self.log("hello"))
        self.assertEqual(self.model(job), {"m": b"m\n"})

    def test_its_exit_code_is_the_jobs(self):
        job = self.run_job("three", "exit 3")
        self.assertEqual(job["TrainingJobStatus"], "Failed")
        self.assertRegex(job["FailureReason"], "^AlgorithmError: .*exit code: 3$")

    def test_its_keys_end_with_it(self):
        self.sagemaker.create_training_job(**self.request(
            "keys", "trap 'exit 0' TERM; "
            "echo KEYS=$AWS_ACCESS_KEY_ID=$AWS_SECRET_ACCESS_KEY=$AWS_SESSION_TOKEN.; "
            "while :; do sleep 0.1; done"))
        found = wait_for(lambda: re.search(r"KEYS=([^=\s]+)=([^=\s]+)=(\S+)\.\n", self.log("keys")),
                         what="the keys")
        keys = found.groups()
        self.assertNotEqual(keys[0], self.service.credentials["access_key_id"])
        me = self.boto_with(keys, "sts").get_caller_identity()["Arn"]
        self.assertTrue(me.endswith("/SageMaker"), me)
        self.boto_with(keys, "s3").put_object(Bucket="data", Key="from-a-job", Body=b"1")
        self.boto_with(keys, "iam").list_roles()
        with self.assertRaisesRegex(Exception, "AccessDenied"):
            self.boto_with(keys, "iam").delete_role(RoleName="ClaryExecutionRole")
        with self.assertRaisesRegex(Exception, "AccessDenied"):
            self.boto_with(keys, "iam").create_access_key()
        role = self.service.credentials["role_arn"]
        chained = self.boto_with(keys, "sts").assume_role(
            RoleArn=role, RoleSessionName="chained")["Credentials"]
        chained = (chained["AccessKeyId"], chained["SecretAccessKey"], chained["SessionToken"])
        self.boto_with(chained, "s3").list_buckets()
        self.sagemaker.stop_training_job(TrainingJobName="keys")
        self.assertEqual(self.service.wait("keys")["TrainingJobStatus"], "Stopped")
        for ended in (keys, chained):
            with self.assertRaisesRegex(Exception, "InvalidAccessKeyId|InvalidClientTokenId"):
                self.boto_with(ended, "s3").list_buckets()

    def test_isolation_leaves_no_keys(self):
        job = self.run_job("isolated", "echo KEYS=$AWS_ACCESS_KEY_ID.", EnableNetworkIsolation=True)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertIn("KEYS=.\n", self.log("isolated"))

    def test_checkpoints_come_back(self):
        config = {"S3Uri": "s3://data/checkpoints/back"}
        script = ("cat /opt/ml/checkpoints/round 2>/dev/null || echo none; "
                  "echo one > /opt/ml/checkpoints/round")
        self.run_job("first", script, CheckpointConfig=config)
        self.assertIn("none\n", self.log("first"))
        job = self.run_job("second", script, CheckpointConfig=config)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(job["CheckpointConfig"]["LocalPath"], "/opt/ml/checkpoints")
        self.assertIn("one\n", self.log("second"))

    def test_spot_and_warm_pool_are_told(self):
        job = self.run_job(
            "spot", "true", EnableManagedSpotTraining=True,
            StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200},
            ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.xlarge",
                            "VolumeSizeInGB": 5, "KeepAlivePeriodInSeconds": 600})
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(job["BillableTimeInSeconds"], job["TrainingTimeInSeconds"])
        self.assertEqual(job["WarmPoolStatus"]["Status"], "Available")
        self.sagemaker.update_training_job(TrainingJobName="spot",
                                           ResourceConfig={"KeepAlivePeriodInSeconds": 0})
        job = self.sagemaker.describe_training_job(TrainingJobName="spot")
        self.assertEqual(job["WarmPoolStatus"]["Status"], "Terminated")

    def test_what_cannot_run_is_refused(self):
        with self.assertRaisesRegex(Exception, "ContainerEntrypoint"):
            request = self.request("nothing", "")
            del request["AlgorithmSpecification"]["ContainerEntrypoint"]
            del request["AlgorithmSpecification"]["ContainerArguments"]
            self.sagemaker.create_training_job(**request)
        with self.assertRaisesRegex(Exception, "one instance"):
            self.sagemaker.create_training_job(**self.request(
                "two", "true", ResourceConfig={"InstanceCount": 2, "InstanceType": "ml.m5.large",
                                               "VolumeSizeInGB": 5}))
        with self.assertRaisesRegex(Exception, "hyperParameters.*less than or equal to 100"):
            self.sagemaker.create_training_job(**self.request(
                "many", "true", HyperParameters={f"h{i}": "1" for i in range(1000)}))


if __name__ == "__main__":
    unittest.main()

"""Programs of users' own as training and processing jobs, by boto3: what they get, what they may, and
how they end."""
import io
import json
import re
import tarfile
import unittest

import service
from service import wait_for


class Programs(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.add_python()

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
        with self.assertRaisesRegex(Exception, "at most 100 instances"):
            self.sagemaker.create_training_job(**self.request(
                "many", "true", ResourceConfig={"InstanceCount": 101, "InstanceType": "ml.m5.large",
                                                "VolumeSizeInGB": 5}))
        with self.assertRaisesRegex(Exception, "hyperParameters.*less than or equal to 100"):
            self.sagemaker.create_training_job(**self.request(
                "many", "true", HyperParameters={f"h{i}": "1" for i in range(1000)}))


class Processing(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.add_python()

    def create(self, name, script, outputs=(), **overrides):
        self.sagemaker.create_processing_job(**{
            "ProcessingJobName": name,
            "RoleArn": self.service.credentials["role_arn"],
            "AppSpecification": {"ImageUri": "my-image:1",
                                 "ContainerEntrypoint": ["/bin/bash", "-c", script, "name"],
                                 "ContainerArguments": ["an argument"]},
            "ProcessingInputs": [{"InputName": "raw", "S3Input": {
                "S3Uri": "s3://data/train", "LocalPath": "/opt/ml/processing/input/raw",
                "S3DataType": "S3Prefix", "S3InputMode": "File"}}],
            "ProcessingOutputConfig": {"Outputs": [
                {"OutputName": output, "S3Output": {
                    "S3Uri": f"s3://data/{name}/{output}", "S3UploadMode": mode,
                    "LocalPath": f"/opt/ml/processing/{output}"}} for output, mode in outputs]},
            "ProcessingResources": {"ClusterConfig": {
                "InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 5}},
        } | overrides)

    def describe(self, name):
        return self.sagemaker.describe_processing_job(ProcessingJobName=name)

    def wait(self, name):
        def ended():
            job = self.describe(name)
            return job if job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") else None
        return wait_for(ended, 60, name)

    def log(self, name):
        logs = self.service.boto("logs")
        group = "/aws/sagemaker/ProcessingJobs"
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name + "/")
        return "".join(event["message"] + "\n" for stream in streams["logStreams"]
                       for event in logs.get_log_events(
                           logGroupName=group, logStreamName=stream["logStreamName"],
                           startFromHead=True)["events"])

    def get(self, key):
        return self.s3.get_object(Bucket="data", Key=key)["Body"].read()

    def exists(self, key):
        return self.s3.list_objects_v2(Bucket="data", Prefix=key)["KeyCount"] > 0

    def test_inputs_and_outputs(self):
        self.create("whole", "echo $1; wc -l < /opt/ml/processing/input/raw/train.csv > /opt/ml/processing/"
                    "out/rows; echo fine > /opt/ml/output/message; cat /opt/ml/config/"
                    "processingjobconfig.json > /opt/ml/processing/out/config.json",
                    [("out", "EndOfJob"), ("empty", "EndOfJob")], Environment={"A": "1"})
        job = self.wait("whole")
        self.assertEqual(job["ProcessingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(job["ExitMessage"].strip(), "fine")
        self.assertLessEqual(job["ProcessingStartTime"], job["ProcessingEndTime"])
        self.assertIn("an argument\n", self.log("whole"))
        self.assertEqual(int(self.get("whole/out/rows")), service.census("train").count(b"\n"))
        config = json.loads(self.get("whole/out/config.json"))
        self.assertEqual(config["Environment"], {"A": "1"})
        self.assertEqual(config["ProcessingInputs"][0]["S3Input"]["S3DownloadMode"], "StartOfJob")

    def test_failure_uploads_what_is_there(self):
        self.create("bad", "echo partial > /opt/ml/processing/out/p; echo 'ValueError: bad' >&2; "
                    "exit 3", [("out", "EndOfJob")])
        job = self.wait("bad")
        self.assertEqual(job["ProcessingJobStatus"], "Failed")
        self.assertRegex(job["FailureReason"], "^AlgorithmError: .*exit code: 3$")
        self.assertEqual(self.get("bad/out/p"), b"partial\n")

    def test_continuous_outputs_come_while_it_runs_and_a_stop_keeps_them(self):
        self.create("live", "trap 'echo last > /opt/ml/processing/out/last; exit 0' TERM; "
                    "echo first > /opt/ml/processing/out/first; while :; do sleep 0.1; done",
                    [("out", "Continuous")])
        wait_for(lambda: self.exists("live/out/first"), what="the first file")
        self.assertEqual(self.describe("live")["ProcessingJobStatus"], "InProgress")
        self.sagemaker.stop_processing_job(ProcessingJobName="live")
        job = self.wait("live")
        self.assertEqual(job["ProcessingJobStatus"], "Stopped")
        self.assertEqual(self.get("live/out/last"), b"last\n")

    def test_the_command_line_knows_them(self):
        self.create("known", "echo said; echo -n fine > /opt/ml/output/message; "
                    "while :; do sleep 0.1; done", [("out", "EndOfJob")])
        home = self.service.home
        wait_for(lambda: "said" in service.clary("logs", "known", home=home).stdout, what="the log")
        self.assertIn("known", service.clary("jobs", "--processing", home=home).stdout)
        self.assertIn("Stopped", service.clary("stop", "known", "--wait", home=home).stdout)
        told = service.clary("describe", "known", home=home).stdout
        for words in ("Stopped", "fine", "s3://data/known/out"):
            self.assertIn(words, told)
        self.assertIn("said", service.clary("logs", "known", "-f", home=home).stdout)

    def test_its_inputs_are_copies(self):
        before = self.get("train/train.csv")
        self.create("vandal", "cd /opt/ml/processing/input/raw; chmod 777 train.csv; : > train.csv; "
                    "echo more > new; rm train.csv")
        job = self.wait("vandal")
        self.assertEqual(job["ProcessingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(self.get("train/train.csv"), before)
        self.assertFalse(self.exists("train/new"))

    def test_time_limit(self):
        self.create("slow", "while :; do sleep 0.1; done",
                    StoppingCondition={"MaxRuntimeInSeconds": 1})
        self.assertEqual(self.wait("slow")["ProcessingJobStatus"], "Stopped")


if __name__ == "__main__":
    unittest.main()

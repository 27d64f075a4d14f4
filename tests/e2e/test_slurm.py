"""Jobs on the nodes of a Slurm cluster, by boto3 and by the command line: what they are there, and what becomes
of them when Slurm's daemons and nodes die. (ADR 44)"""
import io
import json
import pathlib
import tarfile
import textwrap
import unittest

import service
import slurm

ONE = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
TWO = ONE | {"InstanceCount": 2}


def wait_for(condition, seconds=60, what="the condition"):
    return service.wait_for(condition, seconds, what)


@unittest.skipUnless(slurm.installed(), "Slurm is not installed (munge slurmctld slurmd slurm-client)")
class SlurmTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.slurm = slurm.Slurm()
        cls.addClassCleanup(cls.slurm.close)
        cls.service = service.Service("--executor", "slurm", "--job-network", "open", env=cls.slurm.env)
        cls.service.home.mkdir(parents=True)
        (cls.service.home / "slurm.json").write_text(json.dumps({"version": 1, "types": {
            "ml.m5.4xlarge": {"partition": "nowhere"},
            "ml.m5.2xlarge": {"cpus": 1, "partition": "small"}}}))
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)
        cls.service.put_census()
        cls.service.add_python()

    def setUp(self):
        self.s3 = self.service.boto("s3")
        self.sagemaker = self.service.boto("sagemaker")
        self.addCleanup(self.slurm.do, "resume")

    def request(self, name, **overrides):
        """The built-in algorithm."""
        return self.service.request(name, ResourceConfig=ONE) | overrides

    def script(self, name, script, **overrides):
        """A job that runs a script, which comes by a channel."""
        self.s3.put_object(Bucket="data", Key=f"code/{name}/main", Body=textwrap.dedent(script).encode())
        request = self.service.request(name, channels=("train",), HyperParameters={}, ResourceConfig=ONE) | {
            "AlgorithmSpecification": {
                "TrainingImage": "111122223333.dkr.ecr.us-east-1.amazonaws.com/my-image:1",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["/bin/bash", "/opt/ml/input/data/code/main"]}} | overrides
        request["InputDataConfig"] = request["InputDataConfig"] + [{"ChannelName": "code", "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://data/code/{name}/"}}}]
        return request

    def create(self, request):
        self.sagemaker.create_training_job(**request)
        return request["TrainingJobName"]

    def job_of(self, name):
        """(number, name, state, nodes) of a job in Slurm, once it has a node; the last one."""
        def found():
            jobs = [job for job in self.slurm.jobs() if job[1].startswith(f"clary-{name}-") and job[3]]
            return jobs[-1] if jobs else None
        return wait_for(found, what=f"{name} in Slurm")

    def logs(self, name):
        return self.service.host_logs(name)

    def until_logged(self, name, words, hosts=1):
        wait_for(lambda: sum(words in log for log in self.logs(name).values()) == hosts, what=f"{name}: {words}")

    def model(self, job):
        key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
        body = self.s3.get_object(Bucket="data", Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}

    def completed(self, name):
        job = self.service.wait(name, seconds=120)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        return job

    def failed(self, name):
        job = self.service.wait(name, seconds=120)
        self.assertEqual(job["TrainingJobStatus"], "Failed")
        return job["FailureReason"]


class Jobs(SlurmTest):
    def test_two_hosts_train_the_model_of_one(self):
        sharded = self.request("two", ResourceConfig=TWO)
        rows = service.census("train").splitlines(keepends=True)
        for i in range(2):
            half = rows[i * len(rows) // 2:(i + 1) * len(rows) // 2]
            self.s3.put_object(Bucket="data", Key=f"halves/{i}.csv", Body=b"".join(half))
        for request in (sharded, one := self.request("one")):
            request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://data/halves/"
        sharded["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
        self.create(sharded)
        self.create(one)
        two, one = self.completed("two"), self.completed("one")
        self.assertEqual(self.model(two)["xgboost-model"], self.model(one)["xgboost-model"])
        self.assertRegex(self.job_of("two")[3], r"^n(\[[1-3][-,][1-3]\])$")
        self.assertEqual(set(self.logs("two")), {"algo-1", "algo-2"})

    def test_hosts_of_a_users_program_meet(self):
        name = self.create(self.script("meet", """
            cat /opt/ml/input/config/resourceconfig.json; echo
            echo I am $HOSTNAME, $(getent hosts algo-1 | cut -d' ' -f1), $(getent hosts algo-2 | cut -d' ' -f1)
            if [ $HOSTNAME = algo-1 ]; then
              python -c 'import socket; s = socket.create_server(("algo-1", 8888)); print("met", s.accept()[0].recv(9))'
            else
              until echo algo-2 2> /dev/null > /dev/tcp/algo-1/8888; do sleep 0.1; done
            fi
            echo $HOSTNAME > /opt/ml/model/$HOSTNAME""", ResourceConfig=TWO))
        job = self.completed(name)
        self.assertEqual(self.model(job), {"algo-1": b"algo-1\n", "algo-2": b"algo-2\n"})
        log = self.logs(name)["algo-1"]
        self.assertRegex(log, r"I am algo-1, 127\.0\.1\.[123], 127\.0\.1\.[123]\n")
        self.assertIn("met b'algo-2", log)
        self.assertIn('"network_interface_name":"lo"', log)

    def test_one_that_fails_ends_all_and_a_stop_reaches_all(self):
        failing = self.create(self.script("fails", """
            if [ $HOSTNAME = algo-2 ]; then
              until echo 2> /dev/null > /dev/tcp/algo-1/8889; do sleep 0.1; done  # it can hear us
              echo broken > /opt/ml/output/failure; exit 3
            fi
            trap 'echo heard; exit 0' TERM
            python -c 'import socket; socket.create_server(("algo-1", 8889)).accept()'
            while :; do sleep 0.1; done""", ResourceConfig=TWO))
        self.assertEqual(self.failed(failing), "AlgorithmError: algo-2: broken, exit code: 3")
        self.assertIn("heard\n", self.logs(failing)["algo-1"])
        stopped = self.create(self.script("stopped", """
            trap 'echo bye > /opt/ml/model/$HOSTNAME; exit 0' TERM; echo up; while :; do sleep 0.1; done""",
                                          ResourceConfig=TWO))
        self.until_logged(stopped, "up\n", hosts=2)
        self.sagemaker.stop_training_job(TrainingJobName=stopped)
        job = self.service.wait(stopped, seconds=120)
        self.assertEqual(job["TrainingJobStatus"], "Stopped")
        self.assertEqual(self.model(job), {"algo-1": b"bye\n", "algo-2": b"bye\n"})

    def test_the_table_says_what_a_type_is(self):
        name = self.create(self.request("small", ResourceConfig=ONE | {"InstanceType": "ml.m5.2xlarge"}))
        self.completed(name)
        self.assertEqual(self.job_of(name)[3], "n3")
        self.assertIn("Invalid partition name",
                      self.failed(self.create(self.request("nowhere", ResourceConfig=ONE | {
                          "InstanceType": "ml.m5.4xlarge"}))))

    def test_more_hosts_than_there_are(self):
        reason = self.failed(self.create(self.request("nine", ResourceConfig=ONE | {"InstanceCount": 9})))
        self.assertTrue(reason.startswith("InternalServerError"), reason)
        self.assertRegex(reason, "PartitionConfig|node configuration is not available|PartitionNodeLimit")

    def test_processing_transform_and_tuning(self):
        self.sagemaker.create_processing_job(
            ProcessingJobName="process", RoleArn=self.service.credentials["role_arn"],
            AppSpecification={"ImageUri": "my-image:1", "ContainerEntrypoint": ["/bin/bash", "-c"],
                              "ContainerArguments": ["echo $HOSTNAME > /opt/ml/processing/out/$HOSTNAME"]},
            ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": {
                "S3Uri": "s3://data/out", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}}]},
            ProcessingResources={"ClusterConfig": TWO})
        self.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="tune",
            HyperParameterTuningJobConfig={
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
                "ParameterRanges": {"ContinuousParameterRanges": [
                    {"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5"}]}},
            TrainingJobDefinition={
                key: value for key, value in self.request("tune").items()
                if key in ("RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition")}
            | {"AlgorithmSpecification": {"TrainingImage": service.IMAGE, "TrainingInputMode": "File"},
               "StaticHyperParameters": {k: v for k, v in service.PARAMETERS.items() if k != "eta"}})

        def ended(describe, status, **name):
            def look():
                found = describe(**name)
                return found if found[status] not in ("InProgress", "Stopping") else None
            return wait_for(look, 120, str(name))

        done = ended(self.sagemaker.describe_processing_job, "ProcessingJobStatus", ProcessingJobName="process")
        self.assertEqual(done["ProcessingJobStatus"], "Completed", done.get("FailureReason"))
        for host in ("algo-1", "algo-2"):
            self.assertEqual(self.s3.get_object(Bucket="data", Key="out/" + host)["Body"].read(),
                             host.encode() + b"\n")
        tuned = ended(self.sagemaker.describe_hyper_parameter_tuning_job, "HyperParameterTuningJobStatus",
                      HyperParameterTuningJobName="tune")
        self.assertEqual(tuned["TrainingJobStatusCounters"]["Completed"], 2, tuned)
        names = {job[1] for job in self.slurm.jobs()}
        self.assertEqual(sum(name.startswith("clary-tune-") for name in names), 2, names)

        best = tuned["BestTrainingJob"]["TrainingJobName"]
        model = self.sagemaker.describe_training_job(TrainingJobName=best)["ModelArtifacts"]["S3ModelArtifacts"]
        self.sagemaker.create_model(
            ModelName="best", ExecutionRoleArn=self.service.credentials["role_arn"],
            PrimaryContainer={"Image": service.IMAGE, "ModelDataUrl": model})
        rows = [line.split(b",", 1)[1] for line in service.census("validation").splitlines()[:20]]
        self.s3.put_object(Bucket="data", Key="rows/rows.csv", Body=b"\n".join(rows) + b"\n")
        self.sagemaker.create_transform_job(
            TransformJobName="transform", ModelName="best",
            TransformInput={"ContentType": "text/csv", "SplitType": "Line", "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/rows/"}}},
            TransformOutput={"S3OutputPath": "s3://data/predictions"},
            TransformResources={"InstanceCount": 1, "InstanceType": "ml.m5.large"})
        done = ended(self.sagemaker.describe_transform_job, "TransformJobStatus", TransformJobName="transform")
        self.assertEqual(done["TransformJobStatus"], "Completed", done.get("FailureReason"))
        self.assertTrue(any(job[1].startswith("clary-transform-") for job in self.slurm.jobs()))

    def test_what_is_refused(self):
        isolated = self.script("isolated", "true", ResourceConfig=TWO, EnableNetworkIsolation=True)
        with self.assertRaisesRegex(Exception, "EnableNetworkIsolation needs InstanceCount 1"):
            self.create(isolated)
        mpi = self.script("mpi", "true", ResourceConfig=TWO, HyperParameters={"sagemaker_mpi_enabled": "true"})
        with self.assertRaisesRegex(Exception, "use torch_distributed"):
            self.create(mpi)

    def test_the_command_line(self):
        rows = self.service.home.parent / "rows.csv"
        rows.write_bytes(service.census("train"))
        service.clary("train", "--train", rows, "--name", "by-hand", "--num-round", 3, "--objective",
                      "binary:logistic", "--instance-type", "ml.m5.large", "--instance-count", 2,
                      home=self.service.home)
        self.job_of("by-hand")


class Faults(SlurmTest):
    """Who dies, and what is said of it."""

    def forever(self, name, **overrides):
        return self.create(self.script(name, "echo up; while :; do sleep 0.1; done", **overrides))

    def test_slurmctld_is_killed_while_a_job_runs(self):
        name = self.create(self.script("outlives", "echo up; sleep 8; echo done > /opt/ml/model/done"))
        self.until_logged(name, "up\n")
        wait_for(lambda: self.slurm.saved(f"clary-{name}-"), what="slurmctld's memory")
        self.slurm.do("kill", "ctld")
        later = self.create(self.request("later"))  # waits for Slurm
        self.assertEqual(self.model(self.completed(name)), {"done": b"done\n"})  # nobody has to be there
        self.slurm.do("start", "ctld")
        self.completed(later)

    def test_the_service_is_killed_while_a_job_runs(self):
        name = self.create(self.script("found", "echo up; sleep 3; echo done > /opt/ml/model/done"))
        self.until_logged(name, "up\n")
        self.service.kill()
        self.service.start()
        self.setUp()
        self.assertEqual(self.model(self.completed(name)), {"done": b"done\n"})
        self.assertEqual(len([job for job in self.slurm.jobs() if job[1].startswith("clary-found-")]), 1)

    def test_a_node_goes_down_while_a_job_trains(self):
        name = self.forever("trains")
        self.until_logged(name, "up\n")
        node = self.job_of(name)[3]
        self.slurm.down(node)
        reason = self.failed(name)
        self.assertTrue(reason.startswith("InternalServerError"), reason)
        self.assertIn("NODE_FAIL", reason)
        self.assertIn("on " + node, reason)

    def test_a_node_goes_down_while_a_job_begins_and_while_one_uploads(self):
        # Zeros that take no room: packing them takes long.
        uploads = self.create(self.script("uploads", "truncate -s 40G /opt/ml/model/large",
                                          ResourceConfig=ONE | {"VolumeSizeInGB": 100}))
        wait_for(lambda: self.sagemaker.describe_training_job(TrainingJobName=uploads)["SecondaryStatus"] ==
                 "Uploading", what="the upload")
        self.slurm.down(self.job_of(uploads)[3])
        self.assertIn("NODE_FAIL", self.failed(uploads))
        self.slurm.do("resume")
        begins = self.forever("begins")
        self.slurm.down(self.job_of(begins)[3])
        self.assertIn("NODE_FAIL", self.failed(begins))

    def test_a_node_of_two_goes_down(self):
        name = self.forever("pair", ResourceConfig=TWO)
        self.until_logged(name, "up\n", hosts=2)
        nodes = self.job_of(name)[3]
        last = "n" + nodes.rstrip("]")[-1]
        self.slurm.down(last)
        reason = self.failed(name)
        self.assertTrue(reason.startswith("InternalServerError"), reason)
        self.assertRegex(reason, f"NODE_FAIL|node {last}")

    def test_a_job_starts_again_on_another_node(self):
        name = self.create(self.script("again", """
            echo up; if aws=$(ls /opt/ml/checkpoints/) && [ -n "$aws" ]; then exit 0; fi
            echo x > /opt/ml/checkpoints/x; while :; do sleep 0.1; done""",
                                       CheckpointConfig={"S3Uri": "s3://data/checkpoints/again"},
                                       RetryStrategy={"MaximumRetryAttempts": 1}))
        def checkpointed():
            return self.s3.list_objects_v2(Bucket="data", Prefix="checkpoints/again/").get("KeyCount")
        wait_for(checkpointed, what="a checkpoint")
        self.slurm.down(self.job_of(name)[3])
        self.completed(name)

    def test_somebody_cancels_it_in_slurm(self):
        name = self.forever("cancelled")
        self.until_logged(name, "up\n")
        self.slurm.ask("scancel", self.job_of(name)[0])
        self.assertIn("Slurm: CANCELLED", self.failed(name))

    def test_slurmd_is_killed_and_its_job_goes_on(self):
        name = self.create(self.script("without-slurmd", "echo up; sleep 3; echo done > /opt/ml/model/done"))
        self.until_logged(name, "up\n")
        node = self.job_of(name)[3]
        self.slurm.do("kill", node)
        self.assertEqual(self.model(self.completed(name)), {"done": b"done\n"})
        self.slurm.do("start", node)


class Refusals(unittest.TestCase):
    @unittest.skipUnless(slurm.installed(), "Slurm is not installed")
    def test_a_partition_that_does_not_exist(self):
        cluster = slurm.Slurm()
        self.addCleanup(cluster.close)
        process = service.clary("serve", "--port", "0", "--executor", "slurm", "--slurm-partition", "gpu",
                                home=pathlib.Path(cluster.folder) / "home", env=cluster.env, check=False)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn('Slurm has no partition "gpu"; it has debug, small', process.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

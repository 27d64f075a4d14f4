"""Jobs on several hosts of this machine, by boto3: what each host is and has, what becomes of what they
leave, and how they end together, whoever dies."""
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import textwrap
import unittest

import service
from service import wait_for

TWO = {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}

# Each host puts an object by its own way to the service; algo-1 learns of it from the others.
MEET = """
import boto3, json, os, socket, time
config = json.load(open("/opt/ml/input/config/resourceconfig.json"))
me, hosts = config["current_host"], config["hosts"]
boto3.client("s3").put_object(Bucket="data", Key="met/" + me, Body=os.environ["HOSTNAME"].encode())
if me == hosts[0]:
    server = socket.create_server(("", 8888))
    print("met", sorted(server.accept()[0].makefile().readline().strip() for _ in hosts[1:]))
else:
    while True:
        try:
            peer = socket.create_connection((hosts[0], 8888))
            break
        except OSError:
            time.sleep(0.02)
    peer.sendall((me + "\\n").encode())
open("/opt/ml/model/" + me, "w").write(" ".join(sorted(os.listdir("/opt/ml/input/data/train"))))
open("/opt/ml/model/same", "w").write(me)
"""

MPI_SCRIPT = """
import os
import socket
from mpi4py import MPI
world = MPI.COMM_WORLD
total = world.allreduce(world.Get_rank() + 1, op=MPI.SUM)
# In one piece: mpirun puts a tag before each.
os.write(1, f"rank {world.Get_rank()} of {world.Get_size()} on {socket.gethostname()} "
            f"{os.environ['SM_CURRENT_HOST']} sum {total}\\n".encode())
"""

TORCH_SCRIPT = """
import os
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
mine = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(mine)
print("rank", dist.get_rank(), "of", dist.get_world_size(), "sum", mine.item(), flush=True)
dist.destroy_process_group()
"""


def python_with(module, variable):
    for python in (os.environ.get(variable), "/usr/bin/python3"):
        if python and subprocess.run([python, "-c", "import " + module], capture_output=True).returncode == 0:
            return python
    raise unittest.SkipTest(f"no Python here has {module}; name one in {variable}")


class HostsTest(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.add_python()

    def put_script(self, name, script):
        self.s3.put_object(Bucket="data", Key=f"code/{name}/main", Body=textwrap.dedent(script).encode())
        return f"s3://data/code/{name}/"

    def request(self, name, script, interpreter="/bin/bash", **overrides):
        """A job that runs a script, which comes by a channel."""
        request = self.service.request(name, channels=("train",), HyperParameters={}) | {
            "AlgorithmSpecification": {
                "TrainingImage": "111122223333.dkr.ecr.us-east-1.amazonaws.com/my-image:1",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": [interpreter, "/opt/ml/input/data/code/main"]},
            "ResourceConfig": TWO} | overrides
        request["InputDataConfig"] = request["InputDataConfig"] + [{"ChannelName": "code", "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": self.put_script(name, script)}}}]
        return request

    def python(self, name, script, **overrides):
        return self.request(name, script, "python", **overrides)

    def run_job(self, request):
        self.sagemaker.create_training_job(**request)
        return self.service.wait(request["TrainingJobName"], seconds=120)

    def train_shards(self, name, folder, hosts, rounds, **overrides):
        """The built-in algorithm on a folder's objects, which several hosts share out: its end, Completed."""
        request = self.service.request(
            name, channels=(folder,), HyperParameters=service.PARAMETERS | {"num_round": rounds, "seed": "7"},
            ResourceConfig=TWO | {"InstanceCount": hosts}, **overrides)
        request["InputDataConfig"][0]["ChannelName"] = "train"
        source = request["InputDataConfig"][0]["DataSource"]["S3DataSource"]
        source["S3DataDistributionType"] = "ShardedByS3Key" if hosts > 1 else "FullyReplicated"
        job = self.run_job(request)
        self.assertEqual(job["TrainingJobStatus"], "Completed", (job.get("FailureReason"), self.logs(name)))
        return job

    def logs(self, name, *group):
        return self.service.host_logs(name, *group)

    def model(self, job):
        key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
        body = self.s3.get_object(Bucket="data", Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            return {m.name: tar.extractfile(m).read().decode() for m in tar if m.isfile()}

    def processes(self, name):
        """The processes that belong to a job of this service."""
        found = []
        for proc in pathlib.Path("/proc").iterdir():
            try:
                if proc.name.isdigit() and f"{self.service.home}/jobs/{name}" in (proc / "cmdline").read_text(
                        "latin-1") + os.readlink(proc / "cwd"):
                    found.append(int(proc.name))
            except OSError:
                pass
        return found


class Hosts(HostsTest):
    def test_they_meet_and_each_reaches_the_service(self):
        job = self.run_job(self.python("meet", MEET))
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        for host in ("algo-1", "algo-2"):
            self.assertEqual(self.s3.get_object(Bucket="data", Key="met/" + host)["Body"].read(), host.encode())
        logs = self.logs("meet")
        self.assertEqual(set(logs), {"algo-1", "algo-2"})
        self.assertIn("met ['algo-2']", logs["algo-1"])
        self.assertIn("both left /opt/ml/model/same; that of algo-1 is kept", logs["algo-1"])
        self.assertEqual(self.model(job), {"algo-1": "train.csv", "algo-2": "train.csv", "same": "algo-1"})

    def test_groups_and_shards(self):
        for i in range(5):
            self.s3.put_object(Bucket="data", Key=f"parts/{i}", Body=b"x")
        request = self.python("groups", MEET, ResourceConfig={"VolumeSizeInGB": 5, "InstanceGroups": [
            {"InstanceGroupName": "one", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
            {"InstanceGroupName": "two", "InstanceType": "ml.m5.large", "InstanceCount": 2}]})
        request["InputDataConfig"][0]["DataSource"]["S3DataSource"] |= {
            "S3Uri": "s3://data/parts/", "S3DataDistributionType": "ShardedByS3Key"}
        job = self.run_job(request)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertNotIn("InstanceCount", job["ResourceConfig"])
        self.assertEqual(self.model(job), {"algo-1": "0 3", "algo-2": "1 4", "algo-3": "2", "same": "algo-1"})

    def test_one_that_fails_ends_all_with_its_reason(self):
        job = self.run_job(self.request("fails", """
            if [ $HOSTNAME = algo-2 ]; then echo broken > /opt/ml/output/failure; exit 3; fi
            trap 'echo heard; exit 0' TERM; while :; do sleep 0.1; done"""))
        self.assertEqual(job["TrainingJobStatus"], "Failed")
        self.assertEqual(job["FailureReason"], "AlgorithmError: algo-2: broken, exit code: 3")

    def test_a_stop_reaches_all(self):
        self.sagemaker.create_training_job(**self.request("stopped", """
            trap 'echo bye > /opt/ml/model/$HOSTNAME; exit 0' TERM; echo up; while :; do sleep 0.1; done"""))
        wait_for(lambda: [log for log in self.logs("stopped").values() if "up\n" in log][1:], what="both hosts")
        self.sagemaker.stop_training_job(TrainingJobName="stopped")
        job = self.service.wait("stopped")
        self.assertEqual(job["TrainingJobStatus"], "Stopped")
        self.assertEqual(self.model(job), {"algo-1": "bye\n", "algo-2": "bye\n"})

    def test_commands_run_on_each_other(self):
        """By ssh, as drivers of SDKs do it, with an sshd of ours."""
        job = self.run_job(self.request("ssh", """
            /usr/sbin/sshd -D & test -x /usr/sbin/ldconfig || exit 9
            other=$([ $HOSTNAME = algo-1 ] && echo algo-2 || echo algo-1)
            until ssh $other true 2> /dev/null; do sleep 0.1; done
            echo told | ssh -x -o StrictHostKeyChecking=no root@$other 'cat; echo $HOSTNAME; echo e >&2; exit 5'
            echo code $?
            python -c 'import paramiko; c = paramiko.SSHClient(); c.connect("'$other'"); print("reached")'
            ssh $other touch /tmp/done.$HOSTNAME
            until [ -e /tmp/done.$other ]; do sleep 0.1; done"""))
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        log = self.logs("ssh")["algo-1"]
        for line in ("told\n", "algo-2\n", "e\n", "code 5\n", "reached\n"):
            self.assertIn(line, log)

    def test_processing(self):
        self.sagemaker.create_processing_job(
            ProcessingJobName="parts", RoleArn=self.service.credentials["role_arn"],
            AppSpecification={"ImageUri": "my-image:1",
                              "ContainerEntrypoint": ["/bin/bash", "/opt/ml/processing/code/main"]},
            ProcessingInputs=[
                {"InputName": "in", "S3Input": {
                    "S3Uri": "s3://data/halves/", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix",
                    "S3InputMode": "File", "S3DataDistributionType": "ShardedByS3Key"}},
                {"InputName": "code", "S3Input": {
                    "S3Uri": self.put_script("parts", """
                        ls /opt/ml/processing/in > /opt/ml/processing/out/$HOSTNAME
                        echo $HOSTNAME > /opt/ml/processing/live/$HOSTNAME
                        echo $HOSTNAME > /opt/ml/output/message
                        cat /opt/ml/config/resourceconfig.json
                        """), "LocalPath": "/opt/ml/processing/code", "S3DataType": "S3Prefix",
                    "S3InputMode": "File"}}],
            ProcessingOutputConfig={"Outputs": [
                {"OutputName": name, "S3Output": {"S3Uri": "s3://data/processed/" + name, "S3UploadMode": mode,
                                                  "LocalPath": "/opt/ml/processing/" + name}}
                for name, mode in (("out", "EndOfJob"), ("live", "Continuous"))]},
            ProcessingResources={"ClusterConfig": TWO})

        def ended():
            job = self.sagemaker.describe_processing_job(ProcessingJobName="parts")
            return job if job["ProcessingJobStatus"] != "InProgress" else None

        job = wait_for(ended, 60)
        self.assertEqual(job["ProcessingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(job["ExitMessage"].split(), ["algo-1", "algo-2"])
        read = lambda key: self.s3.get_object(Bucket="data", Key="processed/" + key)["Body"].read().decode()
        self.assertEqual([read("out/algo-1"), read("out/algo-2")], ["a\n", "b\n"])
        self.assertEqual(read("live/algo-2"), "algo-2\n")
        config = json.loads(self.logs("parts", "/aws/sagemaker/ProcessingJobs")["algo-2"].splitlines()[-1])
        self.assertEqual((config["current_host"], config["hosts"]), ("algo-2", ["algo-1", "algo-2"]))

    def setUp(self):
        super().setUp()
        for half in "ab":
            self.s3.put_object(Bucket="data", Key="halves/" + half, Body=b"x")

    def test_the_builtin_trains_one_model(self):
        rows = service.census("train").splitlines(keepends=True)
        half = len(rows) // 2
        for name, part in (("1.csv", rows[:half]), ("2.csv", rows[half:])):
            self.s3.put_object(Bucket="data", Key="split/" + name, Body=b"".join(part))
        models = []
        for name, hosts in (("alone", 1), ("together", 2)):
            job = self.train_shards(name, "split", hosts, "5")
            key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
            body = self.s3.get_object(Bucket="data", Key=key)["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(body)) as tar:
                models.append({m.name: tar.extractfile(m).read() for m in tar if m.isfile()})
        self.assertEqual(list(models[1]), ["xgboost-model"])
        self.assertEqual(models[0], models[1])
        self.assertIn("[4]", self.logs("together")["algo-1"])
        self.assertNotIn("[4]", self.logs("together")["algo-2"])

    def test_reports_are_of_all_hosts(self):
        """Debugger's tensors, the training report and the profiler, as of one host with all rows."""
        rows = service.census("train").splitlines(keepends=True)
        for name, part in (("1.csv", rows[:700]), ("2.csv", rows[700:1000])):
            self.s3.put_object(Bucket="data", Key="seen/" + name, Body=b"".join(part))
        evaluator = "503895931360.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rules:latest"
        reports = []
        for name, hosts in (("seen-alone", 1), ("seen-together", 2)):
            self.train_shards(
                name, "seen", hosts, "10",
                ProfilerConfig={"S3OutputPath": "s3://data/output"},
                DebugHookConfig={"S3OutputPath": "s3://data/output", "CollectionConfigurations": [
                    {"CollectionName": c, "CollectionParameters": {"save_interval": "1"}}
                    for c in ("metrics", "labels", "predictions", "feature_importance")]},
                DebugRuleConfigurations=[{"RuleConfigurationName": "Report", "RuleEvaluatorImage": evaluator,
                                          "RuleParameters": {"rule_to_invoke": "CreateXgboostReport"}}])

            def ended():
                d = self.sagemaker.describe_training_job(TrainingJobName=name)
                rules = d["DebugRuleEvaluationStatuses"] + d["ProfilerRuleEvaluationStatuses"]
                return rules if all(r["RuleEvaluationStatus"] != "InProgress" for r in rules) else None

            rules = wait_for(ended, seconds=120, what="the end of the rules")
            self.assertEqual(len(rules), 2)
            for r in rules:
                self.assertIn(r["RuleEvaluationStatus"], ("NoIssuesFound", "IssuesFound"), r)
            keys = [o["Key"] for page in self.s3.get_paginator("list_objects_v2").paginate(
                Bucket="data", Prefix=f"output/{name}/") for o in page["Contents"]]
            for k in range(hosts):
                self.assertTrue([x for x in keys if "profiler-output/system" in x and f"algo-{k + 1}" in x],
                                (k, [x for x in keys if "profiler" in x]))
            self.assertTrue([x for x in keys if x.endswith("profiler-report.html")], keys)
            reports.append({x.rpartition("/")[2]: json.loads(self.s3.get_object(Bucket="data", Key=x)["Body"].read())
                            for x in keys if "/xgboost-reports/" in x})
        self.assertGreater(len(reports[0]), 3)
        for name, report in reports[0].items():
            self.assertEqual(reports[1].get(name), report, name)

    def wait_up(self, name):
        wait_for(lambda: [log for log in self.logs(name).values() if "up\n" in log][1:], what="both hosts")

    WAITS = ("echo up; until python -c 'import boto3; boto3.client(\"s3\").head_object(Bucket=\"data\", Key=\"go\")' "
             "2> /dev/null; do sleep 0.2; done; echo went > /opt/ml/model/$HOSTNAME")

    def test_the_service_is_killed(self):
        self.sagemaker.create_training_job(**self.request("outlives", self.WAITS))
        self.wait_up("outlives")
        self.service.kill()
        self.service.start()
        self.setUp()
        self.s3.put_object(Bucket="data", Key="go", Body=b"")
        job = self.service.wait("outlives", seconds=120)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(self.model(job), {"algo-1": "went\n", "algo-2": "went\n"})
        self.s3.delete_object(Bucket="data", Key="go")

    def test_its_supervisor_is_killed(self):
        self.sagemaker.create_training_job(**self.request("lost", self.WAITS))
        self.wait_up("lost")
        supervisors = [int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and
                       b"supervise\0" + str(self.service.home).encode() in self.cmdline(p) and b"lost-" in
                       self.cmdline(p)]
        self.assertEqual(len(supervisors), 1)
        runners = self.processes("lost")
        os.kill(supervisors[0], signal.SIGKILL)
        job = self.service.wait("lost")
        self.assertEqual(job["TrainingJobStatus"], "Failed")
        self.assertRegex(job["FailureReason"], "^InternalServerError")
        wait_for(lambda: not self.processes("lost"), what=f"the end of {runners}")

    @staticmethod
    def cmdline(proc):
        try:
            return (proc / "cmdline").read_bytes()
        except OSError:
            return b""


class Distributions(HostsTest):
    """Scripts in script mode that one launcher starts on several hosts."""

    def script_mode(self, name, script, image, hyperparameters, **overrides):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            info = tarfile.TarInfo("train.py")
            info.size = len(script)
            tar.addfile(info, io.BytesIO(script.encode()))
        self.s3.put_object(Bucket="data", Key=name + ".tar.gz", Body=buffer.getvalue())
        request = self.request(name, "", **overrides)
        request["AlgorithmSpecification"] = {"TrainingImage": image, "TrainingInputMode": "File"}
        request["HyperParameters"] = {"sagemaker_program": '"train.py"',
                                      "sagemaker_submit_directory": f'"s3://data/{name}.tar.gz"'} | hyperparameters
        return request

    def map_image(self, image, python):
        service.clary("environments", "add", image, python, home=self.service.home)

    def test_mpi_by_the_toolkits_launcher(self):
        python = python_with("mpi4py", "CLARY_MPI_PYTHON")
        if subprocess.run(["mpirun", "--version"], capture_output=True).returncode != 0:
            self.skipTest("Open MPI is not installed")
        self.map_image("mpi-image:*", python)
        job = self.run_job(self.script_mode("mpi", MPI_SCRIPT, "1.dkr/mpi-image:1", {
            "sagemaker_mpi_enabled": "true", "sagemaker_mpi_num_of_processes_per_host": "2",
            "sagemaker_mpi_custom_mpi_options": '"--oversubscribe"'}))
        self.assertEqual(job["TrainingJobStatus"], "Completed",
                         (job.get("FailureReason"), self.logs("mpi")))
        log = self.logs("mpi")["algo-1"]
        for rank in range(4):
            host = "algo-1" if rank < 2 else "algo-2"
            self.assertIn(f"rank {rank} of 4 on {host} {host} sum 10", log)

    def test_mpi_that_fails_says_why(self):
        python = python_with("mpi4py", "CLARY_MPI_PYTHON")
        if subprocess.run(["mpirun", "--version"], capture_output=True).returncode != 0:
            self.skipTest("Open MPI is not installed")
        self.map_image("mpi-image:*", python)
        # It stays for a while, since mpirun may drop what a rank says right before its end.
        script = MPI_SCRIPT + textwrap.dedent("""
            if world.Get_rank() == 1:
                import sys, time
                def told(*error):
                    sys.__excepthook__(*error)
                    sys.stderr.flush()
                    time.sleep(5)
                sys.excepthook = told
                raise ValueError("of rank 1")
            world.Barrier()
            """)
        job = self.run_job(self.script_mode("mpi-fails", script, "1.dkr/mpi-image:1",
                                            {"sagemaker_mpi_enabled": "true"}))
        self.assertEqual(job["TrainingJobStatus"], "Failed")
        self.assertRegex(job["FailureReason"], "^AlgorithmError: algo-1: ValueError: of rank 1")

    def test_torchrun_by_the_toolkits_launcher(self):
        python = python_with("torch", "CLARY_TORCH_PYTHON")
        self.map_image("pytorch-training:*", python)
        job = self.run_job(self.script_mode(
            "torch", TORCH_SCRIPT, "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.3.0-cpu-py311",
            {"sagemaker_torch_distributed_enabled": "true"}))
        self.assertEqual(job["TrainingJobStatus"], "Completed", (job.get("FailureReason"), self.logs("torch")))
        for rank in (0, 1):
            self.assertIn(f"rank {rank} of 2 sum 3.0", self.logs("torch")[f"algo-{rank + 1}"])

    def test_parameter_servers(self):
        """With a TensorFlow of three lines: what counts is who runs what, and that all end."""
        fake = textwrap.dedent("""
            import socket, threading, time, types
            class Server:
                def __init__(self, cluster, job_name, task_index):
                    print("server", job_name, task_index, cluster["ps"], flush=True)
                    host, port = cluster["master"][0].split(":")
                    while True:
                        try:
                            return socket.create_connection((host, int(port))).sendall(b"%d" % task_index)
                        except OSError:
                            time.sleep(0.05)
                def join(self):
                    threading.Event().wait()
            train = types.SimpleNamespace(ClusterSpec=dict)
            distribute = types.SimpleNamespace(Server=Server)
            """)
        # The master stays until the other host's server and worker have come.
        script = textwrap.dedent("""
            import json, os, socket, time
            config = json.loads(os.environ["TF_CONFIG"])
            print(config["task"])
            if config["task"]["type"] == "master":
                server, missing = socket.create_server(("", 2222)), {b"1", b"w"}
                while missing:
                    missing.discard(server.accept()[0].recv(1))
            else:
                while True:
                    try:
                        socket.create_connection(("algo-1", 2222)).sendall(b"w")
                        break
                    except OSError:
                        time.sleep(0.05)
            """)
        self.s3.put_object(Bucket="data", Key="fake/tensorflow.py", Body=fake.encode())
        self.map_image("tensorflow-training:*", sys.executable)
        request = self.script_mode("ps", script, "1.dkr/tensorflow-training:2.13-cpu-py310",
                                   {"sagemaker_parameter_server_enabled": "true"},
                                   Environment={"PYTHONPATH": "/opt/ml/input/data/fake", "CLARY_MASTER_POLL": "0.1"})
        request["InputDataConfig"] = request["InputDataConfig"] + [{"ChannelName": "fake", "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/fake/"}}}]
        job = self.run_job(request)
        self.assertEqual(job["TrainingJobStatus"], "Completed", (job.get("FailureReason"), self.logs("ps")))
        logs = self.logs("ps")
        self.assertIn("{'index': 0, 'type': 'master'}", logs["algo-1"])
        self.assertIn("{'index': 0, 'type': 'worker'}", logs["algo-2"])
        self.assertIn("server ps 1 ['algo-1:2223', 'algo-2:2223']", logs["algo-2"])


if __name__ == "__main__":
    unittest.main()

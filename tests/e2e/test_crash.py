"""The service dies at every step of a job's life, and nothing is lost. CLARY_CRASH_SECONDS says how
long the random kills go on (else some seconds), CLARY_CRASH_SEED repeats them."""
import io
import json
import os
import pathlib
import random
import shutil
import signal
import tarfile
import time
import unittest

import service
from service import CLARY, PARAMETERS

LONG = PARAMETERS | {"num_round": "300"}


class Killed(unittest.TestCase):
    def setUp(self):
        self.service = service.Service()
        self.service.start()
        self.addCleanup(self.service.__exit__)
        self.service.put_census()
        self.service.add_python()

    def create(self, name, **overrides):
        self.service.boto("sagemaker").create_training_job(
            **self.service.request(name, **overrides))

    def restart(self, away=0.0):
        self.service.kill()
        time.sleep(away)  # how long the service is away is what is tested
        self.service.start()

    def assert_complete(self, name, rounds):
        job = self.service.wait(name, seconds=120)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        statuses = [t["Status"] for t in job["SecondaryStatusTransitions"]]
        self.assertEqual(len(statuses), len(set(statuses)), "each status once")
        key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
        self.assertGreater(
            self.service.boto("s3").head_object(Bucket="data", Key=key)["ContentLength"], 1000)
        log = service.clary("logs", name, home=self.service.home).stdout.splitlines()
        self.assertEqual(sum(line.startswith("[%d]" % (rounds - 1)) for line in log), 1)

    def test_right_after_create(self):
        for i in range(3):
            self.create(f"job-{i}")
            self.restart()
        for i in range(3):
            self.assert_complete(f"job-{i}", 10)

    def test_in_each_phase(self):
        for phase in ("Starting", "Downloading", "Training", "Uploading"):
            with self.subTest(phase):
                name = "in-" + phase.lower()
                self.create(name, HyperParameters=LONG)
                order = ["Starting", "Pending", "Downloading", "Training", "Uploading", "Completed"]
                self.service.wait(name, *order[order.index(phase):], seconds=90)
                self.restart()
                self.assert_complete(name, 300)

    def test_the_job_ends_while_the_service_is_away(self):
        self.create("alone", HyperParameters=PARAMETERS | {"num_round": "200"})
        self.service.wait("alone", "Training", "Uploading", "Completed")
        self.restart(away=3)
        self.assert_complete("alone", 200)

    def test_a_stop_is_not_forgotten(self):
        self.create("to-stop", HyperParameters=PARAMETERS | {"num_round": "100000"})
        self.service.wait("to-stop", "Training")
        self.service.boto("sagemaker").stop_training_job(TrainingJobName="to-stop")
        self.restart()
        self.assertEqual(self.service.wait("to-stop")["TrainingJobStatus"], "Stopped")

    def test_a_runner_that_dies_fails_its_job(self):
        self.create("murdered", HyperParameters=PARAMETERS | {"num_round": "100000"})
        self.service.wait("murdered", "Training")
        victims = [int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and
                   self.belongs(p, "jobs/murdered")]
        self.assertTrue(victims)
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        job = self.service.wait("murdered")
        self.assertEqual(job["TrainingJobStatus"], "Failed")
        self.assertTrue(job["FailureReason"])

    def belongs(self, proc, text):
        """Whether a process was started by this test's service for that directory."""
        try:
            line = (proc / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return False
        return str(self.service.home) in line and text in line

    # Programs of users: forty lines, one every 50 ms, then a file.
    COMMAND = {"AlgorithmSpecification": {
        "TrainingImage": "my-image:1", "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/bash"], "ContainerArguments": [
            "-c", "for i in $(seq 40); do echo line $i.; sleep 0.05; done; "
                  "echo done > /opt/ml/model/done"]},
        "HyperParameters": {}}

    def assert_command_complete(self, name, starts=1):
        job = self.service.wait(name, seconds=120)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
        self.service.boto("s3").head_object(Bucket="data", Key=key)
        log = service.clary("logs", name, home=self.service.home).stdout
        self.assertEqual(log.count("line 40."), 1)
        self.assertGreaterEqual(log.count("line 1."), 1)
        self.assertLessEqual(log.count("line 1."), starts)

    def test_a_command_outlives_the_service(self):
        self.create("command", **self.COMMAND)
        for phase in ("Downloading", "Training", "Training"):
            self.service.wait("command", phase, "Training", "Uploading", "Completed")
            self.restart()
        self.assert_command_complete("command")

    def kill_one(self, name, role):
        """Kills the job's runner, or its supervisor."""
        def victim():
            for p in pathlib.Path("/proc").iterdir():
                if p.name.isdigit() and self.belongs(p, "/" + name):
                    words = (p / "cmdline").read_bytes().split(b"\0")
                    if role.encode() in words[:2]:
                        return int(p.name)
            return None
        os.kill(service.wait_for(victim, what="a " + role), signal.SIGKILL)

    def test_a_command_starts_again_when_its_runner_dies(self):
        self.create("again", **self.COMMAND, RetryStrategy={"MaximumRetryAttempts": 2})
        sagemaker = self.service.boto("sagemaker")

        def trainings():
            job = sagemaker.describe_training_job(TrainingJobName="again")
            return [t["Status"] for t in job["SecondaryStatusTransitions"]].count("Training")

        for start, role in enumerate(("runner", "supervise"), 1):
            service.wait_for(lambda: trainings() == start, what="the next start")
            self.kill_one("again", role)
        self.assert_command_complete("again", starts=3)
        self.assertEqual(trainings(), 3)

    def test_spot_is_interrupted_when_its_supervisor_dies(self):
        self.create("spot", **self.COMMAND, EnableManagedSpotTraining=True,
                    StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200})
        self.service.wait("spot", "Training")
        self.kill_one("spot", "supervise")
        self.assert_command_complete("spot", starts=2)
        job = self.service.boto("sagemaker").describe_training_job(TrainingJobName="spot")
        self.assertIn("Interrupted", [t["Status"] for t in job["SecondaryStatusTransitions"]])

    def test_an_upgrade_replaces_the_executable_under_a_running_service(self):
        self.service.stop()
        executable = self.service.home.parent / "clary"
        shutil.copy(CLARY, executable)
        self.service.executable = str(executable)
        self.service.start()
        (executable.parent / "next").write_text("#!/bin/sh\nexit 3\n")
        (executable.parent / "next").chmod(0o755)
        os.replace(executable.parent / "next", executable)
        self.create("replaced")
        self.assert_complete("replaced", 10)
        executable.unlink()
        self.create("removed")
        self.assert_complete("removed", 10)

    def test_keys_objects_and_records_survive(self):
        key = json.loads(service.clary("keys", "create", "--json", home=self.service.home).stdout)
        self.create("done")
        self.assert_complete("done", 10)
        self.restart()
        job = self.service.boto("sagemaker").describe_training_job(TrainingJobName="done")
        self.assertEqual(job["TrainingJobStatus"], "Completed")
        listed = service.clary("keys", "list", home=self.service.home).stdout
        self.assertIn(key["access_key_id"], listed)

    def put_code(self, script):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            member = tarfile.TarInfo("train.py")
            member.size = len(script)
            tar.addfile(member, io.BytesIO(script))
        self.service.boto("s3").put_object(Bucket="data", Key="code/sourcedir.tar.gz",
                                           Body=packed.getvalue())

    def test_a_script_outlives_the_service_and_its_runner(self):
        script = (b"import pathlib, sys, time\n"
                  b"for i in range(1, 41):\n"
                  b"    print(f'line {i}.')\n"
                  b"    time.sleep(0.05)\n"
                  b"pathlib.Path('/opt/ml/model/done').write_text(str(sys.argv))\n")
        self.put_code(script)
        self.create("script", RetryStrategy={"MaximumRetryAttempts": 2}, AlgorithmSpecification={
            "TrainingImage": "my-image:1", "TrainingInputMode": "File"}, HyperParameters={
                "sagemaker_program": '"train.py"', "epochs": "3",
                "sagemaker_submit_directory": '"s3://data/code/sourcedir.tar.gz"'})
        for phase in ("Downloading", "Training"):
            self.service.wait("script", phase, "Training", "Uploading", "Completed")
            self.restart()
        self.service.wait("script", "Training")
        self.kill_one("script", "runner")
        self.restart()
        self.assert_command_complete("script", starts=2)

    def test_processing_jobs(self):
        sagemaker = self.service.boto("sagemaker")

        def process(name):
            sagemaker.create_processing_job(
                ProcessingJobName=name, RoleArn=self.service.credentials["role_arn"],
                AppSpecification={"ImageUri": "my-image:1", "ContainerEntrypoint": [
                    "/bin/bash", "-c", "for i in $(seq 40); do echo line $i.; sleep 0.05; done; "
                    "echo done > /opt/ml/processing/out/done"]},
                ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": {
                    "S3Uri": f"s3://data/{name}", "LocalPath": "/opt/ml/processing/out",
                    "S3UploadMode": "EndOfJob"}}]},
                ProcessingResources={"ClusterConfig": {
                    "InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}})

        def reaches(name, *members):
            def found():
                job = self.service.boto("sagemaker").describe_processing_job(ProcessingJobName=name)
                return job if any(m in job for m in members) else None
            return service.wait_for(found, 60, name)

        process("whole")
        self.restart()
        reaches("whole", "ProcessingStartTime")
        self.restart(away=1)
        job = reaches("whole", "ProcessingEndTime")
        self.assertEqual(job["ProcessingJobStatus"], "Completed", job.get("FailureReason"))
        self.service.boto("s3").head_object(Bucket="data", Key="whole/done")
        for role in ("runner", "supervise"):
            name = "without-" + role
            sagemaker = self.service.boto("sagemaker")
            process(name)
            reaches(name, "ProcessingStartTime")
            self.kill_one(name, role)
            self.restart()
            job = reaches(name, "ProcessingEndTime")
            self.assertEqual(job["ProcessingJobStatus"], "Failed")
            self.assertIn("InternalServerError", job["FailureReason"])

    # Three seconds of work, from where the checkpoint says, so that it ends however often it is killed.
    RESUMES = (b"import pathlib, time\n"
               b"done = pathlib.Path('/opt/ml/checkpoints/done')\n"
               b"for i in range(len(done.read_text()) if done.exists() else 0, 30):\n"
               b"    time.sleep(0.1)\n"
               b"    done.with_suffix('.tmp').write_text('x' * (i + 1))\n"
               b"    done.with_suffix('.tmp').rename(done)\n"
               b"pathlib.Path('/opt/ml/model/done').write_text('whole' * 10000)\n"
               b"print('the last line')\n")

    def create_at_random(self, kind, name):
        """A job of a kind; it may have been created although this fails."""
        if kind == "processing":
            self.service.boto("sagemaker").create_processing_job(
                ProcessingJobName=name, RoleArn=self.service.credentials["role_arn"],
                AppSpecification={"ImageUri": "my-image:1", "ContainerEntrypoint": [
                    "/bin/bash", "-c", "cd /opt/ml/processing/out; for i in {1..20}; do sleep 0.1; "
                    "echo $i > $i; done; echo whole > done"]},
                ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": {
                    "S3Uri": f"s3://data/{name}", "LocalPath": "/opt/ml/processing/out",
                    "S3UploadMode": random.choice(("EndOfJob", "Continuous"))}}]},
                ProcessingResources={"ClusterConfig": {
                    "InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}})
        elif kind == "script":
            self.create(name, RetryStrategy={"MaximumRetryAttempts": 30},
                        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large",
                                        "VolumeSizeInGB": 5},
                        CheckpointConfig={"S3Uri": f"s3://data/checkpoints/{name}"},
                        AlgorithmSpecification={"TrainingImage": "my-image:1",
                                                "TrainingInputMode": "File"},
                        HyperParameters={
                            "sagemaker_program": "train.py",
                            "sagemaker_submit_directory": "s3://data/code/sourcedir.tar.gz"})
        else:
            self.create(name, HyperParameters=PARAMETERS | {"num_round": "60"},
                        RetryStrategy={"MaximumRetryAttempts": 30})

    def describe(self, kind, name):
        sagemaker = self.service.boto("sagemaker")
        if kind == "processing":
            job = sagemaker.describe_processing_job(ProcessingJobName=name)
            return job["ProcessingJobStatus"], job.get("FailureReason", ""), None
        job = sagemaker.describe_training_job(TrainingJobName=name)
        return (job["TrainingJobStatus"], job.get("FailureReason", ""),
                job.get("ModelArtifacts", {}).get("S3ModelArtifacts"))

    def processes(self, role):
        """The pids of this service's runners or supervisors, or of what is in their sandboxes."""
        out = []
        for p in pathlib.Path("/proc").iterdir():
            if not p.name.isdigit():
                continue
            try:
                if role == "sandbox":
                    found = str(self.service.home) in (p / "mountinfo").read_text()
                else:
                    words = (p / "cmdline").read_bytes().split(b"\0")
                    found = role.encode() in words[:2] and self.belongs(p, "")
            except OSError:
                continue
            if found:
                out.append(int(p.name))
        return out

    def test_at_random(self):
        seed = int(os.environ.get("CLARY_CRASH_SEED", time.time_ns() % 1_000_000))
        seconds = float(os.environ.get("CLARY_CRASH_SECONDS", 8))
        print(f"CLARY_CRASH_SEED={seed}", flush=True)
        random.seed(seed)
        self.put_code(self.RESUMES)
        jobs, stopped, kills = {}, set(), {"service": 0, "runner": 0, "supervise": 0}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if len([j for j in jobs if self.describe(jobs[j], j)[0] in ("InProgress", "Stopping")]) < 5:
                kind = random.choice(("script", "script", "processing", "built-in"))
                name = f"{kind}-{len(jobs)}"
                self.create_at_random(kind, name)
                jobs[name] = kind
            elif random.random() < 0.1:
                name = random.choice(list(jobs))
                try:
                    if jobs[name] == "processing":
                        self.service.boto("sagemaker").stop_processing_job(ProcessingJobName=name)
                    else:
                        self.service.boto("sagemaker").stop_training_job(TrainingJobName=name)
                    stopped.add(name)
                except Exception as e:
                    self.assertIn("ValidationException", str(e))  # it has ended
            time.sleep(random.random() * 0.4)  # when it dies is what is tested
            victim = random.choice(list(kills))
            if victim == "service":
                self.restart(random.random() * 0.3)
                kills[victim] += 1
                continue
            pids = self.processes(victim)
            if pids and random.random() < 0.3:
                try:
                    os.kill(random.choice(pids), signal.SIGKILL)
                    kills[victim] += 1
                except ProcessLookupError:
                    pass
        ends, count = {}, {}
        for name, kind in jobs.items():
            status, reason, artifact = service.wait_for(
                lambda: (lambda d: d if d[0] not in ("InProgress", "Stopping") else None)(
                    self.describe(kind, name)), 120, name)
            ends[name] = status
            count[kind, status] = count.get((kind, status), 0) + 1
            if status == "Stopped":
                self.assertIn(name, stopped)
            elif status == "Failed":
                self.assertEqual(kind, "processing", reason)  # the others start again
                self.assertIn("InternalServerError", reason)
            else:
                key = f"{name}/done" if kind == "processing" else artifact.removeprefix("s3://data/")
                body = self.service.boto("s3").get_object(Bucket="data", Key=key)["Body"].read()
                if kind == "processing":
                    self.assertEqual(body, b"whole\n")
                elif kind == "script":
                    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
                        self.assertEqual(tar.extractfile("done").read(), b"whole" * 10000)
                    log = service.clary("logs", name, home=self.service.home).stdout
                    self.assertGreaterEqual(log.count("the last line"), 1)
        print(f"{len(jobs)} jobs, kills {kills}, ends {count}", flush=True)
        # Nothing of them goes on, and nothing of theirs lies about.
        for role in ("runner", "supervise", "sandbox"):
            service.wait_for(lambda: not self.processes(role), 30, f"the end of the last {role}")

        def rests():
            return [p for p in (self.service.home / "jobs").glob("**/*")
                    if p.name in ("work", "tmp", "home", "python", "overlays", "pack.tmp")]

        try:
            service.wait_for(lambda: not rests(), 10, "the last file")
        except AssertionError:
            self.fail("left: " + ", ".join(f"{p} of {ends.get(p.parent.name)}" for p in rests()))


if __name__ == "__main__":
    unittest.main()

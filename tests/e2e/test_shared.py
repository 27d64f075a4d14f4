"""Three services on one state: records in PostgreSQL, objects in another Clary's S3 (ADR 43)."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import postgres
import service
from service import CLARY, wait_for

SMALL = {"objective": "reg:squarederror", "num_round": "3", "max_depth": "2"}


class Member(service.Service):
    """One of several services on a home."""

    def __init__(self, home, *options, env):
        self.home = pathlib.Path(home)
        self.options = options
        self.env = env
        self.executable = CLARY
        self.process = None

    def start(self):
        self.out = tempfile.TemporaryFile("w+", dir=self.home.parent)
        self.log = open(self.home.parent / "serve.log", "ab")
        self.process = subprocess.Popen(
            [CLARY, "--json", "serve", "--home", str(self.home), "--port", "0", *self.options],
            stdout=self.out, stderr=self.log,
            env={"PATH": os.environ["PATH"], "HOME": "/nowhere"} | self.env)

        def ready():
            assert self.process.poll() is None, (self.home.parent / "serve.log").read_text()
            self.out.seek(0)
            line = self.out.readline()
            return json.loads(line)["endpoint"] if line.endswith("\n") else None

        self.endpoint = wait_for(ready, seconds=60, what="the service")
        self.credentials = json.loads((self.home / "credentials.json").read_text())

    def kill(self):
        super().kill()
        self.out.close()

    def stop(self):
        super().stop()
        self.out.close()

    def ask(self, front, operation, **members):
        return getattr(self.boto(front), operation)(**members)


@unittest.skipUnless(postgres.installed(), "PostgreSQL is not installed (Debian: postgresql)")
class Shared(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = postgres.Postgres()
        cls.addClassCleanup(cls.postgres.close)
        cls.storage = service.Service()
        cls.storage.start()
        cls.addClassCleanup(cls.storage.__exit__)

    def setUp(self):
        self.postgres.query("DROP SCHEMA IF EXISTS clary CASCADE")
        s3 = self.storage.boto("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
                s3.delete_object(Bucket=bucket["Name"], Key=item["Key"])
            s3.delete_bucket(Bucket=bucket["Name"])
        folder = tempfile.TemporaryDirectory(prefix="clary-e2e-")
        self.addCleanup(service.remove_folder, folder)
        self.home = pathlib.Path(folder.name) / "home"
        keys = self.storage.credentials
        self.members = [
            Member(self.home, "--state", self.postgres.url, "--objects",
                   self.storage.endpoint.replace("http://", "s3://") + "?tls=off",
                   env={"AWS_ACCESS_KEY_ID": keys["access_key_id"],
                        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]})
            for _ in range(3)]
        threads = [threading.Thread(target=m.start) for m in self.members]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for m in self.members:
            self.addCleanup(self.end, m)
        self.wait_for_leader()
        a = self.members[0]
        a.ask("s3", "create_bucket", Bucket="data")
        rows = "".join(f"{i % 7},{i % 5},{i % 3}\n" for i in range(60))
        a.ask("s3", "put_object", Bucket="data", Key="train/rows.csv", Body=rows.encode())
        self.acknowledged = []

    def end(self, member):
        if member.process.poll() is None:
            member.process.send_signal(signal.SIGCONT)
            member.stop()

    def leader(self):
        """The member that service.json names, which the one that leads writes; None: another."""
        try:
            pid = json.loads((self.home / "service.json").read_text())["pid"]
            if pid not in [m.process.pid for m in self.members]:
                return None
            holder = json.loads(self.postgres.query(
                "SELECT convert_from(body, 'UTF8') FROM clary.records WHERE tbl = 'leases'"
                " AND key = 'reconciler'"))["pid"]
        except (OSError, ValueError, subprocess.CalledProcessError):
            return None
        return next((m for m in self.members if m.process.pid == pid == holder), None)

    def wait_for_leader(self, other_than=None):
        begun = time.monotonic()

        def leads():
            time.sleep(0.1)  # to look costs a process
            leader = self.leader()
            return leader if leader is not other_than else None

        leader = wait_for(leads, seconds=60, what="a leader")
        print(f"a leader after {time.monotonic() - begun:.1f} s", flush=True)
        return leader

    def create(self, name, member):
        """As a client does: what was not answered is asked again, elsewhere."""
        request = member.request(name, channels=("train",), HyperParameters=SMALL)
        for attempt in range(100):
            try:
                member.ask("sagemaker", "create_training_job", **request)
                break
            except Exception as e:  # its server dies, or the database is away
                if "ResourceInUse" in str(e):  # the answer was lost
                    break
                self.assertNotIn("ValidationException", str(e))
                member = self.members[(self.members.index(member) + 1) % len(self.members)]
                time.sleep(0.1)
        else:
            self.fail(f"{name} could not be created")
        self.acknowledged.append(name)

    def assert_all_complete(self, member):
        for name in self.acknowledged:
            job = member.wait(name, seconds=180)
            self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
            statuses = [t["Status"] for t in job["SecondaryStatusTransitions"]]
            self.assertEqual(len(statuses), len(set(statuses)), "each status once")
            logs = member.boto("logs")
            streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs",
                                                logStreamNamePrefix=name + "/")["logStreams"]
            self.assertEqual(len(streams), 1)
            events = logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs",
                                         logStreamName=streams[0]["logStreamName"])["events"]
            self.assertEqual(sum(e["message"].startswith("[2]") for e in events), 1,
                             "it was launched once")
            key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
            member.ask("s3", "head_object", Bucket="data", Key=key)

    def under_load(self, *actions):
        """Creates a job now and then, at one member after the other, between and during actions."""
        stop = threading.Event()

        def load():
            i = 0
            while not stop.wait(1.0):
                self.create(f"load-{i}", self.members[i % len(self.members)])
                i += 1

        thread = threading.Thread(target=load)
        thread.start()
        try:
            for action in actions:
                action()
        finally:
            stop.set()
            thread.join()

    def test_any_answers(self):
        a, b, c = self.members
        self.create("one", b)
        self.assertEqual(c.ask("sagemaker", "describe_training_job", TrainingJobName="one")
                         ["TrainingJobStatus"], "InProgress")
        with self.assertRaisesRegex(Exception, "ResourceInUse"):
            a.ask("sagemaker", "create_training_job",
                  **a.request("one", channels=("train",), HyperParameters=SMALL))
        self.assert_all_complete(a)
        # Keys that one makes are known to the others, and what one has of alarms and groups.
        user = b.ask("sts", "assume_role", RoleArn=a.credentials["role_arn"],
                     RoleSessionName="session")["Credentials"]
        names = c.boto("sagemaker", aws_access_key_id=user["AccessKeyId"],
                       aws_secret_access_key=user["SecretAccessKey"],
                       aws_session_token=user["SessionToken"]).list_training_jobs()
        self.assertEqual(len(names["TrainingJobSummaries"]), 1)
        a.ask("cloudwatch", "put_metric_alarm", AlarmName="x", Namespace="N", MetricName="m",
              ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Period=60, Threshold=1,
              Statistic="Sum")
        wait_for(lambda: b.ask("cloudwatch", "describe_alarms")["MetricAlarms"],
                 what="the alarm at another")
        b.ask("sagemaker", "delete_training_job", TrainingJobName="one")

        def gone():
            try:
                c.ask("sagemaker", "describe_training_job", TrainingJobName="one")
            except Exception as e:
                return "not found" in str(e)

        wait_for(gone, what="the end of the job")
        # What they share, as `clary doctor` finds it.
        seen = subprocess.run(
            [CLARY, "doctor", "--json", "--home", str(self.home), *a.options, "--other", b.endpoint],
            capture_output=True, text=True, env={"PATH": os.environ["PATH"]} | a.env)
        found = json.loads(seen.stdout)["findings"]
        self.assertEqual([f["level"] for f in found if f["check"] in ("postgres", "objects")],
                         ["ok", "ok"], found)
        clocks = [f["level"] for f in found if f["what"].startswith("that of")]
        self.assertEqual(clocks, ["ok"] * 3, found)
        # The lock is for one service without a shared state.
        alone = subprocess.run([CLARY, "serve", "--home", str(self.home), "--port", "0"],
                               capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
        self.assertNotEqual(alone.returncode, 0)
        self.assertIn("--state", alone.stderr)

    def test_killed(self):
        """SIGKILL to each of the three, the one that leads first and last."""
        def kill(member):
            led = member is self.leader()
            member.kill()
            if led:
                self.wait_for_leader(other_than=member)
            member.start()

        def kill_leader():
            kill(self.wait_for_leader())

        def kill_others():
            leader = self.wait_for_leader()
            for m in [m for m in self.members if m is not leader]:
                kill(m)

        self.under_load(kill_leader, kill_others, kill_leader)
        for m in self.members[:2]:
            self.assert_all_complete(m)

    def test_paused(self):
        """One that leads and pauses is replaced; when it wakes up it is one that follows."""
        def pause():
            paused = self.wait_for_leader()
            paused.process.send_signal(signal.SIGSTOP)
            self.members.remove(paused)
            self.wait_for_leader(other_than=paused)
            self.create("meanwhile", self.members[0])
            self.members[0].wait("meanwhile", seconds=120)
            paused.process.send_signal(signal.SIGCONT)
            self.members.append(paused)
            self.assertEqual(paused.wait("meanwhile")["TrainingJobStatus"], "Completed")
            self.assertIsNot(self.wait_for_leader(), paused)

        self.under_load(pause)
        for m in self.members:
            self.assert_all_complete(m)

    def test_database_away(self):
        def away():
            self.postgres.crash()
            time.sleep(6)  # how long it is away is what is tested: longer than the lease lives
            self.postgres.start()

        self.under_load(lambda: time.sleep(1), away)
        self.assert_all_complete(self.members[2])


if __name__ == "__main__":
    unittest.main()

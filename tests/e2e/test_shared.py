"""Three services on one state: records in PostgreSQL, objects in another Clary's S3 (ADR 43)."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import postgres
import service
from service import CLARY, wait_for

SMALL = {"objective": "reg:squarederror", "num_round": "3", "max_depth": "2"}


class Door:
    """A port that leads to another one, until it is shut: then every request is answered with 503."""
    BODY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

    def __init__(self, to):
        self.to = to
        self.shut = False
        self.refused = 0
        self.open = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            if self.shut:
                self.refused += 1
                client.recv(1 << 16)
                client.sendall(b"HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: "
                               + str(len(self.BODY)).encode() + b"\r\n\r\n" + self.BODY)
                client.shutdown(socket.SHUT_WR)
                while client.recv(1 << 16):  # a body that is still coming
                    pass
                return
            with socket.create_connection(self.to) as server:
                self.open |= {client, server}
                back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
                back.start()
                self.pump(client, server)
                back.join()
                self.open -= {client, server}

    @staticmethod
    def pump(here, there):
        try:
            while data := here.recv(1 << 16):
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # shut

    def close(self):
        """What is under way breaks."""
        self.shut = True
        for s in list(self.open):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def reopen(self):
        self.shut = False


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
        host, _, port = cls.storage.endpoint.removeprefix("http://").partition(":")
        cls.door = Door((host, int(port)))
        cls.addClassCleanup(cls.door.listener.close)

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
                   f"s3://{self.door.endpoint}?tls=off",
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

    def start_and_pause(self, name):
        """A job whose algorithm has begun to train, and is stopped (SIGSTOP). Gives what lets it go
        on to its last round."""
        a = self.members[0]
        a.ask("s3", "put_object", Bucket="data", Key="many/rows.csv", Body=service.census("train"))
        request = a.request(name, channels=("many",), HyperParameters={
            "objective": "binary:logistic", "num_round": "400", "max_depth": "6"})
        request["InputDataConfig"][0]["ChannelName"] = "train"
        a.ask("sagemaker", "create_training_job", **request)

        def log():
            return "".join(p.read_text() for p in (self.home / "logs").rglob("*")
                           if p.is_file() and name in str(p))

        wait_for(lambda: "[3]" in log(), seconds=60, what="the first rounds")
        lines, parents = {}, {}
        for proc in pathlib.Path("/proc").iterdir():
            try:
                if proc.name.isdigit():
                    lines[int(proc.name)] = (proc / "cmdline").read_text("latin-1")
                    parents[int(proc.name)] = int((proc / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                pass

        def is_ours(pid):
            while pid in parents:
                if f"{self.home}/jobs/{name}" in lines[pid]:
                    return True
                pid = parents[pid]

        algorithm = [pid for pid, line in lines.items()
                     if line.startswith("/run/clary/clary") and "algorithm\0xgboost" in line and is_ours(pid)]
        self.assertEqual(len(algorithm), 1, "its process")
        os.kill(algorithm[0], signal.SIGSTOP)
        self.assertFalse("[399]" in log(), "it has ended already")

        def finish():
            os.kill(algorithm[0], signal.SIGCONT)
            wait_for(lambda: "[399]" in log(), seconds=180, what="the last round")

        return finish

    def test_database_away(self):
        """For longer than the lease lives, and than anybody tries again; more by AWAY_SECONDS. A job
        that trains goes on, and ends meanwhile; its end is recorded afterwards."""
        finish = self.start_and_pause("throughout")

        def away():
            self.postgres.crash()
            until = time.monotonic() + float(os.environ.get("AWAY_SECONDS", 6))
            finish()
            while time.monotonic() < until:
                time.sleep(0.1)  # how long it is away is what is tested
            self.postgres.start()

        self.under_load(lambda: time.sleep(1), away)
        job = self.members[1].wait("throughout", seconds=180)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assert_all_complete(self.members[2])

    def test_storage_is_busy(self):
        """S3 answers 503 for longer than clients try: a job that has trained keeps its model, and one
        that begins gets its data."""
        finish = self.start_and_pause("trained")

        def busy():
            self.door.close()
            finish()
            with self.assertRaisesRegex(Exception, "SlowDown|reduce your request rate"):
                self.members[0].boto("s3", retries={"max_attempts": 0}).list_objects_v2(Bucket="data")
            refused = self.door.refused
            wait_for(lambda: self.door.refused > refused + 3, what="tries of those that wait")
            self.door.reopen()

        self.under_load(lambda: time.sleep(1), busy)
        job = self.members[1].wait("trained", seconds=180)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assert_all_complete(self.members[2])


@unittest.skipUnless(postgres.installed(), "PostgreSQL is not installed (Debian: postgresql)")
class Migrate(unittest.TestCase):
    def test_a_single_services_records_are_shared(self):
        database = postgres.Postgres()
        self.addCleanup(database.close)
        with service.Service() as alone:
            s3 = alone.boto("s3")
            s3.create_bucket(Bucket="data")
            s3.put_object(Bucket="data", Key="train/rows.csv", Body=b"1,2\n2,3\n" * 20)
            sagemaker = alone.boto("sagemaker")
            sagemaker.create_training_job(**alone.request(
                "before", channels=("train",), HyperParameters=SMALL, Tags=[{"Key": "a", "Value": "b"}]))
            before = alone.wait("before")
            self.assertEqual(before["TrainingJobStatus"], "Completed", before.get("FailureReason"))

            def migrate(code=0):
                done = service.clary("migrate", "--state", database.url, "--json", home=alone.home,
                                     check=False)
                self.assertEqual(done.returncode, code, done.stderr)
                return json.loads(done.stdout or done.stderr)

            self.assertEqual(migrate(1)["error"]["code"], "AlreadyServing")
            alone.stop()
            self.assertGreater(migrate()["records"], 2)
            self.assertEqual(migrate(1)["error"]["code"], "OtherState")
            members = [Member(alone.home, "--state", database.url, env={}) for _ in range(2)]
            for m in members:
                m.start()
                self.addCleanup(m.stop)
            for m in members:
                after = m.ask("sagemaker", "describe_training_job", TrainingJobName="before")
                for volatile in ("ResponseMetadata",):
                    after.pop(volatile), before.pop(volatile, None)
                self.assertEqual(after, before)
                self.assertEqual(m.ask("sagemaker", "list_tags",
                                       ResourceArn=before["TrainingJobArn"])["Tags"],
                                 [{"Key": "a", "Value": "b"}])
            members[1].ask("sagemaker", "create_training_job", **members[1].request(
                "after", channels=("train",), HyperParameters=SMALL))
            self.assertEqual(members[0].wait("after")["TrainingJobStatus"], "Completed")
            # Of another home onto a database that is used.
            other = tempfile.TemporaryDirectory(prefix="clary-e2e-")
            self.addCleanup(service.remove_folder, other)
            service.clary("s3", "mb", "s3://elsewhere", home=other.name)
            refused = service.clary("migrate", "--state", database.url, home=other.name, check=False)
            self.assertIn("services have run on that database", refused.stderr)


if __name__ == "__main__":
    unittest.main()

"""Load on an endpoint that is changed and whose instances are killed meanwhile.

Every answer must be that of one of the two models that take turns, and every failed request a 503 that
a client may try again."""
import collections
import contextlib
import http.client
import json
import os
import pathlib
import signal
import threading
import time
import urllib.parse

import service
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from service import wait_for


class Soak:
    """Use it in a with statement: the load runs within."""

    def __init__(self, clary, connections=8, instances=2):
        self.clary, self.instances = clary, instances
        self.sagemaker = clary.boto("sagemaker")
        self.outcomes = collections.Counter()  # status to number of requests
        self.faults = []  # what must not be
        self.down = []  # seconds between the first 503 of a time without answers and the next answer
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.failed_since = None
        self.configs = 0
        self.prepare()
        self.threads = [threading.Thread(target=self.ask) for _ in range(connections)]

    def prepare(self):
        clary = self.clary
        clary.put_census()
        self.sagemaker.create_training_job(**clary.request("soak"))
        data = clary.wait("soak")["ModelArtifacts"]["S3ModelArtifacts"]
        for name, output in (("probability", {}), ("label", {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label"})):
            self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=clary.credentials["role_arn"],
                                        PrimaryContainer={"Image": service.IMAGE, "ModelDataUrl": data,
                                                          "Environment": output})
        _, rows = service.census_rows("validation")
        self.row = ",".join(f"{x:g}" for x in rows[0])
        self.right = set()
        runtime = clary.boto("sagemaker-runtime")
        for model in ("label", "probability"):
            self.change(model)
            self.right.add(runtime.invoke_endpoint(EndpointName="soak", ContentType="text/csv",
                                                   Body=self.row)["Body"].read())
        assert len(self.right) == 2, self.right

    def change(self, model):
        """Gives the endpoint the model and waits until it answers with it."""
        self.configs += 1
        name = f"soak-{self.configs}"
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            {"VariantName": "v", "ModelName": model, "InitialInstanceCount": self.instances,
             "InstanceType": "ml.m5.large"}])
        call = self.sagemaker.create_endpoint if self.configs == 1 else self.sagemaker.update_endpoint
        call(EndpointName="soak", EndpointConfigName=name)

        def changed():
            endpoint = self.sagemaker.describe_endpoint(EndpointName="soak")
            return endpoint["EndpointStatus"] == "InService" and endpoint["EndpointConfigName"] == name

        wait_for(changed, 60, "the update")

    def servers(self):
        """Process ids of the endpoint's model servers, with their instances."""
        found = {}
        for proc in pathlib.Path("/proc").iterdir():
            try:
                words = (proc / "cmdline").read_text("latin-1").split("\0")
            except OSError:
                continue
            if proc.name.isdigit() and "model-server" in words and str(self.clary.home) in " ".join(words):
                found[int(proc.name)] = words[words.index("model-server") + 1]
        return found

    def kill(self):
        """Ends an instance as the kernel would, container and all, and waits for as many as before."""
        victim = min(wait_for(self.servers, 60, "an instance"))
        with contextlib.suppress(ProcessLookupError):  # an update has just ended it
            os.kill(victim, signal.SIGKILL)  # its programs die with it
        wait_for(lambda: victim not in self.servers() and len(self.servers()) >= self.instances, 60,
                 "another instance")

    def signed(self):
        url = f"{self.clary.endpoint}/endpoints/soak/invocations"
        request = AWSRequest("POST", url, data=self.row, headers={"Content-Type": "text/csv"})
        keys = self.clary.credentials
        SigV4Auth(Credentials(keys["access_key_id"], keys["secret_access_key"]), "sagemaker",
                  keys["region"]).add_auth(request)
        return dict(request.headers)

    def ask(self):
        host = urllib.parse.urlsplit(self.clary.endpoint).netloc
        connection = http.client.HTTPConnection(host, timeout=60)
        headers, since = self.signed(), time.monotonic()
        while not self.stop.is_set():
            if time.monotonic() - since > 300:  # a signature is good for 15 minutes
                headers, since = self.signed(), time.monotonic()
            try:
                connection.request("POST", "/endpoints/soak/invocations", body=self.row, headers=headers)
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
            except OSError as error:
                status, body = 0, repr(error).encode()
            self.note(status, body)

    def note(self, status, body):
        now = time.monotonic()
        with self.lock:
            self.outcomes[status] += 1
            if status == 200:
                if body not in self.right:
                    self.faults.append(f"a wrong answer: {body!r}")
                if self.failed_since:
                    self.down.append(now - self.failed_since)
                    self.failed_since = None
            elif status == 503:
                self.failed_since = self.failed_since or now
            else:
                self.faults.append(f"{status}: {body[:500]!r}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def report(self):
        return json.dumps({"requests": sum(self.outcomes.values()), "by_status": dict(self.outcomes),
                           "longest_without_answer_s": round(max(self.down, default=0), 3),
                           "faults": self.faults[:5]})

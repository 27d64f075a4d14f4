"""What the server of inference scripts costs beside the script: CPU and time of its process for each
request, and the script's functions called in a loop, which is the floor.

  inference_bench.py [REQUESTS]

Run it with a Python that has scikit-learn and, for the second part, boto3. With CLARY, an executable,
in the environment it also deploys such scripts and many models of the built-in algorithm in a service,
and tells how long the first answer takes from CreateEndpoint on and what a request costs then.
"""
import io
import os
import pathlib
import pickle
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import numpy as np
from sklearn.linear_model import LogisticRegression

TOOLKIT = pathlib.Path(__file__).resolve().parents[1] / "src/toolkit"
REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
ECHO = """
def model_fn(model_dir): return None
def transform_fn(model, data, content_type, accept): return data
"""
SKLEARN = """
import os, pickle
def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pkl"), "rb") as file:
        return pickle.load(file)
"""
RESHAPED = SKLEARN + """
def input_fn(data, content_type):
    from sagemaker_inference import decoder
    return decoder.decode(data, content_type).reshape(1, -1)
"""
ROW = ",".join(f"{x:.3f}" for x in np.random.default_rng(1).normal(size=28)).encode()
REQUEST = (b"POST /invocations HTTP/1.1\r\nHost: model\r\nContent-Type: text/csv\r\nAccept: text/csv\r\n"
           b"Content-Length: %d\r\n\r\n" % len(ROW)) + ROW
TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid):
    """Seconds of a process and of its children that still run."""
    total = 0.0
    for child in (pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split() + [str(pid)]):
        fields = pathlib.Path(f"/proc/{child}/schedstat").read_text().split()
        total += int(fields[0]) / 1e9
    return total


def ask(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    connection.sendall(REQUEST)
    answer = connection.recv(65536)
    connection.close()
    return answer


def serve(name, script, model):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "code").mkdir()
        (root / "code/inference.py").write_text(script)
        (root / "model.pkl").write_bytes(pickle.dumps(model))
        path = str(root / "s.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(128)
        process = subprocess.Popen(
            [sys.executable, str(TOOLKIT / "inference")], stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(TOOLKIT / "stand_ins"),
                 "OMP_NUM_THREADS": "1", "CLARY_LISTENER": str(listener.fileno()),
                 "CLARY_MODEL_DIR": folder, "CLARY_FRAMEWORK": "sklearn", "CLARY_MAX_BODY": "1000000",
                 "CLARY_INVOCATION_TIMEOUT": "60", "SM_NUM_CPUS": "1"})
        listener.close()
        begin = time.monotonic()
        assert b" 200 OK" in ask(path)
        first = time.monotonic() - begin
        for _ in range(200):
            ask(path)
        before, times = cpu_of(process.pid), []
        for _ in range(REQUESTS):
            at = time.perf_counter()
            ask(path)
            times.append(time.perf_counter() - at)
        cpu = (cpu_of(process.pid) - before) / REQUESTS
        process.terminate()
        process.wait()
    times.sort()
    print(f"{name:12} {cpu * 1e6:6.1f} us CPU a request; p50 {statistics.median(times) * 1e6:6.1f} us, "
          f"p99 {times[int(len(times) * .99)] * 1e6:6.1f} us with the client; "
          f"first answer after {first * 1e3:.0f} ms")
    return cpu


def floor(model):
    """The default functions of scikit-learn's images on a row, in a loop."""
    sys.path[:0] = [str(TOOLKIT / "inference"), str(TOOLKIT / "stand_ins")]
    from clary_inference import contract
    defaults = contract.Sklearn()
    begin = time.process_time()
    for _ in range(REQUESTS):
        array = defaults.input_fn(ROW.decode(), "text/csv").reshape(1, -1)
        defaults.output_fn(defaults.predict_fn(array, model), "text/csv")
    return (time.process_time() - begin) / REQUESTS


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


class Deployed:
    """Endpoints of a service of its own."""

    def __init__(self, clary):
        self.clary = clary
        self.sagemaker = clary.boto("sagemaker")
        self.runtime = clary.boto("sagemaker-runtime")

    def measure(self, name, image, uri, body, environment=None, mode=None, targets=({},)):
        """`targets`: arguments of the requests that are made in turn."""
        container = {"Image": image, "ModelDataUrl": uri, "Environment": environment or {}}
        if mode:
            container["Mode"] = mode
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container,
                                    ExecutionRoleArn=self.clary.credentials["role_arn"])
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1,
             "InstanceType": "ml.m5.large"}])
        begin = time.monotonic()
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        while True:
            try:
                self.ask(name, body, targets[0])
                break
            except self.runtime.exceptions.ValidationError:
                time.sleep(0.002)
        first = time.monotonic() - begin
        for target in targets:
            self.ask(name, body, target)
        # Everybody's share but this client's: the service, the model server, the container.
        before, times = cpu_of_all(self.clary.home), []
        for i in range(REQUESTS // 4):
            at = time.perf_counter()
            self.ask(name, body, targets[i % len(targets)])
            times.append(time.perf_counter() - at)
        cpu = (cpu_of_all(self.clary.home) - before) / (REQUESTS // 4)
        times.sort()
        print(f"{name:12} first answer {first * 1e3:.0f} ms after CreateEndpoint; {cpu * 1e6:.0f} us CPU a "
              f"request in all processes of the service; p50 {statistics.median(times) * 1e3:.2f} ms by boto3")
        self.sagemaker.delete_endpoint(EndpointName=name)

    def ask(self, name, body, target):
        return self.runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=body,
                                            **target)["Body"].read()


def cpu_of_all(home):
    """Seconds of all processes of the service at `home`."""
    sys.path.insert(0, str(TOOLKIT.parents[1] / "bench"))
    from serving_bench import cpu_seconds
    return cpu_seconds(str(home))[0]


def deploy(model):
    sys.path.insert(0, str(TOOLKIT.parents[1] / "tests/e2e"))
    import service
    sklearn = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    with service.Service() as clary:
        service.clary("environments", "add", "sagemaker-scikit-learn:*", sys.prefix, home=clary.home)
        clary.put_census()
        s3 = clary.boto("s3")
        for key, script in (("echo", ECHO), ("sklearn", RESHAPED)):
            s3.put_object(Bucket="data", Key=f"{key}/model.tar.gz", Body=archive(
                {"code/inference.py": script.encode(), "model.pkl": pickle.dumps(model)}))
        clary.boto("sagemaker").create_training_job(**clary.request("trained"))
        artifact = clary.wait("trained")["ModelArtifacts"]["S3ModelArtifacts"]
        bucket, key = artifact.removeprefix("s3://").split("/", 1)
        for name in ("a", "b"):
            s3.copy_object(Bucket="data", Key=f"many/{name}.tar.gz",
                           CopySource={"Bucket": bucket, "Key": key})
        census = ",".join(f"{x:g}" for x in service.census_rows("validation")[1][0])
        both = tuple({"TargetModel": f"{name}.tar.gz"} for name in ("a", "b"))
        one = Deployed(clary)
        one.measure("built-in", service.IMAGE, artifact, census)
        one.measure("many", service.IMAGE, "s3://data/many/", census, mode="MultiModel", targets=both)
        one.measure("echo", sklearn, "s3://data/echo/model.tar.gz", ROW)
        # One worker: another would load its model while this measures.
        one.measure("scikit-learn", sklearn, "s3://data/sklearn/model.tar.gz", ROW,
                    environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "1"})
        for name in ("a", "b"):
            s3.copy_object(Bucket="data", Key=f"echoes/{name}.tar.gz",
                           CopySource={"Bucket": "data", "Key": "echo/model.tar.gz"})
        one.measure("many-echo", sklearn, "s3://data/echoes/", ROW, mode="MultiModel", targets=both)


def main():
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 28))
    model = LogisticRegression().fit(x, x[:, 0] > 0)
    echo = serve("echo", ECHO, None)
    sklearn = serve("scikit-learn", RESHAPED, model)
    lowest = floor(model)
    print(f"{'functions':12} {lowest * 1e6:6.1f} us CPU a row in a loop: the server adds "
          f"{(sklearn - lowest) * 1e6:.1f} us to scikit-learn; {echo * 1e6:.1f} us alone")
    if "CLARY" in os.environ:
        deploy(model)


main()

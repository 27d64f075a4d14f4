"""One row, and a 5 MiB body of rows, beside real model servers, on the same machine and model.

    python=$(tools/venv.sh bench/requirements-serving.txt)/bin/python
    CLARY=build/release/apps/clary/clary $python bench/serving_peers.py build/release/bench/service_bench

Peers: MLServer with its XGBoost runtime (V2 JSON), and a flask application under gunicorn's gevent workers
that parses CSV and calls xgboost.Booster.predict: the parts that AWS's XGBoost container is built of (its own
code is no package; ../docs/benchmarks.md has what was measured of it). CPU is that of all processes of a
server. Each is asked over kept connections by threads of this process, so wall times include Python's client;
the CPU a request is the server's alone."""
import argparse
import http.client
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
import service  # noqa: E402
import serving_bench  # noqa: E402

FLASK = '''
import io, numpy, xgboost
from flask import Flask, Response, request
app = Flask(__name__)
booster = xgboost.Booster()
booster.load_model({model!r})
booster.set_param({{"nthread": 1}})

@app.get("/ping")
def ping():
    return Response(status=200)

@app.post("/invocations")
def invocations():
    rows = numpy.loadtxt(io.StringIO(request.get_data().decode()), delimiter=",", ndmin=2, dtype=numpy.float32)
    values = booster.predict(xgboost.DMatrix(rows), validate_features=False)
    return Response("\\n".join(map(str, values.tolist())) + "\\n", mimetype="text/csv")
'''


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_of(pid):
    """Seconds of a process and all below it that still live."""
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
            for task in pathlib.Path(f"/proc/{one}/task").iterdir():
                todo += [int(c) for c in (task / "children").read_text().split()]
        except OSError:
            pass
    return total / os.sysconf("SC_CLK_TCK")


class Peer:
    """A process that answers on a port of its own."""

    def __init__(self, name, command, port, path, ping, headers, body, env=None, cwd=None):
        self.name, self.port, self.path, self.headers, self.body = name, port, path, headers, body
        log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=log, stderr=log,
                                        env=os.environ | {"OMP_NUM_THREADS": "1"} | (env or {}), cwd=cwd)

        def ready():
            if self.process.poll() is not None:
                log.seek(0)
                raise SystemExit(f"{name} does not start:\n{log.read()[-2000:]}")
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", ping)
                return connection.getresponse().status == 200
            except OSError:
                return False

        service.wait_for(ready, 120, name)

    def cpu(self):
        return cpu_of(self.process.pid)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def load(port, path, headers, body, connections, seconds):
    """Requests answered, their latencies in ms, and the wall time."""
    times, stop, lock = [], time.monotonic() + seconds, threading.Lock()

    def ask():
        own = []
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < stop:
            begin = time.monotonic()
            connection.request("POST", path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, (answer.status, text[:300])
            own.append(1000 * (time.monotonic() - begin))
        with lock:
            times.extend(own)

    begin = time.monotonic()
    threads = [threading.Thread(target=ask) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(times), time.monotonic() - begin


def report(name, what, times, wall, cpu, rows):
    quantile = lambda q: times[min(len(times) - 1, int(q * len(times)))]  # noqa: E731
    print(f"{name:28} {what:22} {len(times) / wall:8.0f}/s  p50 {statistics.median(times):8.2f} ms  "
          f"p99 {quantile(0.99):8.2f} ms  CPU {1e6 * cpu / len(times):9.0f} us a request, "
          f"{1e6 * cpu / len(times) / rows:7.2f} us a row", flush=True)


def v2(rows):
    values = [[float(x) for x in row.split(",")] for row in rows]
    return json.dumps({"inputs": [{"name": "x", "shape": [len(values), len(values[0])], "datatype": "FP32",
                                   "data": [x for row in values for x in row]}]})


def peers(model, folder, rows):
    csv = "\n".join(rows)
    (folder / "peer.py").write_text(FLASK.format(model=str(model)))
    port = free_port()
    yield Peer("flask, gunicorn gevent", [sys.executable, "-m", "gunicorn", "-w", "2", "-k", "gevent", "-b",
               f"127.0.0.1:{port}", "peer:app"], port, "/invocations", "/ping", {"Content-Type": "text/csv"}, csv,
               cwd=folder)
    port, grpc, metrics = free_port(), free_port(), free_port()
    (folder / "settings.json").write_text(json.dumps(
        {"http_port": port, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0, "host": "127.0.0.1",
         "grpc_max_message_length": -1}))
    (folder / "model-settings.json").write_text(json.dumps(
        {"name": "m", "implementation": "mlserver_xgboost.XGBoostModel", "parameters": {"uri": str(model)}}))
    program = str(pathlib.Path(sys.executable).with_name("mlserver"))
    yield Peer("MLServer 1.7.1", [program, "start", str(folder)], port,
               "/v2/models/m/infer", "/v2/health/ready", {"Content-Type": "application/json"}, v2(rows))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--mib", type=float, default=5, help="size of the large body")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, service.Service() as clary:
        folder = pathlib.Path(temporary)
        row = serving_bench.deploy(clary, "bench", options.rounds)
        job = clary.boto("sagemaker").describe_training_job(TrainingJobName="bench")
        uri = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
        archive = clary.boto("s3").get_object(Bucket=uri[0], Key=uri[1])["Body"].read()
        (folder / "model.tar.gz").write_bytes(archive)
        with tarfile.open(folder / "model.tar.gz") as tar:
            tar.extractall(folder, filter="data")
        model = folder / "model.json"  # as images of 1.7 write it
        (folder / "xgboost-model").rename(model)
        _, all_rows = service.census_rows("validation")
        texts = [",".join(f"{x:g}" for x in r) for r in all_rows]
        large, size = [], 0
        while size < options.mib * (1 << 20):
            large.append(texts[len(large) % len(texts)])
            size += len(large[-1]) + 1

        # Ours: requests signed by the SDK's signer, once.
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        keys = clary.credentials
        port = int(clary.endpoint.rsplit(":", 1)[1])
        for rows in ([row], large):
            body = "\n".join(rows)
            request = AWSRequest("POST", f"{clary.endpoint}/endpoints/bench/invocations", data=body,
                                 headers={"Content-Type": "text/csv"})
            SigV4Auth(Credentials(keys["access_key_id"], keys["secret_access_key"]), "sagemaker",
                      keys["region"]).add_auth(request)
            before, _ = serving_bench.cpu_seconds(str(clary.home))
            times, wall = load(port, "/endpoints/bench/invocations", dict(request.headers), body,
                               4 if len(rows) == 1 else 1, options.seconds)
            cpu = serving_bench.cpu_seconds(str(clary.home))[0] - before
            report("Clary", f"{len(rows)} rows", times, wall, cpu, len(rows))
        for rows in ([row], large):
            for peer in peers(model, folder, rows):
                try:
                    load(peer.port, peer.path, peer.headers, peer.body, 1, 1)  # warm
                    before = peer.cpu()
                    times, wall = load(peer.port, peer.path, peer.headers, peer.body,
                                       4 if len(rows) == 1 else 1, options.seconds)
                    report(peer.name, f"{len(rows)} rows", times, wall, peer.cpu() - before, len(rows))
                finally:
                    peer.stop()


if __name__ == "__main__":
    main()

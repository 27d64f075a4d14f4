"""What the server of inference scripts costs beside the script: CPU and time of its process for each
request, and the script's functions called in a loop, which is the floor.

  inference_bench.py [REQUESTS]

Run it with a Python that has scikit-learn.
"""
import os
import pathlib
import pickle
import socket
import statistics
import subprocess
import sys
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


def main():
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 28))
    model = LogisticRegression().fit(x, x[:, 0] > 0)
    echo = serve("echo", ECHO, None)
    sklearn = serve("scikit-learn", SKLEARN + "def input_fn(data, content_type):\n"
                    "    from sagemaker_inference import decoder\n"
                    "    return decoder.decode(data, content_type).reshape(1, -1)\n", model)
    lowest = floor(model)
    print(f"{'functions':12} {lowest * 1e6:6.1f} us CPU a row in a loop: the server adds "
          f"{(sklearn - lowest) * 1e6:.1f} us to scikit-learn; {echo * 1e6:.1f} us alone")


main()

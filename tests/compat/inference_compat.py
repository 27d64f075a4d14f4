"""The server of inference scripts, alone, with the real scikit-learn and XGBoost: what functions get,
what stands in for missing ones, and what becomes of scripts that fail.

  inference_compat.py src/toolkit
"""
import http.client
import http.server
import io
import json
import os
import pathlib
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import xgboost

TOOLKIT = pathlib.Path(sys.argv[1])


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("model")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Served:
    """A script that is served, in a with statement."""

    def __init__(self, script=None, framework="sklearn", files=None, **environment):
        self.folder = tempfile.TemporaryDirectory(prefix="clary-inference-")
        self.root = pathlib.Path(self.folder.name)
        self.model = self.root / "model"
        (self.model / "code").mkdir(parents=True)
        for name, content in (files or {}).items():
            (self.model / name).write_bytes(content)
        if script is not None:
            (self.model / "code/inference.py").write_text(script)
        self.path = str(self.root / "s.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(100)
        self.log = open(self.root / "log", "wb")
        self.process = subprocess.Popen(
            [sys.executable, str(TOOLKIT / "inference")], stdout=self.log, stderr=self.log,
            pass_fds=[listener.fileno()],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(TOOLKIT / "stand_ins"),
                 "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1",
                 "CLARY_LISTENER": str(listener.fileno()), "CLARY_MODEL_DIR": str(self.model),
                 "CLARY_FRAMEWORK": framework, "CLARY_MAX_BODY": "1000000",
                 "CLARY_INVOCATION_TIMEOUT": "60", "SM_NUM_CPUS": "1", **environment})
        listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.log.close()
        self.folder.cleanup()

    def text(self):
        return (self.root / "log").read_text()

    def send(self, method, path, body=None, headers=None):
        connection = Connection(self.path)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read()

    def ask(self, body, content_type=None, accept=None):
        headers = {}
        if content_type:
            headers["Content-Type"] = content_type
        if accept:
            headers["Accept"] = accept
        return self.send("POST", "/invocations", body, headers)

    def ended(self):
        code = self.process.wait(30)
        return code, self.text().strip().splitlines()[-1]


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


ECHO = """
def model_fn(model_dir):
    return {"dir": model_dir}
def input_fn(data, content_type):
    return [type(data).__name__, content_type]
def predict_fn(data, model):
    return data
def output_fn(prediction, accept):
    return repr(prediction + [accept])
"""


def functions_get_what_the_images_give_them():
    with Served(ECHO) as s:  # the older stack: a missing type is JSON
        assert s.ask("1") == (200, "application/json", b"['str', 'application/json', 'application/json']")
        assert s.ask("1", "text/csv", "*/*")[2] == b"['str', 'text/csv', 'application/json']"
        assert s.ask("1", "application/x-npy", "text/csv") == (
            200, "text/csv; charset=utf-8", b"['bytes', 'application/x-npy', 'text/csv']")
    with Served(ECHO, "pytorch", SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv") as s:
        assert s.ask("1") == (200, "text/csv", b"['bytes', None, 'text/csv']")


def answers_of_all_forms():
    script = """
def model_fn(model_dir): return None
class Response:
    def __init__(self, response, mimetype, status=200):
        self.response, self.mimetype, self.status = response, mimetype, status
def transform_fn(model, data, content_type, accept, context):
    if data == "tuple": return "a,b", "text/csv"
    if data == "response": return Response("x", "image/png", 202)
    if data == "none": return None
    if data == "bytes": return b"\\0\\1"
    if data == "dict": return {"a": [1]}
    if data == "parts": return iter(["ab", b"cd"])
    if data == "broken":
        def parts():
            yield "ab"
            raise ValueError("amid the parts")
        return parts()
    if data == "context":
        context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "c=" + context.get_request_header(0, "X-Own"))
        context.set_response_content_type(0, "text/own")
        context.set_response_status(201)
        return "y"
    if data == "type": return 3.5
"""
    with Served(script) as s:
        ask = lambda text: s.ask(text, "text/csv")  # noqa: E731
        assert ask("tuple") == (200, "text/csv; charset=utf-8", b"a,b")
        assert ask("response") == (202, "image/png", b"x")
        assert ask("none") == (200, "application/json", b"")
        assert ask("bytes")[2] == b"\0\1"
        assert ask("dict")[2] == b'{"a": [1]}'
        assert ask("parts")[2] == b"abcd"
        try:
            ask("broken")
            raise AssertionError("a cut answer looks whole")
        except http.client.IncompleteRead as error:
            assert error.partial == b"ab"
        wait_for(lambda: "ValueError: amid the parts" in s.text())
        status, kind, body = s.send("POST", "/invocations", "context",
                                    {"Content-Type": "text/csv", "X-Own": "1"})
        assert (status, kind, body) == (201, "text/own; charset=utf-8", b"y")
        status, _, body = ask("type")
        assert status == 500 and b"this one returned a float" in body


def defaults_of_scikit_learn():
    script = """
class Sum:
    def predict(self, x):
        self.dtype = str(x.dtype)
        return x.sum(axis=1)
def model_fn(model_dir): return Sum()
"""
    npy = io.BytesIO()
    np.save(npy, np.array([[1.5, 2], [3, 4]]))
    with Served(script) as s:
        assert s.ask("[[1, 2], [3, 4]]") == (200, "application/json", b"[3.0, 7.0]")
        assert s.ask("1,2\n3,4", "text/csv", "text/csv") == (200, "text/csv; charset=utf-8", b"3.0\n7.0\n")
        status, kind, body = s.ask(npy.getvalue(), "application/x-npy", "application/x-npy")
        assert (status, kind) == (200, "application/x-npy")
        assert np.load(io.BytesIO(body)).tolist() == [3.5, 7.0]
        assert s.ask("1,2\n3,4", "text/csv", "image/png, text/csv")[0] == 200
        status, _, body = s.ask("<a/>", "text/xml")
        assert status == 415 and b"Content type text/xml is not supported" in body, body
        assert s.ask("[[1]]", None, "text/xml")[0] == 406
        status, _, body = s.ask("{", "application/json")
        assert status == 500 and b"JSONDecodeError" in body
        objects = io.BytesIO()
        np.save(objects, np.array([{}]))
        assert s.ask(objects.getvalue(), "application/x-npy")[0] == 500  # it may be code


def defaults_of_xgboost():
    random = np.random.default_rng(7)
    x = random.normal(size=(100, 3)).astype(np.float32)
    x[0, 1] = np.nan
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(x, label=x[:, 0] > 0), 5)
    script = """
import os, xgboost
from sagemaker_xgboost_container import encoder
def model_fn(model_dir):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(model_dir, "m.json"))
    return booster
"""
    want = booster.predict(xgboost.DMatrix(x[:2]))
    with Served(script, "xgboost", {"m.json": bytes(booster.save_raw("json"))}) as s:
        rows = "\n".join(",".join("" if np.isnan(v) else repr(float(v)) for v in row) for row in x[:2])
        status, kind, body = s.ask(rows, "text/csv", "text/csv")
        assert (status, kind) == (200, "text/csv; charset=utf-8"), body
        np.testing.assert_array_equal(np.array(body.split(), np.float32), want)
        assert json.loads(s.ask(rows + "\n", "text/csv")[2]) == [float(v) for v in want]
        libsvm = "\n".join("0 " + " ".join(f"{i}:{float(v)!r}" for i, v in enumerate(row)
                                           if not np.isnan(v)) for row in x[:2])
        assert json.loads(s.ask(libsvm, "text/libsvm")[2]) == [float(v) for v in want]
        assert s.ask("[[1, 2, 3]]", "application/json")[0] == 415
        status, _, body = s.ask("1,2,3\n4,5", "text/csv")
        assert status == 500 and b"row 2 has 2 fields, and the first has 3" in body


def a_request_that_fails_is_told_and_the_next_is_answered():
    script = ECHO.replace("    return [type", """
    if data == "raise": raise KeyError("color")
    if data == "exit": raise SystemExit(3)
    return [type""", 1)
    with Served(script) as s:
        status, kind, body = s.ask("raise")
        assert status == 500 and kind.startswith("text/plain")
        text = body.decode()
        assert text.startswith("'color'\nTraceback") and "KeyError: 'color'" in text, text
        assert "clary_inference" not in text, text
        assert s.ask("exit")[0] == 500
        assert s.ask("1")[0] == 200
        assert "KeyError: 'color'" in s.text()
        assert s.send("GET", "/nothing")[0] == 404
        assert s.send("GET", "/invocations")[0] == 405
        assert s.send("GET", "/ping")[0] == 200
        assert s.send("GET", "/execution-parameters")[0] == 404
        assert s.ask(b"x" * 1_000_001)[0] == 413
        assert s.ask(b"x" * 1_000_000, "x/y")[0] == 200


def execution_parameters_are_the_scripts():
    with Served(ECHO + "\ndef execution_parameters_fn(): return {'MaxPayloadInMB': 3}\n") as s:
        assert s.send("GET", "/execution-parameters") == (200, "application/json", b'{"MaxPayloadInMB": 3}')


def a_worker_that_dies_is_replaced():
    script = ECHO.replace("    return [type", """
    import os
    if data == "die": os._exit(9)
    if data == "kill": os.kill(os.getpid(), 9)
    if data == "pid": return [os.getpid()]
    return [type""", 1)
    with Served(script, SAGEMAKER_MODEL_SERVER_WORKERS="2") as s:
        for how in ("die", "kill"):
            try:
                s.ask(how)
                raise AssertionError("a worker that is gone has answered")
            except (ConnectionError, http.client.HTTPException):
                pass
            assert s.ask("1")[0] == 200  # the other one, or the next
        wait_for(lambda: "exited with status 9" in s.text() and "ended by signal 9" in s.text())
        wait_for(lambda: len({s.ask("pid")[2] for _ in range(20)}) == 2)


def a_request_that_hangs_is_ended():
    script = ECHO.replace("    return [type", """
    import signal, time
    if data == "loop":
        while True: time.sleep(0.01)
    if data == "deaf":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        time.sleep(1000)
    return [type""", 1)
    with Served(script, SAGEMAKER_MODEL_SERVER_TIMEOUT="1") as s:
        status, _, body = s.ask("loop")
        assert status == 500 and b"did not answer within 1 s" in body and b"time.sleep(0.01)" in body, body
        assert s.ask("1")[0] == 200
        try:
            s.ask("deaf")
            raise AssertionError("it has answered")
        except (ConnectionError, http.client.HTTPException):
            pass
        assert s.ask("1")[0] == 200
        assert "its worker is killed" in s.text()


def a_script_that_cannot_be_loaded_says_why_last():
    def end(script, **more):
        with Served(script, **more) as s:
            code, line = s.ended()
            assert code == 1, (code, s.text())
            return line

    assert end("def model_fn(model_dir): raise RuntimeError('no weights')") == "RuntimeError: no weights"
    assert "SyntaxError" in end("def model_fn(:")
    assert end("import nowhere") == "ModuleNotFoundError: No module named 'nowhere'"
    assert "has no model_fn(model_dir)" in end("x = 1")
    assert "has no model_fn(model_dir)" in end(None)
    assert "is in none of: " in end(None, SAGEMAKER_PROGRAM="other.py")
    assert "Cannot use transform_fn implementation" in end(
        ECHO + "def transform_fn(model, data, content_type, accept): pass")
    assert "takes 4 arguments" in end("def model_fn(a, b, c, d): pass")
    assert "SAGEMAKER_MODEL_SERVER_WORKERS" in end(ECHO, SAGEMAKER_MODEL_SERVER_WORKERS="many")
    assert "was ended by signal 9" in end("import os\nos.kill(os.getpid(), 9)")


def a_model_fn_that_hangs_shows_where_when_it_is_stopped():
    with Served("import time\ndef model_fn(model_dir):\n    print('here')\n    time.sleep(1000)\n") as s:
        wait_for(lambda: "here" in s.text())
        s.process.send_signal(signal.SIGTERM)
        assert s.process.wait(30) == 0
        assert "in model_fn" in s.text(), s.text()


def what_has_begun_is_answered_at_the_end():
    script = ECHO.replace("    return [type", "    import time; time.sleep(0.3)\n    return [type", 1)
    with Served(script) as s:
        assert s.ask("1")[0] == 200
        connections = [Connection(s.path) for _ in range(3)]
        for connection in connections:
            connection.request("POST", "/invocations", "1")
        s.process.send_signal(signal.SIGTERM)
        assert [c.getresponse().status for c in connections] == [200, 200, 200]
        assert s.process.wait(30) == 0


def scripts_may_have_modules_and_names_of_any_kind():
    with Served(None, files={"code/http.py": ECHO.encode(), "code/worker.py": b"value = 5\n"},
                SAGEMAKER_PROGRAM="http.py") as s:
        assert s.ask("1")[0] == 200, s.text()
    with Served("import worker, contract\n" + ECHO.replace('{"dir": model_dir}', "worker.value"),
                files={"code/worker.py": b"value = 5\n", "code/contract.py": b""}) as s:
        assert s.ask("1")[0] == 200, s.text()


class Library(threading.Thread):
    """In the place of src/serving/model_library.cc: models that are Python code, by name."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder = pathlib.Path(folder)
        self.models = {}
        self.etags = {}
        self.removed = []
        library = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def say(self, status, document):
                body = json.dumps(document).encode() if not isinstance(document, bytes) else document
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                name = self.headers["X-Amzn-SageMaker-Target-Model"]
                if name not in library.models:
                    return self.say(404, b"there is no such model")
                self.say(200, {"etag": library.etags[name]})

            def do_POST(self):
                name = self.headers["X-Amzn-SageMaker-Target-Model"]
                if library.models[name] is None:
                    return self.say(422, b"it is no archive")
                number = len(list(library.folder.iterdir())) + 1
                code = library.folder / str(number) / "code"
                code.mkdir(parents=True)
                (code / "inference.py").write_text(library.models[name])
                self.say(200, {"etag": library.etags[name], "id": number, "path": str(code.parent)})

            def do_DELETE(self):
                library.removed.append(int(self.path.rsplit("/", 1)[1]))
                self.say(200, b"")

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def get_request(self):
                connection, _ = super().get_request()
                return connection, ("library", 0)

        (self.folder / "models").mkdir()
        self.folder = self.folder / "models"
        self.path = str(self.folder.parent / "l.sock")
        self.server = Server(self.path, Handler)
        self.start()

    def run(self):
        self.server.serve_forever()

    def put(self, name, code):
        self.models[name] = code
        self.etags[name] = str(time.monotonic())


def many(folder, **environment):
    library = Library(folder)
    return library, Served(**{"CLARY_MODELS": library.path, "CLARY_MODELS_MEMORY": str(1 << 40),
                              "SAGEMAKER_MULTI_MODEL": "true", **environment})


def ask_model(served, name, body="1", **headers):
    return served.send("POST", "/invocations", body, {
        "Content-Type": "text/csv", "X-Amzn-SageMaker-Target-Model": name, **headers})


def model_code(value):
    return ("import os, time\ndef model_fn(model_dir): return %r\n"
            "def transform_fn(model, data, content_type, accept):\n"
            "    if data == 'die': os._exit(7)\n"
            "    if data == 'hang': time.sleep(1000)\n"
            "    return '%%s %%s %%d' %% (model, data, os.getpid())\n" % value)


def many_models_have_a_process_each():
    with tempfile.TemporaryDirectory() as folder:
        library, served = many(folder)
        with served as s:
            assert s.send("GET", "/ping")[0] == 200
            library.put("a.tar.gz", model_code("A"))
            library.put("b/c.tar.gz", model_code("B"))
            first = ask_model(s, "a.tar.gz")[2].split()
            assert first[:2] == [b"A", b"1"], (first, s.text())
            other = ask_model(s, "b/c.tar.gz")[2].split()
            assert other[0] == b"B" and other[2] != first[2]
            assert ask_model(s, "a.tar.gz")[2].split() == first
            # Another object under the name is another model at once.
            library.put("a.tar.gz", model_code("C"))
            assert ask_model(s, "a.tar.gz")[2].startswith(b"C 1")
            wait_for(lambda: library.removed == [1])
            # A worker that dies takes its request along, no other.
            try:
                ask_model(s, "b/c.tar.gz", "die")
                raise AssertionError("it has answered")
            except (ConnectionError, http.client.HTTPException):
                pass
            assert ask_model(s, "b/c.tar.gz")[2].startswith(b"B 1")
            del library.models["b/c.tar.gz"]
            assert ask_model(s, "b/c.tar.gz")[0] == 404


def many_models_that_are_none():
    with tempfile.TemporaryDirectory() as folder:
        library, served = many(folder)
        with served as s:
            status, _, body = ask_model(s, "nowhere")
            assert (status, body) == (404, b"there is no such model")
            library.put("archive", None)
            assert ask_model(s, "archive")[::2] == (500, b"it is no archive")
            library.put("bad", "def model_fn(d): raise RuntimeError('no weights')")
            for _ in range(2):
                status, _, body = ask_model(s, "bad")
                assert status == 500 and b"the model bad cannot be loaded" in body, body
                assert b"RuntimeError: no weights" in body
            library.put("killed", "import os\nos.kill(os.getpid(), 9)")
            assert b"was ended by signal 9" in ask_model(s, "killed")[2]
            wait_for(lambda: len(library.removed) >= 2)
            library.put("bad", model_code("good"))
            assert ask_model(s, "bad")[2].startswith(b"good")


def models_that_nobody_asks_for_make_room():
    with tempfile.TemporaryDirectory() as folder:
        library, served = many(folder, CLARY_MODELS_MEMORY="1")
        with served as s:
            for name in ("a", "b", "c"):
                library.put(name, model_code(name))
            for name in ("a", "b", "a", "c"):
                assert ask_model(s, name)[2].startswith(name.encode())
            # The second request for "a" may still have met the first one's model.
            unloads = []

            def only_c():
                listed = json.loads(s.send("GET", "/models")[2])
                unloads.extend(listed["unloads_us"])
                return [m["modelName"] for m in listed["models"]] == ["c"] and len(unloads) >= 2

            wait_for(only_c)
            assert len(library.removed) >= 2 and all(us > 0 for us in unloads), (library.removed, unloads)
            assert ask_model(s, "c")[0] == 200
    with tempfile.TemporaryDirectory() as folder:
        library, served = many(folder, CLARY_MODELS_CACHE="Disabled")
        with served as s:
            library.put("a", model_code("A"))
            pids = {ask_model(s, "a")[2] for _ in range(3)}
            assert len(pids) == 3, pids


def many_models_hang_alone():
    with tempfile.TemporaryDirectory() as folder:
        library, served = many(folder, SAGEMAKER_MODEL_SERVER_TIMEOUT="1")
        with served as s:
            library.put("a", model_code("A"))
            library.put("b", model_code("B"))
            assert ask_model(s, "a")[0] == ask_model(s, "b")[0] == 200
            hung = Connection(s.path)
            hung.request("POST", "/invocations", "hang", {"Content-Type": "text/csv",
                                                          "X-Amzn-SageMaker-Target-Model": "a"})
            assert ask_model(s, "b")[0] == 200
            assert hung.getresponse().status == 500
            assert ask_model(s, "a")[2].startswith(b"A")


def main():
    tests = [
        many_models_have_a_process_each, many_models_that_are_none,
        models_that_nobody_asks_for_make_room, many_models_hang_alone,
        functions_get_what_the_images_give_them, answers_of_all_forms, defaults_of_scikit_learn,
        defaults_of_xgboost, a_request_that_fails_is_told_and_the_next_is_answered,
        execution_parameters_are_the_scripts, a_worker_that_dies_is_replaced,
        a_request_that_hangs_is_ended, a_script_that_cannot_be_loaded_says_why_last,
        a_model_fn_that_hangs_shows_where_when_it_is_stopped, what_has_begun_is_answered_at_the_end,
        scripts_may_have_modules_and_names_of_any_kind]
    for test in tests:
        test()
        print("ok", test.__name__)


main()

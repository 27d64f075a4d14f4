"""The container's first process where it serves many models: one worker for each that is loaded, so that
their modules do not meet and a model that goes gives its memory back. It looks at the head of a request
and hands the connection to the model's worker."""
import array
import json
import mmap
import os
import select
import signal
import socket
import time
import traceback

from clary_inference import contract, http, library, worker
from clary_inference.worker import say

MAX_MODELS = 1000    # loaded at once
LOAD_LIMIT = 360.0   # seconds that model_fn may take
HEAD_LIMIT = 2.0     # and that a request's head may
BODY_LIMIT = 10.0    # and a body that is not wanted
PAGE = os.sysconf("SC_PAGESIZE")
TEXT = "text/plain; charset=utf-8"


def send_connection(channel, connection):
    channel.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                              array.array("i", [connection.fileno()]))])


def take_connection(channel):
    """The next one. BlockingIOError: there is none."""
    descriptors = array.array("i")
    data, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_LEN(descriptors.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[:descriptors.itemsize])
    if not data or not descriptors:
        raise BlockingIOError()
    return socket.socket(fileno=descriptors[0])


class Model(worker.Place):
    """One that is loaded, or being."""

    def __init__(self, name, etag, slot):
        super().__init__(slot)
        self.name = name
        self.etag = etag
        self.used = 0       # when, in requests
        self.begun = 0.0    # when its worker began to load it
        self.retired = 0.0  # when it was told to go
        self.channel, self.source = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.setblocking(False)
        self.source.setblocking(False)

    def close(self):
        self.channel.close()
        self.source.close()

    def waits(self):
        """Whether somebody waits for it whose connection no worker has taken."""
        waiting = select.poll()  # select() knows small descriptors only
        waiting.register(self.source, select.POLLIN)
        return bool(waiting.poll(0))

    def memory(self):
        """Bytes of its own."""
        try:
            with open("/proc/%d/statm" % self.pid) as statm:
                _, resident, shared = statm.read().split()[:3]
        except OSError:
            return 0
        return (int(resident) - int(shared)) * PAGE


class Server:
    def __init__(self, settings, listener):
        self.settings = settings
        self.listener = listener
        self.library = library.Library(settings.library)
        self.memory = mmap.mmap(-1, worker.Slot.SIZE * MAX_MODELS)
        self.free = list(range(MAX_MODELS))
        self.models = {}   # by name
        self.going = []    # retired, whose workers still answer what they have begun
        self.requests = 0
        self.grown = False  # a model was loaded
        self.unloads = []   # microseconds of each that has gone since they were asked for
        self.stopping = False

    def run(self):
        """Until SIGTERM. The process's exit code."""
        awake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGUSR2, self._loaded)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        ready = select.epoll()
        ready.register(self.listener, select.EPOLLIN)
        ready.register(awake, select.EPOLLIN)
        while True:
            for descriptor, _ in ready.poll(1.0):
                if descriptor == awake:
                    try:
                        os.read(awake, 512)
                    except BlockingIOError:
                        pass
            self._accept()
            self._reap()
            self._watch(time.monotonic())
            if self.grown:
                self.grown = False
                self._make_room()
            if self.stopping:
                for model in list(self.models.values()):
                    self._retire(model)
                if not self.going:
                    return 0

    def _stop(self, number, frame):
        self.stopping = True

    def _loaded(self, number, frame):
        self.grown = True

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                return
            try:
                self._place(connection)
            except (OSError, http.Gone, http.BadRequest):
                connection.close()

    def _head(self, connection):
        """The request's head; its bytes stay for who answers it."""
        connection.settimeout(HEAD_LIMIT)
        end = time.monotonic() + HEAD_LIMIT
        while True:
            data = connection.recv(http.MAX_HEAD + 4, socket.MSG_PEEK)
            if not data:
                raise http.Gone()
            found = http.read_head(data)
            if found:
                connection.settimeout(None)
                return found[0]
            if time.monotonic() > end:
                raise http.Gone()
            time.sleep(0.0005)

    def _place(self, connection):
        request = self._head(connection)
        if request.path == "/models":
            self._answer(connection, self._listing())
            return
        if request.path != "/invocations":
            status = 200 if request.path == "/ping" else 404
            self._answer(connection, contract.Answer(status, TEXT, b""))
            return
        name = request.headers.get("x-amzn-sagemaker-target-model", "")
        try:
            etag = self.library.etag(name)
        except library.Refused as error:
            self._refuse(connection, error.status, str(error))
            return
        model = self.models.get(name)
        if model and model.etag != etag:
            self._retire(model)
            model = None
        if model is None:
            if not self.free:
                self._refuse(connection, 503, "%d models are loaded or being" % MAX_MODELS)
                return
            model = Model(name, etag, worker.Slot(self.memory, self.free.pop()))
            self.models[name] = model
            self._start(model, connection)
        self.requests += 1
        model.used = self.requests
        try:
            send_connection(model.channel, connection)
            connection.close()
        except BlockingIOError:
            self._refuse(connection, 503, "too many requests wait for the model %s" % name)

    def _listing(self):
        loaded = [{"modelName": model.name, "modelUrl": model.name}
                  for model in self.models.values() if model.slot.is_loaded()]
        unloads, self.unloads = self.unloads, []
        return contract.Answer(200, "application/json",
                               json.dumps({"models": loaded, "unloads_us": unloads}).encode())

    def _answer(self, connection, answer):
        connection.settimeout(BODY_LIMIT)
        with connection:
            try:
                http.read_request(connection, self.settings.max_body)
            except http.BadRequest:
                pass
            http.write_answer(connection, answer)

    def _refuse(self, connection, status, text):
        answer = contract.Answer(500 if status == 422 else status, TEXT, text.encode())
        if status == 404:
            answer.headers["X-Clary-Model"] = "missing"
        say("%d: %s" % (answer.status, text))
        self._answer(connection, answer)

    def _start(self, model, connection):
        """Its worker; `connection` is one that this process has, and the worker is to get by its channel."""
        model.slot.clear()
        model.told = 0.0
        model.begun = time.monotonic()
        model.pid = os.fork()
        if model.pid == 0:
            self._become_worker(model, connection)

    def _become_worker(self, model, connection):
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            for other in list(self.models.values()) + self.going:
                if other is not model:
                    other.close()
            self.listener.close()
            if connection is not None:
                connection.close()
            one = worker.Worker(self.settings, model.slot)
            own = library.Library(self.settings.library)
            status, why = 500, None
            try:
                began = time.monotonic()
                number, folder = own.bring(model.name)
                model.slot.set_files(number)
                brought = time.monotonic()
            except library.Refused as error:
                status, why = error.status, str(error)
            if why is None:
                say("loading model %s" % model.name)
                why = one.load(self.settings.environment, folder, multi_model=True)
            if why is not None:
                self._refuse_all(model, status, "the model %s cannot be loaded: %s" % (model.name, why)
                                 if status == 500 else why)
                os._exit(worker.LOAD_FAILED)
            loaded = time.monotonic()
            one.loading = "wait=%d download=%d load=%d" % tuple(
                1000000 * seconds for seconds in (loaded - began, brought - began, loaded - brought))
            one.serve(model.source, lambda: take_connection(model.source), self.settings.keep)
            os._exit(0)
        except BaseException:  # a fault of ours
            traceback.print_exc()
            os._exit(1)

    def _refuse_all(self, model, status, text):
        while True:
            try:
                connection = take_connection(model.source)
            except BlockingIOError:
                return
            try:
                self._refuse(connection, status, text)
            except (OSError, http.Gone):
                pass

    def _retire(self, model):
        """It answers what waits for it, and goes."""
        self.models.pop(model.name, None)
        model.retired = time.monotonic()
        self.going.append(model)
        if model.slot.is_loaded() or self.stopping:
            os.kill(model.pid, signal.SIGTERM)

    # The least recently used models go until the rest has room; never the one that was used last.
    def _make_room(self):
        by_use = sorted(self.models.values(), key=lambda m: m.used)
        total = sum(m.memory() for m in by_use)
        for model in by_use[:-1]:
            if total <= self.settings.memory:
                return
            if model.slot.is_loaded():
                total -= model.memory()
                say("model %s unloaded to make room" % model.name)
                self._retire(model)

    def _watch(self, now):
        for model in list(self.models.values()) + self.going:
            model.watch(now, self.settings.timeout)
            loaded = model.slot.is_loaded()
            if not loaded and now - model.begun > LOAD_LIMIT:
                say("the model %s was not loaded within %d s" % (model.name, LOAD_LIMIT))
                model.begun = now
                os.kill(model.pid, signal.SIGTERM)
            elif loaded and model.retired:
                os.kill(model.pid, signal.SIGTERM)

    def _reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for model in list(self.models.values()) + self.going:
                if model.pid == pid:
                    self._ended(model, worker.exit_code(status))

    def _ended(self, model, code):
        loaded = model.slot.is_loaded()
        if model.slot.files():
            try:
                self.library.remove(model.slot.files())
            except (library.Refused, OSError):
                pass  # the folder goes with the container
        if loaded and code != 0:
            say("the worker of model %s %s" % (model.name, worker.ending(code)))
        waits = model.waits()
        if waits and (loaded or code == worker.LOAD_FAILED):
            self._start(model, None)
            return
        if waits:
            self._refuse_all(model, 500, "the model %s cannot be loaded: its worker %s"
                             % (model.name, worker.ending(code)))
        if self.models.get(model.name) is model:
            del self.models[model.name]
        if model in self.going:
            self.going.remove(model)
            if loaded and len(self.unloads) < MAX_MODELS:
                self.unloads.append(int(1000000 * (time.monotonic() - model.retired)))
        self.free.append(model.slot.index)
        model.close()

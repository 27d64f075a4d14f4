"""A process that holds a script with its model and answers one request after another."""
import faulthandler
import os
import select
import signal
import sys
import time
import traceback

from clary_inference import contract, http

LOAD_FAILED = 3   # exit code: the script or its model could not be loaded; the log says why
SPENT = 4         # exit code: it has ended a request that took too long, and with that itself
KILL_AFTER = 2.0  # seconds that a request may still take once it was told that it took too long


class TimeLimit(BaseException):
    """A request takes too long. No Exception: scripts catch those."""


def say(line):
    print("[clary] " + line + "\n", end="", flush=True)  # one write: print's own end would be a second


class Worker:
    """`slot` tells the master what this worker does."""

    def __init__(self, settings, slot):
        self.settings = settings
        self.slot = slot
        self.script = None
        self.stopping = False
        self.loading = None  # of one of many models: X-Clary-Model-Load of the next answer

    # --- Until the model is there.

    def load(self, environment, model_dir, multi_model=False, quiet=False):
        """None, or why it cannot be, which is in the log then. A SIGTERM shows where it hangs."""
        faulthandler.register(signal.SIGTERM, all_threads=True, chain=True)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        try:
            self.script = contract.Script(environment, model_dir, multi_model,
                                          (lambda line: None) if quiet else say)
        except contract.BadScript as error:
            print(error, file=sys.stderr, flush=True)
            return str(error)
        except BaseException:
            text = traceback.format_exc()
            print(text, end="", file=sys.stderr, flush=True)
            return text
        faulthandler.unregister(signal.SIGTERM)
        return None

    # --- Then.

    def serve(self, source, take, keep=True):
        """Answers connections as `take` gives them out of the socket `source`, which may be shared, until
        SIGTERM and then until no more wait; only one if not `keep`."""
        awake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGUSR1, self._limit)
        ready = select.epoll()
        # One worker wakes for a connection, not all.
        ready.register(source, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        ready.register(awake, select.EPOLLIN)
        self.slot.loaded()
        while True:
            try:
                connection = take()
            except BlockingIOError:
                if self.stopping:
                    return
                if any(fd == awake for fd, _ in ready.poll()):
                    os.read(awake, 512)
                continue
            self.answer(connection)
            if not keep:
                return

    def answer(self, connection):
        """Answers the request of a connection and closes it."""
        self.slot.begin()
        try:
            with connection:
                self._answer(connection)
        except TimeLimit:  # between the answer and its end
            os._exit(SPENT)
        except (OSError, http.Gone):
            pass  # nobody waits for the answer any more
        except Exception:  # the script's, amid an answer in parts: its client sees that it is cut
            traceback.print_exc()
        finally:
            self.slot.end()

    def _answer(self, connection):
        try:
            request = http.read_request(connection, self.settings.max_body)
            answer = self._answer_to(request)
        except http.BadRequest as error:
            answer = contract.Answer(error.status, "text/plain; charset=utf-8",
                                     (str(error) + "\n").encode())
        except TimeLimit as limit:
            answer = contract.failed(TimeoutError(
                "the script did not answer within %g s (SAGEMAKER_MODEL_SERVER_TIMEOUT)"
                % self.settings.timeout).with_traceback(limit.__traceback__))
            http.write_answer(connection, answer)
            connection.close()
            os._exit(SPENT)
        if self.loading:
            answer.headers["X-Clary-Model-Load"], self.loading = self.loading, "hit"
        http.write_answer(connection, answer)

    def _answer_to(self, request):
        path = request.path
        if path == "/invocations":
            if request.method != "POST":
                return contract.Answer(405, "text/plain; charset=utf-8", b"Method Not Allowed\n")
            try:
                return self.script.invoke(request.headers, request.body)
            except TimeLimit:
                raise
            except BaseException as error:  # sys.exit() in a script ends a request, not the worker
                return contract.failed(error)
        if path == "/ping":
            return contract.Answer(200, "text/plain; charset=utf-8", b"")
        if path == "/execution-parameters":
            answer = self.script.execution_parameters()
            if answer is not None:
                return answer
        return contract.Answer(404, "text/plain; charset=utf-8", b"Not Found\n")

    def _stop(self, number, frame):
        self.stopping = True

    def _limit(self, number, frame):
        if self.slot.busy():
            raise TimeLimit()


class Slot:
    """A worker's place in the memory that it shares with the master, in doubles: when its request has
    begun (0: it has none); 1 once its model is loaded; the number of its files in the library."""

    SIZE = 24

    def __init__(self, memory, index):
        self.index = index
        self._cell = memoryview(memory)[index * self.SIZE:(index + 1) * self.SIZE].cast("d")

    def clear(self):
        self._cell[0] = self._cell[1] = self._cell[2] = 0

    def set_files(self, number):
        self._cell[2] = number

    def files(self):
        return int(self._cell[2])

    def begin(self):
        self._cell[0] = time.monotonic()

    def end(self):
        self._cell[0] = 0

    def busy(self):
        return self._cell[0] != 0

    def since(self):
        return self._cell[0]

    def loaded(self):
        self._cell[1] = 1
        os.kill(os.getppid(), signal.SIGUSR2)

    def is_loaded(self):
        return self._cell[1] != 0


class Place:
    """Where the master keeps a worker."""

    def __init__(self, slot):
        self.slot = slot
        self.pid = 0
        self.told = 0.0  # when it was told that its request takes too long

    def watch(self, now, timeout):
        """Ends a request that takes longer than `timeout` seconds, or its worker."""
        since = self.slot.since()
        if not self.pid or not since or now - since < timeout:
            self.told = 0.0
        elif not self.told:
            self.told = now
            os.kill(self.pid, signal.SIGUSR1)
        elif now - self.told > KILL_AFTER:
            say("a request took more than %d s (SAGEMAKER_MODEL_SERVER_TIMEOUT) and could not be "
                "ended: its worker is killed" % timeout)
            os.kill(self.pid, signal.SIGKILL)


def exit_code(status):
    """Of what waitpid() tells; of a signal its negative number."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def ending(code):
    """How a worker ended, in words."""
    if code == SPENT:
        return "was replaced after its time limit"
    return "was ended by signal %d" % -code if code < 0 else "exited with status %d" % code

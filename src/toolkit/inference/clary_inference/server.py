"""The container's first process: it owns the listening socket, and workers that answer from it. It runs
nothing of the user's itself, so that it can tell how they fail."""
import logging
import mmap
import os
import signal
import socket
import sys
import time
import traceback

from clary_inference import many, worker
from clary_inference.worker import say

MAX_WORKERS = 256
FIRST_DELAY = 0.1     # seconds before a worker that could not load is tried again; doubles
MAX_DELAY = 10.0
MAX_FAILURES = 3      # loads in a row that fail while no worker answers: then this ends, too
SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR2}


class Settings:
    """What the environment says. ValueError: it contradicts itself."""

    def __init__(self, environment):
        self.environment = environment
        self.library = environment.get("CLARY_MODELS", "")  # of many models: a socket
        self.memory = int(environment.get("CLARY_MODELS_MEMORY", "0"))
        self.keep = environment.get("CLARY_MODELS_CACHE") != "Disabled"
        self.model_dir = environment["CLARY_MODEL_DIR"]
        self.max_body = int(environment["CLARY_MAX_BODY"])
        self.workers = self._number("SAGEMAKER_MODEL_SERVER_WORKERS", environment["SM_NUM_CPUS"],
                                    1, MAX_WORKERS)
        self.timeout = self._number("SAGEMAKER_MODEL_SERVER_TIMEOUT",
                                    environment["CLARY_INVOCATION_TIMEOUT"], 1, 86400)

    def _number(self, name, fallback, least, most):
        text = self.environment.get(name) or fallback
        try:
            number = int(text)
        except ValueError:
            number = -1
        if not least <= number <= most:
            raise ValueError("%s is \"%s\", and has to be a whole number from %d to %d"
                             % (name, text, least, most))
        return number


class Place(worker.Place):
    """Of one worker after another."""

    def __init__(self, slot):
        super().__init__(slot)
        self.failures = 0     # loads in a row
        self.not_before = 0.0


class Server:
    def __init__(self, settings, listener):
        self.settings = settings
        self.listener = listener
        memory = mmap.mmap(-1, worker.Slot.SIZE * settings.workers)
        self.places = [Place(worker.Slot(memory, i)) for i in range(settings.workers)]
        self.answered = False  # a worker was ready once
        self.stopping = False

    def run(self):
        """Until SIGTERM, or until no worker can be had. The process's exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        while True:
            if self.stopping and not any(place.pid for place in self.places):
                return 0
            now = time.monotonic()
            self._start(now)
            self._watch(now)
            got = signal.sigtimedwait(SIGNALS, self._pause(now))
            if got is not None and got.si_signo in (signal.SIGTERM, signal.SIGINT):
                self._stop()
            if not self._reap(time.monotonic()):
                return 1

    def _pause(self, now):
        waits = [place.not_before - now for place in self.places if not place.pid]
        return max(0.01, min([1.0, self.settings.timeout / 4] + [w for w in waits if w > 0]))

    # The first worker alone, so that it has the machine until it answers; then the others.
    def _start(self, now):
        if self.stopping:
            return
        self.answered = self.answered or any(place.slot.is_loaded() for place in self.places)
        for place in self.places if self.answered else self.places[:1]:
            if place.pid or place.not_before > now:
                continue
            place.slot.clear()
            place.told = 0.0
            place.pid = os.fork()
            if place.pid == 0:
                self._become_worker(place)

    def _become_worker(self, place):
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            one = worker.Worker(self.settings, place.slot)
            if one.load(self.settings.environment, self.settings.model_dir, quiet=self.answered):
                os._exit(worker.LOAD_FAILED)
            one.serve(self.listener, lambda: self.listener.accept()[0])
            os._exit(0)
        except BaseException:  # a fault of ours
            traceback.print_exc()
            os._exit(1)

    def _watch(self, now):
        for place in self.places:
            place.watch(now, self.settings.timeout)

    def _stop(self):
        self.stopping = True
        for place in self.places:
            if place.pid:
                os.kill(place.pid, signal.SIGTERM)

    # False: there is no use in going on.
    def _reap(self, now):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return True
            for place in self.places:
                if place.pid == pid:
                    place.pid = 0
                    if not self._ended(place, worker.exit_code(status), now):
                        return False

    def _ended(self, place, code, now):
        if self.stopping:
            return True
        how = worker.ending(code)
        if place.slot.is_loaded():
            place.failures = 0
            say("a worker %s; another one starts" % how)
            return True
        if code != worker.LOAD_FAILED:
            say("a worker %s while it loaded the model" % how)
        if not self.answered:
            return False
        place.failures += 1
        place.not_before = now + min(MAX_DELAY, FIRST_DELAY * 2 ** min(place.failures - 1, 10))
        others = any(other.pid and other.slot.is_loaded() for other in self.places)
        return others or place.failures < MAX_FAILURES


def main():
    environment = dict(os.environ)
    for name in list(os.environ):
        if name.startswith("CLARY_"):
            del os.environ[name]
    level = environment.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "20")
    logging.basicConfig(level=int(level) if level.isdigit() else logging.INFO, stream=sys.stdout,
                        format="%(asctime)s %(levelname)s - %(name)s - %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)  # it tells where it found its keys
    try:
        settings = Settings(environment)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    listener = socket.socket(fileno=int(environment["CLARY_LISTENER"]))
    listener.setblocking(False)
    say("Python %s, %s, %d s for a request"
        % (sys.version.split()[0], "a process for each model" if settings.library else
           "%d worker%s" % (settings.workers, "s" if settings.workers > 1 else ""),
           settings.timeout))
    if settings.library:
        return many.Server(settings, listener).run()
    return Server(settings, listener).run()

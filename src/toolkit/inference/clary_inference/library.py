"""Where a container of many models gets them: the other end of src/serving/model_library.cc."""
import json
import socket

from clary_inference.http import BUFFER


class Refused(Exception):
    """There is no such model (404), no such name (400), or it is no archive (422)."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Library:
    """One connection, kept. Of one process: a forked one makes its own."""

    def __init__(self, path):
        self.path = path
        self.connection = None

    def etag(self, name):
        """The model as it is now."""
        return self._ask("GET", "/model", name)["etag"]

    def bring(self, name):
        """(number, folder) of its files, which stay until remove(number)."""
        brought = self._ask("POST", "/model", name)
        return brought["id"], brought["path"]

    def remove(self, number):
        self._ask("DELETE", "/model/%d" % number, "")

    def _ask(self, method, path, name):
        if any(ord(c) < 32 for c in name):
            raise Refused(400, "a model's name has no control characters")
        request = ("%s %s HTTP/1.1\r\nHost: library\r\nContent-Length: 0\r\n"
                   "X-Amzn-SageMaker-Target-Model: %s\r\n\r\n" % (method, path, name)).encode("latin-1")
        try:
            status, body = self._send(request)
        except OSError:  # it was closed meanwhile
            self.connection = None
            status, body = self._send(request)
        if status != 200:
            raise Refused(status, body.decode(errors="replace"))
        return json.loads(body) if body else {}

    def _send(self, request):
        if self.connection is None:
            self.connection = socket.socket(socket.AF_UNIX)
            self.connection.connect(self.path)
        self.connection.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        lengths = [line.partition(":")[2] for line in lines if line.startswith("content-length:")]
        length = int(lengths[0]) if lengths else 0
        while len(body) < length:
            body += self._more()
        return int(lines[0].split(" ")[1]), body

    def _more(self):
        more = self.connection.recv(BUFFER)
        if not more:
            raise ConnectionError("the library of models has closed")
        return more

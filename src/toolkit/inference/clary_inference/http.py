"""As much of HTTP/1.1 as a container is spoken to in: one request on a connection."""
import http

MAX_HEAD = 64 * 1024
BUFFER = 64 * 1024
REASONS = {status.value: status.phrase for status in http.HTTPStatus}


class BadRequest(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Gone(Exception):
    """The client has closed before its request ended."""


class Request:
    __slots__ = ("method", "path", "headers", "body")


def read_head(data):
    """The request whose first bytes are `data`, and where its body begins there; None: not yet."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > MAX_HEAD:
            raise BadRequest(431, "the request's headers have more than %d bytes" % MAX_HEAD)
        return None
    lines = data[:end].decode("latin-1").split("\r\n")
    request = Request()
    words = lines[0].split(" ")
    if len(words) != 3:
        raise BadRequest(400, "no HTTP request")
    request.method, request.path = words[0], words[1].partition("?")[0]
    request.headers = headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return request, end + 4


def read_request(connection, most):
    """The whole request; a body of at most `most` bytes."""
    data = b""
    found = None
    while found is None:
        more = connection.recv(BUFFER)
        if not more:
            raise Gone()
        data = data + more if data else more
        found = read_head(data)
    request, begin = found
    headers = request.headers
    if "transfer-encoding" in headers:
        raise BadRequest(411, "the request needs a Content-Length")
    length = headers.get("content-length", "0")
    if not length.isdigit():
        raise BadRequest(400, "Content-Length is no number")
    length = int(length)
    body = data[begin:begin + length]
    if len(body) < length:
        if "expect" in headers:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = read_rest(connection, body, length, most)
    if length > most:
        raise BadRequest(413, "Request Entity Too Large: the body has %d bytes, and at most %d are "
                         "taken. Send fewer rows at once, or set MAX_CONTENT_LENGTH in the model's "
                         "Environment." % (length, most))
    request.body = body
    return request


def read_rest(connection, begun, length, most):
    """A body that comes in several parts; what is too long is read and forgotten."""
    kept = bytearray(length if length <= most else BUFFER)
    view = memoryview(kept)
    at = len(begun)
    if length <= most:
        view[:at] = begun
    while at < length:
        into = view[at:] if length <= most else view[:min(BUFFER, length - at)]
        count = connection.recv_into(into)
        if count == 0:
            raise Gone()
        at += count
    return bytes(kept) if length <= most else b""


def _clean(text):
    return str(text).replace("\r", " ").replace("\n", " ")


def write_answer(connection, answer):
    """Sends contract.Answer; small ones in one packet."""
    lines = ["HTTP/1.1 %d %s" % (answer.status, REASONS.get(answer.status, "Status")),
             "Content-Type: " + _clean(answer.content_type), "Connection: close"]
    for name, value in answer.headers.items():
        lines.append("%s: %s" % (_clean(name), _clean(value)))
    body = answer.body
    if not isinstance(body, bytes):
        write_parts(connection, lines, body)
        return
    lines.append("Content-Length: %d\r\n\r\n" % len(body))
    head = "\r\n".join(lines).encode("latin-1", "replace")
    if len(body) <= BUFFER:
        connection.sendall(head + body)
    else:
        connection.sendall(head)
        connection.sendall(body)


def write_parts(connection, lines, parts):
    lines.append("Transfer-Encoding: chunked\r\n\r\n")
    connection.sendall("\r\n".join(lines).encode("latin-1", "replace"))
    for part in parts:
        part = part.encode() if isinstance(part, str) else bytes(part)
        if part:
            connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
    connection.sendall(b"0\r\n\r\n")

"""`ssh [options] host command...` to another host of the job, by its agent."""
import os
import socket
import sys
import threading

import wire

WITH_VALUE = set("BbcDEeFIiJLlmOopQRSWw")


def parse(arguments):
    """The host and the command of a command line."""
    words = list(arguments)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "--":
            break
        if len(option) == 2 and option[1] in WITH_VALUE and words:
            words.pop(0)
    if len(words) < 2:
        sys.exit("ssh: between the hosts of a job it runs commands only: ssh HOST COMMAND")
    return words[0].rsplit("@", 1)[-1], " ".join(words[1:])


def main():
    host, command = parse(sys.argv[1:])
    try:
        connection = wire.ask(host, {"run": command})
    except OSError as error:
        print(f"ssh: connect to host {host} port {wire.PORT}: {error.strerror or error}", file=sys.stderr)
        return 255

    def feed():
        try:
            while True:
                data = os.read(0, 65536)
                wire.send(connection, b"i", data)
                if not data:
                    return
        except OSError:
            pass

    threading.Thread(target=feed, daemon=True).start()
    stream = connection.makefile("rb")
    outputs = {b"o": 1, b"e": 2}
    while True:
        frame = wire.receive(stream)
        if frame is None:
            print(f"ssh: Connection to {host} closed by remote host.", file=sys.stderr)
            return 255
        letter, data = frame
        if letter == b"x":
            connection.shutdown(socket.SHUT_RDWR)
            return int(data)
        while data:
            data = data[os.write(outputs[letter], data):]


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # a thread may still wait for standard input

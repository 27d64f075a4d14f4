"""Runs commands for the other hosts of a job, which stand in one private network: what sshd is in
SageMaker's containers. `agent.py -D` serves for ever, as `sshd -D`; with --until-told it ends when a
host says that it is not needed any more."""
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading

import wire


class Session(socketserver.BaseRequestHandler):
    def handle(self):
        stream = self.request.makefile("rb")
        question = wire.receive(stream)
        if question is None:  # somebody looks whether there is an agent
            return
        wanted = json.loads(question[1].decode())
        if wanted.get("leave"):
            wire.send(self.request, b"x", b"0")
            threading.Thread(target=self.server.shutdown).start()
        else:
            self.run(wanted["run"], stream)

    def run(self, command, stream):
        process = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True, cwd=os.path.expanduser("~"))
        lock = threading.Lock()

        def forward(pipe, letter):
            for data in iter(lambda: pipe.read1(65536), b""):
                try:
                    with lock:
                        wire.send(self.request, letter, data)
                except OSError:
                    return

        def feed():
            while True:
                frame = wire.receive(stream)
                try:
                    if frame is None or not frame[1]:
                        process.stdin.close()
                        return
                    process.stdin.write(frame[1])
                    process.stdin.flush()
                except OSError:
                    return

        readers = [threading.Thread(target=forward, args=pair, daemon=True)
                   for pair in ((process.stdout, b"o"), (process.stderr, b"e"))]
        for thread in readers + [threading.Thread(target=feed, daemon=True)]:
            thread.start()
        code = process.wait()
        # A command may leave a process behind that keeps its output open: orted does.
        for reader in readers:
            reader.join(0.5)
        try:
            with lock:
                wire.send(self.request, b"x", str(code if code >= 0 else 128 - code).encode())
        except OSError:
            pass


class Agent(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    address_family = socket.AF_INET


def main():
    with Agent(("", wire.PORT), Session) as agent:
        if "--until-told" in sys.argv:
            print("[clary] this host waits for the processes that algo-1 starts on it", flush=True)
        agent.serve_forever(0.2)


if __name__ == "__main__":
    main()

"""What agent.py and ssh.py say to each other over one connection.

The first message is a JSON object: {"run": command} or {"leave": true}. Then frames of a letter, a
length and bytes follow in both directions: i is standard input (empty: its end), o and e are output
and errors, x is the exit code, in decimal, and the last.
"""
import json
import os
import socket
import struct
import time

PORT = int(os.environ.get("CLARY_AGENT_PORT", "22"))
HEAD = struct.Struct("!cI")


def send(connection, letter, data=b""):
    connection.sendall(HEAD.pack(letter, len(data)) + data)


def receive(stream):
    """The next letter and its bytes; None when there are no more."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    letter, length = HEAD.unpack(head)
    data = stream.read(length)
    return (letter, data) if len(data) == length else None


def ask(host, question, patience=0.0):
    """A connection to the agent of `host` that was asked; tries again for `patience` seconds."""
    end = time.monotonic() + patience
    while True:
        try:
            connection = socket.create_connection((host, PORT), timeout=30)
            break
        except OSError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.05)
    connection.settimeout(None)
    send(connection, b"q", json.dumps(question).encode())
    return connection

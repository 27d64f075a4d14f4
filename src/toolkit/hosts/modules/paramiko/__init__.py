"""The part of paramiko that SDK v3's MPI driver uses to see whether a host can be reached. The hosts of
a job have an agent there, which is no sshd."""
import os
import socket

from . import client
from .client import AutoAddPolicy, MissingHostKeyPolicy, RejectPolicy, WarningPolicy


class SSHException(Exception):
    pass


class AuthenticationException(SSHException):
    pass


class SSHClient:
    def __init__(self):
        self._connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def load_system_host_keys(self, filename=None):
        pass

    def set_missing_host_key_policy(self, policy):
        pass

    def connect(self, hostname, port=22, *_, **__):
        self._connection = socket.create_connection((hostname, int(os.environ.get("CLARY_AGENT_PORT", port))),
                                                    timeout=30)

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __getattr__(self, name):
        raise SSHException(f"SSHClient.{name} is not there between the hosts of a job; run the command ssh")


__all__ = ["AuthenticationException", "AutoAddPolicy", "MissingHostKeyPolicy", "RejectPolicy", "SSHClient",
           "SSHException", "WarningPolicy", "client"]

"""`mpi.py HOSTS COMMAND...`: runs mpirun, when the agents of the hosts (comma-separated) can be
reached, and tells them when it has ended. Ends as it does."""
import subprocess
import sys

import wire

PATIENCE = 1200.0  # seconds; a host that fails before ends the job


def main():
    hosts = [host for host in sys.argv[1].split(",") if host]
    for host in hosts:
        wire.ask(host, {"run": "true"}, PATIENCE).close()
    try:
        code = subprocess.call(sys.argv[2:])
    except FileNotFoundError:
        print(f"{sys.argv[2]}: not found; install Open MPI on this machine (Debian: openmpi-bin)", file=sys.stderr)
        code = 127
    for host in hosts:
        try:
            connection = wire.ask(host, {"leave": True})
            wire.receive(connection.makefile("rb"))
        except OSError:
            pass  # it has left
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())

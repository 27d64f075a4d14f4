"""A PostgreSQL server of a test's own, in a temporary directory, as an ordinary user."""
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from service import wait_for

PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))


def installed():
    return bool(PROGRAMS)


class Postgres:
    """Listens at a Unix socket only. url is the one for `clary serve --state`."""

    def __init__(self):
        self.bin = pathlib.Path(PROGRAMS[-1])
        self.folder = tempfile.mkdtemp(prefix="clary-pg-")
        self.who = {}
        if os.geteuid() == 0:  # it refuses to run as root
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                user = pwd.getpwnam("nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.url = f"postgres:///postgres?user=clary&host={self.folder}"
        self.process = None
        self._run("initdb", "-D", self.folder + "/data", "-U", "clary", "-A", "trust", "-E", "UTF8",
                  "--locale=C", "--no-sync", "--no-instructions")
        self.start()

    def _run(self, program, *args, **more):
        return subprocess.run([self.bin / program, *args], check=True, capture_output=True, text=True,
                              cwd="/", **self.who, **more)

    def start(self):
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.folder + "/data", "-k", self.folder, "-c",
             "listen_addresses=", "-c", "max_connections=100", "-c", "max_wal_senders=0"],
            cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.who)
        wait_for(lambda: subprocess.run([self.bin / "pg_isready", "-q", "-h", self.folder],
                                        cwd="/").returncode == 0, what="PostgreSQL")

    def query(self, statement):
        return self._run("psql", "-XAtq", "-h", self.folder, "-U", "clary", "-d", "postgres", "-c",
                         statement).stdout.strip()

    def crash(self):
        """Connections break, as when it is killed."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None

    def close(self):
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

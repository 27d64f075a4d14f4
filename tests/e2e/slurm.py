"""A Slurm cluster of a test's own: three nodes on this machine (tests/slurm/cluster.sh)."""
import os
import pathlib
import shutil
import subprocess
import tempfile

SCRIPT = pathlib.Path(__file__).parent.parent / "slurm/cluster.sh"


def installed():
    return all(shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin")
               for tool in ("munged", "slurmctld", "slurmd", "sbatch"))


class Slurm:
    """env is what its clients need."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="clary-slurm-")
        self.env = {"SLURM_CONF": self.folder + "/slurm.conf"}
        self.do("up", str(os.getpid()))

    def do(self, *words):
        done = subprocess.run([SCRIPT, self.folder, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, *argv):
        return subprocess.run(argv, env=os.environ | self.env, capture_output=True, text=True,
                              timeout=60).stdout

    def jobs(self):
        """(number, name, state, nodes) of every job that Slurm knows."""
        lines = self.ask("squeue", "-h", "-t", "all", "-o", "%i|%j|%T|%N").splitlines()
        return [tuple(line.split("|")) for line in lines]

    def saved(self, name):
        """Whether a slurmctld that is killed now would still know the job."""
        try:
            return name.encode() in pathlib.Path(self.folder, "ctld/job_state").read_bytes()
        except OSError:
            return False

    def down(self, node):
        self.ask("scontrol", "update", "nodename=" + node, "state=down", "reason=test")

    def close(self):
        self.do("down")
        shutil.rmtree(self.folder, ignore_errors=True)

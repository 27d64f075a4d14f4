"""The drivers of the SageMaker Python SDK v3 on two hosts, unmodified: torchrun where there is a PyTorch
(of CLARY_TORCH_PYTHON, or of python3), MPI where there is Open MPI with an mpi4py (CLARY_MPI_PYTHON)."""
import os
import shutil
import subprocess
import unittest

import scripts
from service import clary

MPI_SCRIPT = """
import os
import socket
from mpi4py import MPI
world = MPI.COMM_WORLD
total = world.allreduce(world.Get_rank() + 1, op=MPI.SUM)
os.write(1, f"rank {world.Get_rank()} of {world.Get_size()} on {os.environ['SM_CURRENT_HOST']} sum {total}\\n".encode())
"""

TORCH_SCRIPT = """
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
mine = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(mine)
print(f"rank {dist.get_rank()} of {dist.get_world_size()} sum {mine.item()}", flush=True)
dist.destroy_process_group()
"""


def python_with(module, variable):
    for python in (os.environ.get(variable), "/usr/bin/python3"):
        if python and subprocess.run([python, "-c", "import " + module], capture_output=True).returncode == 0:
            return python
    raise unittest.SkipTest(f"no Python here has {module}; name one in {variable}")


class Drivers(scripts.ScriptsTest):
    def train(self, name, script, distributed, image, python):
        from sagemaker.core.helper.session_helper import Session, get_execution_role
        from sagemaker.core.training.configs import Compute, SourceCode
        from sagemaker.train import ModelTrainer
        clary("environments", "add", image.split("/")[-1].split(":")[0] + ":*", python, home=self.service.home)
        self.write(f"{name}/train.py", script)
        trainer = ModelTrainer(
            training_image=image, source_code=SourceCode(source_dir=str(self.dir / name), entry_script="train.py"),
            distributed=distributed, role=get_execution_role(), sagemaker_session=Session(), base_job_name=name,
            compute=Compute(instance_type="ml.m5.large", instance_count=2, volume_size_in_gb=5))
        trainer.train(wait=True, logs=False)
        return self.log(trainer._latest_training_job.training_job_name)

    def test_torchrun(self):
        python = python_with("torch", "CLARY_TORCH_PYTHON")
        from sagemaker.train.distributed import Torchrun
        log = self.train("torch", TORCH_SCRIPT, Torchrun(process_count_per_node=1),
                         "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.3.0-cpu-py311", python)
        for rank in (0, 1):
            self.assertIn(f"rank {rank} of 2 sum 3.0", log)

    def test_mpi(self):
        python = python_with("mpi4py", "CLARY_MPI_PYTHON")
        if shutil.which("mpirun") is None:
            self.skipTest("Open MPI is not installed")
        from sagemaker.train.distributed import MPI
        log = self.train("mpi", MPI_SCRIPT, MPI(process_count_per_node=2, mpi_additional_options=[
            "-np", "4", "--oversubscribe"]), "111122223333.dkr.ecr.us-east-1.amazonaws.com/mpi-image:1", python)
        for rank in range(4):
            self.assertIn(f"rank {rank} of 4 on algo-{1 if rank < 2 else 2} sum 10", log)


if __name__ == "__main__":
    unittest.main()

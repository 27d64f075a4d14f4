"""torchrun on one host by the SageMaker Python SDK v3's own driver, where there is a PyTorch: that of
the interpreter CLARY_TORCH_PYTHON, or of python3."""
import os
import subprocess
import unittest

import scripts
from service import clary

SCRIPT = """
import os
import torch
import torch.distributed as dist

dist.init_process_group("gloo")
mine = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(mine)
print("rank", dist.get_rank(), "of", dist.get_world_size(), "sum", mine.item())
if dist.get_rank() == 0:
    model = torch.nn.Linear(2, 1)
    torch.save(model.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pth"))
dist.destroy_process_group()
"""


def torch_python():
    for python in (os.environ.get("CLARY_TORCH_PYTHON"), "/usr/bin/python3"):
        if python and subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
            return python
    raise unittest.SkipTest("no Python here has torch; name one in CLARY_TORCH_PYTHON")


class Torchrun(scripts.ScriptsTest):
    @classmethod
    def setUpClass(cls):
        python = torch_python()
        super().setUpClass()
        clary("environments", "add", "pytorch-training:*", python, home=cls.service.home)

    def test_two_processes_of_one_host(self):
        from sagemaker.core.helper.session_helper import Session, get_execution_role
        from sagemaker.core.training.configs import Compute, SourceCode
        from sagemaker.train import ModelTrainer
        from sagemaker.train.distributed import Torchrun
        self.write("torch/train.py", SCRIPT)
        trainer = ModelTrainer(
            training_image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.3.0-cpu-py311",
            source_code=SourceCode(source_dir=str(self.dir / "torch"), entry_script="train.py"),
            distributed=Torchrun(process_count_per_node=2), role=get_execution_role(),
            sagemaker_session=Session(), base_job_name="torch",
            compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5))
        trainer.train(wait=True, logs=False)
        job = trainer._latest_training_job
        log = self.log(job.training_job_name)
        for rank in (0, 1):
            self.assertIn(f"rank {rank} of 2 sum 3.0", log)
        self.assertIn("model.pth", self.model(job.model_artifacts.s3_model_artifacts))


if __name__ == "__main__":
    unittest.main()

"""Functions of @remote by the SageMaker Python SDKs v2 and v3, unmodified, in jobs with this test's own
Python."""
import sys
import unittest

import scripts

IMAGE = ("236514542706.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-%d%d:1.0"
         % sys.version_info[:2])


class Remote(scripts.ScriptsTest):
    def test_a_remote_function_runs_in_a_job(self):
        try:
            from sagemaker import Session, get_execution_role
            from sagemaker.remote_function import remote
        except ImportError:
            from sagemaker.core.helper.session_helper import Session, get_execution_role
            from sagemaker.core.remote_function import remote

        @remote(role=get_execution_role(), instance_type="ml.m5.large", image_uri=IMAGE,
                sagemaker_session=Session(), s3_root_uri="s3://data/remote")
        def divide(a, b):
            print("dividing")
            return {"quotient": a / b}

        self.assertEqual(divide(7, b=2), {"quotient": 3.5})
        with self.assertRaises(ZeroDivisionError):
            divide(1, b=0)


if __name__ == "__main__":
    unittest.main()

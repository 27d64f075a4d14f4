"""The SageMaker Python SDK v3's ModelBuilder with a model of a user's own, unmodified: its inference.py and
what it pickles are served in the Python that stands for the image."""
import io
import os
import sys
import unittest

import numpy as np
import scripts
from service import clary, wait_for


class ModelBuilder(scripts.ScriptsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The pickle needs the SDK where it is read, as it does in SageMaker's images.
        clary("environments", "add", "sagemaker-xgboost:*", sys.prefix, home=cls.service.home)

    def test_an_inference_spec_is_deployed(self):
        import xgboost
        from sagemaker.serve.builder.schema_builder import SchemaBuilder
        from sagemaker.serve.model_builder import ModelBuilder as Builder
        from sagemaker.serve.spec.inference_spec import InferenceSpec
        from sagemaker.serve.utils.types import ModelServer

        class Spec(InferenceSpec):
            def load(self, model_dir):
                import xgboost
                booster = xgboost.Booster()
                booster.load_model(os.path.join(model_dir, "booster.json"))
                return booster

            def invoke(self, input_object, model):
                import xgboost
                return model.predict(xgboost.DMatrix(input_object))

        random = np.random.default_rng(3)
        x = random.normal(size=(200, 4)).astype(np.float32)
        booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(x, label=x[:, 0] > 0), 5)
        folder = self.dir / "spec"
        folder.mkdir()
        booster.save_model(folder / "booster.json")
        builder = Builder(
            inference_spec=Spec(), model_path=str(folder), role_arn=self.service.credentials["role_arn"],
            schema_builder=SchemaBuilder(x[:2], booster.predict(xgboost.DMatrix(x[:2]))),
            image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
            instance_type="ml.m5.large", dependencies={"auto": False}, model_server=ModelServer.TORCHSERVE)
        builder.build(model_name="spec")
        endpoint = builder.deploy(endpoint_name="spec", initial_instance_count=1, wait=False)
        sagemaker = self.service.boto("sagemaker")

        def ended():
            told = sagemaker.describe_endpoint(EndpointName="spec")
            return told if told["EndpointStatus"] != "Creating" else None

        told = wait_for(ended, 120, "the endpoint")
        self.assertEqual(told["EndpointStatus"], "InService", told.get("FailureReason"))
        rows = io.BytesIO()
        np.save(rows, x[:10])
        answer = endpoint.invoke(body=rows.getvalue(), content_type="application/x-npy",
                                 accept="application/x-npy")
        values = np.load(io.BytesIO(answer.body.read()))
        np.testing.assert_allclose(values, booster.predict(xgboost.DMatrix(x[:10])), rtol=1e-6)


if __name__ == "__main__":
    unittest.main()

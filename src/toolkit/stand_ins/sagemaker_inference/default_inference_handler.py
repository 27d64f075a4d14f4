"""What handlers of users begin with."""
from sagemaker_inference import decoder, encoder


class DefaultInferenceHandler:
    def default_input_fn(self, input_data, content_type, context=None):
        return decoder.decode(input_data, content_type)

    def default_predict_fn(self, data, model, context=None):
        return model.predict(data)

    def default_output_fn(self, prediction, accept, context=None):
        return encoder.encode(prediction, accept), accept

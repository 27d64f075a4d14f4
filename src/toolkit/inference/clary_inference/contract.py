"""What an inference script may define, what stands in for functions that it lacks, and how a request
becomes an answer: the contract of SageMaker's scikit-learn, XGBoost and PyTorch images."""
import importlib
import importlib.util
import inspect
import json
import os
import sys
import traceback

JSON = "application/json"
CSV = "text/csv"
TEXTS = (JSON, CSV)  # bodies of these types are given to functions as str
DEFAULT_PROGRAM = "inference.py"
_OWN = os.path.dirname(__file__)
# Their single-model images are of the older of the two stacks, which differ in headers.
OLDER_STACK = ("sklearn", "xgboost")


class BadScript(Exception):
    """The script is not there, or breaks the contract; the text is for its user."""


def media_type(content_type):
    return (content_type or "").split(";")[0].strip().lower()


# --- Where the script is.

def code_folders(environment, model_dir):
    """Where scripts are looked for, in this order."""
    folders = [os.path.join(model_dir, "code")]
    submitted = environment.get("CLARY_SUBMIT_DIRECTORY", "")
    if submitted:
        folders.insert(0, submitted)
    return folders


def find_script(environment, model_dir):
    """(folder, program) of the script; program is None where the image's own functions do it all."""
    program = environment.get("SAGEMAKER_PROGRAM", "")
    folders = code_folders(environment, model_dir)
    for folder in folders:
        if os.path.isfile(os.path.join(folder, program or DEFAULT_PROGRAM)):
            return folder, program or DEFAULT_PROGRAM
    if program:
        raise BadScript("the inference script %s (SAGEMAKER_PROGRAM) is in none of: %s"
                        % (program, ", ".join(folders)))
    for folder in folders:
        if os.path.isdir(folder):
            return folder, None
    return folders[0], None


def import_script(folder, program):
    """The script as a module, under its own name."""
    path = os.path.join(folder, program)
    for place in {folder, os.path.dirname(path)}:
        sys.path.insert(0, place)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [folder] + ([os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []))
    name = os.path.splitext(os.path.basename(program))[0]
    found = importlib.util.find_spec(name)
    if found is not None and found.origin == path:
        return importlib.import_module(name)
    # A package has its name.
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise BadScript("the inference script %s is no Python" % program)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


# --- The functions of images.

class Defaults:
    """Of images without functions of their own."""

    def model_fn(self, model_dir):
        raise BadScript("the inference script has no model_fn(model_dir), which loads the model: "
                        "images of this framework have none of their own")

    def input_fn(self, data, content_type):
        from sagemaker_inference import decoder
        return decoder.decode(data, media_type(content_type))

    def predict_fn(self, data, model):
        return model.predict(data)

    def output_fn(self, prediction, accept):
        from sagemaker_inference import encoder
        wanted = [media_type(one) for one in accept.split(",")]
        known = [one for one in wanted if one in encoder.SUPPORTED_CONTENT_TYPES]
        chosen = known[0] if known else accept
        return encoder.encode(prediction, chosen), chosen


class Sklearn(Defaults):
    def input_fn(self, data, content_type):
        import numpy
        array = super().input_fn(data, content_type)
        return array.astype(numpy.float32) if media_type(content_type) in TEXTS else array


class SklearnOfMany(Sklearn):
    """On multi-model endpoints one row may come without its brackets."""

    def input_fn(self, data, content_type):
        array = super().input_fn(data, content_type)
        return array.reshape(1, -1) if getattr(array, "ndim", 2) == 1 else array


class Xgboost(Defaults):
    def input_fn(self, data, content_type):
        from sagemaker_xgboost_container import encoder
        return encoder.decode(data, content_type)

    def predict_fn(self, data, model):
        return model.predict(data, validate_features=False)


class Pytorch(Defaults):
    """TorchScript models, and tensors for others."""

    @staticmethod
    def _device():
        import torch
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def model_fn(self, model_dir):
        import torch
        path = os.path.join(model_dir, "model.pt")
        if not os.path.exists(path):
            files = [f for f in sorted(os.listdir(model_dir)) if f.endswith((".pt", ".pth"))]
            if len(files) != 1:
                raise BadScript("without a model_fn(model_dir) the model is one TorchScript file "
                                "*.pt or *.pth, and there are: %s" % (", ".join(files) or "none"))
            path = os.path.join(model_dir, files[0])
        return torch.jit.load(path, map_location=self._device())

    def input_fn(self, data, content_type):
        import torch
        array = super().input_fn(data, content_type)
        if media_type(content_type) in TEXTS:
            return torch.FloatTensor(array).to(self._device())
        return torch.from_numpy(array).to(self._device())

    def predict_fn(self, data, model):
        import torch
        with torch.no_grad():
            model = model.to(self._device())
            model.eval()
            return model(data.to(self._device()))

    def output_fn(self, prediction, accept):
        if hasattr(prediction, "detach"):
            prediction = prediction.detach().cpu().numpy()
        return super().output_fn(prediction, accept)


def defaults_of(framework, multi_model):
    if framework == "sklearn":
        return SklearnOfMany() if multi_model else Sklearn()
    return {"xgboost": Xgboost, "pytorch": Pytorch}.get(framework, Defaults)()


# --- What functions are told beside their arguments, where they take one more.

class _Headers:
    def __init__(self):
        self.headers = {}

    def get_request_properties(self):
        return self.headers

    def get_request_property(self, name):
        return self.headers.get(name.lower())


class Context:
    """The request's headers, and those of its answer, by names that scripts know."""

    def __init__(self, model_dir):
        self.model_name = "model"
        self.manifest = {}
        self.system_properties = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1,
                                  "server_name": "clary", "server_version": "1"}
        self.request_processor = [_Headers()]
        self.begin({})

    def begin(self, headers):
        self.request_processor[0].headers = headers
        self.status = None
        self.answer_type = None
        self.answer_headers = {}

    def get_request_header(self, index, name):
        return self.request_processor[0].headers.get(name.lower())

    def get_all_request_header(self, index):
        return dict(self.request_processor[0].headers)

    def set_response_content_type(self, index, value):
        self.answer_type = value

    def get_response_content_type(self, index):
        return self.answer_type

    def set_response_header(self, index, name, value):
        self.answer_headers[name] = value

    def set_response_status(self, code=200, phrase="", idx=0):
        self.status = code


# --- One script with its model.

def _with_context(function, arguments):
    """`function`, to be called with `arguments` and the context, which it may leave out."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of C
        return lambda *given: function(*given[:-1])
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return lambda *given: function(*given[:-1])
    places = [p for p in parameters
              if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = sum(p.default is p.empty for p in places)
    # One more with a default of its own may be anything, unless its name says what it is.
    if needed == arguments + 1 or (len(places) > arguments >= needed and
                                   places[arguments].name in ("context", "ctx")):
        return function
    if needed <= arguments <= len(places):
        return lambda *given: function(*given[:-1])
    raise BadScript("%s takes %d arguments, and is called with %d (one more, the context, if it "
                    "wants)" % (getattr(function, "__name__", "a function"), len(places), arguments))


class Answer:
    __slots__ = ("status", "content_type", "body", "headers")

    def __init__(self, status, content_type, body, headers=None):
        self.status = status
        self.content_type = content_type
        self.body = body  # bytes, or an iterator of bytes or str
        self.headers = headers or {}


def _bytes(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    if value is None:
        return b""
    if hasattr(value, "__next__"):
        return value  # in parts, as they come
    if isinstance(value, (dict, list)):
        return json.dumps(value).encode()
    raise TypeError("output_fn and transform_fn return a body (str or bytes), or (body, content "
                    "type); this one returned a %s" % type(value).__name__)


class Script:
    """The functions of a script and the model that they have loaded."""

    def __init__(self, environment, model_dir, multi_model=False, say=lambda line: None):
        framework = environment.get("CLARY_FRAMEWORK", "")
        self.default_accept = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or JSON
        older = framework in OLDER_STACK and not multi_model
        self.missing_type = JSON if older else None
        self.charset = older
        folder, program = find_script(environment, model_dir)
        if program is None:
            say("no %s: the functions of the image's framework answer" % DEFAULT_PROGRAM)
            module = None
        else:
            say("inference script %s" % os.path.join(folder, program))
            module = import_script(folder, program)
        defaults = defaults_of(framework, multi_model)
        self.context = Context(model_dir)

        def own(name, arguments):
            function = getattr(module, name, None)
            return _with_context(function, arguments) if function is not None else None

        def function(name, arguments):
            return own(name, arguments) or _with_context(getattr(defaults, name), arguments)

        transform = own("transform_fn", 4)
        if transform and any(hasattr(module, n) for n in ("input_fn", "predict_fn", "output_fn")):
            raise BadScript("Cannot use transform_fn implementation in conjunction with input_fn, "
                            "predict_fn, and/or output_fn implementation")
        self._transform = transform
        if not transform:
            self._input = function("input_fn", 2)
            self._predict = function("predict_fn", 2)
            self._output = function("output_fn", 2)
        self._parameters = getattr(module, "execution_parameters_fn", None)

        before = own("pre_model_fn", 1)
        if before:
            before(model_dir, self.context)
        say("calling model_fn")
        self.model = function("model_fn", 1)(model_dir, self.context)
        warm_up = own("model_warmup_fn", 2)
        if warm_up:
            warm_up(model_dir, self.model, self.context)

    def execution_parameters(self):
        """The answer to /execution-parameters; None: the script says nothing of it."""
        if self._parameters is None:
            return None
        given = self._parameters()
        if hasattr(given, "response"):
            given = given.response
        return Answer(200, JSON, _bytes(given))

    def invoke(self, headers, body):
        """The answer to a request; `headers` by lower-case names. Whatever the script raises is one,
        but for the end of the process."""
        content_type = headers.get("content-type") or self.missing_type
        accept = headers.get("accept", "")
        if not accept or accept == "*/*":
            accept = self.default_accept
        context = self.context
        context.begin(headers)
        unsupported = 500  # what a content type that nobody knows means at this stage
        try:
            if media_type(content_type) in TEXTS:
                body = body.decode()
            if self._transform:
                result = self._transform(self.model, body, content_type, accept, context)
            else:
                unsupported = 415
                data = self._input(body, content_type, context)
                unsupported = 500
                prediction = self._predict(data, self.model, context)
                unsupported = 406
                result = self._output(prediction, accept, context)
            return self._answer(result, accept, context)
        except Exception as error:  # the script's, of any kind
            return failed(error, unsupported)

    def _answer(self, result, accept, context):
        status = context.status or 200
        content_type = context.answer_type
        if isinstance(result, tuple) and len(result) == 2:
            result, content_type = result
        elif hasattr(result, "get_data") and hasattr(result, "status_code"):  # of flask
            status, content_type = result.status_code, result.content_type
            result = result.get_data()
        elif hasattr(result, "response") and hasattr(result, "mimetype"):
            given = getattr(result, "status", 200)
            status = given if isinstance(given, int) else int(str(given).split()[0])
            content_type, result = result.mimetype, result.response
            if isinstance(result, (list, tuple)):
                result = b"".join(_bytes(part) for part in result)
        content_type = content_type or media_type(accept.split(",")[0])
        if self.charset and content_type.startswith("text/") and "charset" not in content_type:
            content_type += "; charset=utf-8"
        return Answer(status, content_type, _bytes(result), context.answer_headers)


def failed(error, unsupported=500):
    """The answer that an exception is, which goes to the log, too."""
    status = 500
    classes = [c.__name__ for c in type(error).__mro__]
    if "UnsupportedFormatError" in classes:
        status = unsupported
    elif "BaseInferenceToolkitError" in classes and isinstance(
            getattr(error, "status_code", None), int) and 400 <= error.status_code < 600:
        status = error.status_code
    frames = error.__traceback__
    while frames and frames.tb_next and frames.tb_frame.f_code.co_filename.startswith(_OWN):
        frames = frames.tb_next
    text = "%s\n%s" % (error, "".join(traceback.format_exception(type(error), error, frames)))
    sys.stderr.write(text)
    return Answer(status, "text/plain; charset=utf-8", text.encode(errors="replace"))

"""Errors of inference functions, with the statuses that they answer."""


class BaseInferenceToolkitError(Exception):
    """Answers `status_code`."""

    def __init__(self, status_code, message, phrase):
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.phrase = phrase


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    def __init__(self, status_code, message=None, phrase=None):
        super().__init__(status_code, message or "Invalid Request", phrase or message)


class UnsupportedFormatError(Exception):
    """There is no coding for the content type."""

    def __init__(self, content_type, **_):
        super().__init__("Content type %s is not supported by this framework." % content_type)
        self.content_type = content_type

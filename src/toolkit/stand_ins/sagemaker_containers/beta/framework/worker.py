"""The answer of an output_fn."""


class Response:
    """A body with its content type."""

    def __init__(self, response=None, accept=None, mimetype=None, status=200, **_):
        self.response = response
        self.mimetype = mimetype or accept
        self.content_type = self.mimetype
        self.status = status

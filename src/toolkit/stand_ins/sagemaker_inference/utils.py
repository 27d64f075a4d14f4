"""Headers."""


def parse_accept(accept):
    """The content types of an Accept header, in its order."""
    return [one.split(";")[0].strip() for one in accept.replace(" ", "").split(",")]

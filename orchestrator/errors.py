"""The errors that a caller acts on.  Everything else is a bug and may end in a worker's root.

Texts start with what could not be done ("cannot ...") and name the thing; the CLI prints them as they are.
"""


class OrchestratorError(Exception):
    """Anything that a user is told in one sentence, without a traceback."""


class NotFound(OrchestratorError):
    """The thing that was named is not there."""


class Conflict(OrchestratorError):
    """It exists already, or is in a state that does not allow the call."""


class Invalid(OrchestratorError):
    """The caller's input is wrong; doing it again will not help."""


class Unavailable(OrchestratorError):
    """The other side (engine, socket) is away or too slow; later may help."""


class Silent(Unavailable):
    """It was reached, and did not answer in time."""


class Forbidden(OrchestratorError):
    """The other side is there and refuses us."""

"""What can go wrong with a teacher, as types.

    TeacherError
    |- EndpointError         concerns every call alike: leaves the stage, for the recovery table
    |  |- MissingKey         no API key was found
    |  |- InvalidKey           the endpoint refuses the key
    |  |- UnknownPrice       a budget was set for a model whose price is not known
    |  |- UnknownModel       the endpoint does not have the model
    |  |- QuotaExceeded        the account has no money or quota left
    |  |- RateLimited        too many calls; `wait_seconds` says how long the server wants to be left alone
    |  '- EndpointUnavailable       nobody answers, or nothing that is of use
    '- ReplyError            concerns one call: the teacher notes it and goes on with the others
       |- UnreadableReply    the model's words are not what was asked for
       |- ContextTooLong     the prompt does not fit into the model
       |- RequestRefused     the endpoint will not serve this request
       '- CostLimitReached      the run's own budget is used up: no call is made any more

Every message names the value at fault and the way out, for it is shown to people as it stands.
No message ever holds the key.
"""

from __future__ import annotations

from knowledge.questions import Question


class TeacherError(Exception):
    """Anything that a teacher could not do."""


class EndpointError(TeacherError):
    """The next call would fail as well."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.obtained: tuple[Question, ...] = ()
        """Questions that `ask` had ready before this; for a run that has to go on with the data that it has."""


class MissingKey(EndpointError):
    """There is no API key."""
    error_kind = "authentication"


class InvalidKey(EndpointError):
    """The key is not accepted, or may not use this model."""
    error_kind = "authentication"


class UnknownModel(EndpointError):
    """There is no such model (or no such address) at the endpoint."""
    error_kind = "teacher reply unreadable"


class UnknownPrice(EndpointError):
    """Costs cannot be limited where they cannot be known."""
    error_kind = "budget spent"


class QuotaExceeded(EndpointError):
    """The account behind the key cannot pay for more."""
    error_kind = "budget spent"


class RateLimited(EndpointError):
    """The endpoint wants fewer calls."""
    error_kind = "rate limit"


    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        """How long the server asks to wait; None where it does not say."""


class EndpointUnavailable(EndpointError):
    """No answer, an error of the server's own, or an answer that no such endpoint gives."""
    error_kind = "teacher unreachable"


class ReplyError(TeacherError):
    """Another call may well succeed."""


class UnreadableReply(ReplyError):
    """The reply is empty, cut off, or not in the form asked for."""
    error_kind = "teacher reply unreadable"


class ContextTooLong(ReplyError):
    """Prompt and answer together are longer than the model's context."""
    error_kind = "context too long"


class CostLimitReached(ReplyError):
    """The run has cost what it may cost; a fact about one call, so that asking ends cleanly with what there is."""


class RequestRefused(ReplyError):
    """The endpoint refuses this request as it is, by a content filter or as malformed."""

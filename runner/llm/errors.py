"""Exceptions of a chat model's calls.

    TeacherError
    |- EndpointError         applies to every call: leaves the stage, for the recovery table
    |  |- MissingKey         no API key was found
    |  |- InvalidKey           the endpoint refuses the key
    |  |- InvalidProxy         the environment names a proxy that cannot be used
    |  |- UnknownPrice         a budget was set for a model whose price is not known
    |  |- UnknownModel       the endpoint does not have the model
    |  |- QuotaExceeded        the account has no money or quota left
    |  |- RateLimited          too many calls; `wait_seconds` is the wait that the server asks for
    |  |- EndpointUnavailable  no answer, or not that of a chat completions API
    |  |- BatchRefused         the endpoint has no batches, or rejects this one
    |  |- ReplyNotStored       a run from stored replies needs one that is not stored
    |  '- TeacherUnusable      every call failed in the same way
    |- CallPostponed         the call is collected for a batch
    '- ReplyError            applies to one call: the teacher records it and continues with the others
       |- UnreadableReply      the reply is empty, cut off or only reasoning
       |  '- WrongForm         the reply is not in the format asked for
       |- ContextTooLong       the prompt does not fit into the model
       |- RequestRefused       the endpoint refuses this request
       |  '- ContentRefused    the model or a content filter refuses the content
       '- CostLimitReached     the run's own budget is spent: no further call is made

Every message names the value at fault and the remedy, because it is shown to people as it is.
No message holds the key.
"""

from __future__ import annotations

from knowledge.questions import Question


class TeacherError(Exception):
    """A chat call failed."""


class EndpointError(TeacherError):
    """The endpoint cannot be used: the next call would fail as well."""

    retryable = True
    """False where repeating the stage would meet the same error."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.obtained: tuple[Question, ...] = ()
        """Questions that `ask_questions` had accepted before; for a run that continues with what it has."""


class MissingKey(EndpointError):
    """There is no API key."""
    error_kind = "authentication"


class InvalidKey(EndpointError):
    """The key is not accepted, or may not use this model."""
    error_kind = "authentication"


class InvalidProxy(EndpointError):
    """A proxy of the environment cannot be used."""
    error_kind = "teacher unreachable"
    retryable = False


class UnknownModel(EndpointError):
    """There is no such model (or no such address) at the endpoint."""
    error_kind = "teacher reply unreadable"


class UnknownPrice(EndpointError):
    """A budget is set for a model whose price is not known."""
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
        """The wait that the server asks for; None where it states none."""


class EndpointUnavailable(EndpointError):
    """No answer, a server error, or an answer that is not that of a chat completions API."""
    error_kind = "teacher unreachable"


class ReplyNotStored(EndpointError):
    """A run from stored replies needs one that is not stored."""
    error_kind = "reply not stored"


class BatchRefused(EndpointError):
    """The endpoint has no batch interface, or rejects this batch; no call is made one by one instead."""
    error_kind = "batch refused"
    retryable = False


class CallPostponed(TeacherError):
    """The call has no reply yet and is collected for a batch; whoever makes several calls goes on with the others."""


class WaitingForBatch(Exception):
    """The run cannot go on before a batch has ended."""

    def __init__(self, batch: str, calls: int, until: str | None) -> None:
        super().__init__(batch)
        self.batch = batch
        self.calls = calls
        self.until = until


class TeacherUnusable(EndpointError):
    """Every call failed in the same way, so that no further one was made."""
    error_kind = "teacher reply unreadable"
    retryable = False


class ReplyError(TeacherError):
    """Another call may well succeed."""


class UnreadableReply(ReplyError):
    """The reply is empty, cut off, or not in the format asked for."""
    error_kind = "teacher reply unreadable"


class WrongForm(UnreadableReply):
    """The model wrote something, but not in the form asked for: it may manage a simpler one."""


class ContextTooLong(ReplyError):
    """Prompt and answer together are longer than the model's context."""
    error_kind = "context too long"


class CostLimitReached(ReplyError):
    """The run's budget is spent; a `ReplyError`, so that a stage ends cleanly with what it has."""
    error_kind = "budget spent"


class RequestRefused(ReplyError):
    """The endpoint refuses this request, by a content filter or as malformed."""


class ContentRefused(RequestRefused):
    """The model or a content filter refuses this content; another passage may be accepted."""


class NotAsked(ReplyError):
    """The call was not made, because those before it all failed in the same way."""

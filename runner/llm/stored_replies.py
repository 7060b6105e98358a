"""A chat that makes no calls: for a run that is repeated from the stored replies of an earlier one."""

from __future__ import annotations

from runner.llm.chat import ChatRequest, Completion
from runner.llm.errors import ReplyNotStored


class StoredRepliesOnly:
    """Stands behind the response cache in place of an endpoint, and refuses what the cache does not have.

    Args:
        run: the run whose replies are used, for the message.
    """

    def __init__(self, run: str) -> None:
        self._run = run

    def complete(self, request: ChatRequest) -> Completion:
        """Make no call.

        Raises:
            ReplyNotStored: always; the message names the call.
        """
        raise ReplyNotStored(f"run {self._run} has no stored reply to '{request.purpose}: {request.item}', and no call "
                             "is made in a run from stored replies: use its settings unchanged, or leave "
                             "--from-replies out")

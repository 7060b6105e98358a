"""OpenAI's Batch API at one endpoint: files up, batches made, found again, looked up and cancelled, results down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from runner.llm.batch_file import ENDPOINT, request_line
from runner.llm.chat import ChatRequest
from runner.llm.credentials import key_for
from runner.llm.errors import (
    BatchRefused, ContextTooLong, EndpointUnavailable, RequestRefused, TeacherError, UnknownModel,
)
from runner.llm.openai_client import REPLY_SECONDS, OpenAIChat
from runner.llm.option_search import Refusal
from store.events import FailedLine
from store.timestamps import as_text

T = TypeVar("T")

WINDOW: Literal["24h"] = "24h"
"""The time that the server may take; the only value that OpenAI has."""
OUR_ID = "batch"
"""Name of our own id in the metadata of a batch."""
ENDED = ("completed", "expired", "cancelled", "failed")
"""The server's words for a batch that brings nothing more."""
_NO_SUCH_INTERFACE = (404, 405, 501)
_CLOCK_MARGIN_SECONDS = 3600.0
"""A batch of ours cannot have been created longer than this before it was planned, by the server's clock."""


@dataclass(frozen=True)
class ServerBatch:
    """A batch as the server states it."""

    id: str
    state: str
    completed: int
    failed: int
    total: int
    expires_at: str | None
    files: tuple[str, ...] = ()
    """Ids of the output file and the error file, as far as there are any."""
    message: str = ""
    """The server's own words, where it rejects the batch."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class BatchEndpoint:
    """The batch interface of the endpoint that a chat client talks to."""

    def __init__(self, chat: OpenAIChat) -> None:
        self._chat = chat
        self.model = chat.model
        self.address = chat.address

    def line(self, key: str, request: ChatRequest) -> str:
        """A call as one line of a batch's file."""
        return request_line(key, self._chat.body(request))

    def learn_from(self, request: ChatRequest, failures: Sequence[FailedLine]) -> TeacherError | None:
        """As `OpenAIChat.learn_from`, of failures in batches."""
        return self._chat.learn_from(request, [Refusal(line.message, line.param, line.code, line.status)
                                               for line in failures])

    def check(self) -> None:
        """Check that the endpoint has batches.

        Raises:
            BatchRefused: it has none.
            TeacherError: it cannot be asked now.
        """
        self._ask(lambda client: client.batches.list(limit=1))

    def upload(self, name: str, content: bytes) -> str:
        """The id of the uploaded file; a file of this name that was uploaded before is not uploaded again.

        Raises:
            TeacherError: the upload failed; nothing is paid.
        """
        known = self._ask(lambda client: client.files.list(purpose="batch", limit=100))
        found = next((file.id for file in getattr(known, "data", None) or () if file.filename == name), None)
        if found is None:
            uploaded = self._ask(lambda client: client.files.create(file=(name, content), purpose="batch"))
            found = getattr(uploaded, "id", None)
        return self._text(found)

    def create(self, batch: str, file: str, facts: dict[str, str]) -> ServerBatch:
        """Create the batch; from now on it is paid.

        Args:
            batch: our own id, by which `find` finds it again.
            facts: further metadata for people.
        """
        return _stated(self._ask(lambda client: client.batches.create(
            completion_window=WINDOW, endpoint=ENDPOINT, input_file_id=file, metadata={OUR_ID: batch, **facts})))

    def find(self, batch: str, planned_at: datetime) -> ServerBatch | None:
        """The batch with our own id, if it was created; reads the list back to the time when it was planned."""
        since = planned_at.timestamp() - _CLOCK_MARGIN_SECONDS

        def search(client: Any) -> Any:
            for found in client.batches.list(limit=100):
                if (found.metadata or {}).get(OUR_ID) == batch:
                    return found
                if found.created_at < since:
                    return None
            return None

        found = self._ask(search)
        return _stated(found) if found is not None else None

    def retrieve(self, server_id: str) -> ServerBatch | None:
        """The state of a batch; None where the server does not know it any more."""
        found, refusal = self._chat.ask_library(lambda client: client.batches.retrieve(server_id))
        if refusal.status == 404:
            return None
        return _stated(self._result(found, refusal))

    def cancel(self, server_id: str) -> ServerBatch | None:
        """Cancel a batch, which takes some minutes; what was done of it is paid. None where it has ended meanwhile."""
        found, refusal = self._chat.ask_library(lambda client: client.batches.cancel(server_id))
        if refusal.status in (400, 404, 409):
            return None
        return _stated(self._result(found, refusal))

    def content(self, file: str) -> str:
        """The text of an output or error file."""
        return self._ask(lambda client: client.files.content(file).text)

    def _ask(self, call: Any) -> Any:
        return self._result(*self._chat.ask_library(call))

    def _result(self, found: Any, refusal: Refusal) -> Any:
        if not isinstance(found, TeacherError):
            if isinstance(found, str) and found.lstrip().startswith("<"):
                raise self._none_here(f"it answers with a web page, {found.strip()[:40]!r}")
            return found
        if refusal.status in _NO_SUCH_INTERFACE or isinstance(found, UnknownModel):
            raise self._none_here(refusal.message)
        if isinstance(found, RequestRefused | ContextTooLong):
            raise BatchRefused(f"{self.address} refuses the batch ({refusal.message}): launch the run without "
                               "--teacher-batch, or change what it says")
        raise found

    def _none_here(self, said: str) -> BatchRefused:
        return BatchRefused(f"{self.address} has no batch interface ({said}): leave --teacher-batch out, or use an "
                            "endpoint with OpenAI's Batch API")

    def _text(self, found: Any) -> str:
        if not isinstance(found, str) or not found:
            raise EndpointUnavailable(f"{self.address} names no id for the file of a batch: check that the address is "
                                      "that of an API with batches")
        return found


def open_batch_endpoint(model: str, address: str, reply_seconds: float = REPLY_SECONDS) -> BatchEndpoint:
    """The batch interface at an address, with the key of the environment; `reply_seconds` bounds each request.

    Raises:
        MissingKey, InvalidKey: there is no key that could be used.
    """
    return BatchEndpoint(OpenAIChat(model, address, key_for(address), reply_seconds))


def _stated(batch: Any) -> ServerBatch:
    counts = getattr(batch, "request_counts", None)
    completed, failed, total = ((int(getattr(counts, name, 0) or 0)) for name in ("completed", "failed", "total"))
    expires = getattr(batch, "expires_at", None)
    errors = getattr(getattr(batch, "errors", None), "data", None) or ()
    files = (getattr(batch, "output_file_id", None), getattr(batch, "error_file_id", None))
    where = [f"line {error.line}: {error.message}" if error.line else str(error.message) for error in errors]
    return ServerBatch(str(batch.id), str(batch.status), completed, failed, total,
                       as_text(datetime.fromtimestamp(expires, UTC)) if expires else None,
                       tuple(file for file in files if file), "; ".join(where)[:1000])

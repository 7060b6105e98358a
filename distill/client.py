"""A client of the REST interface. Reads and commands are repeated when the connection breaks; commands carry a key."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx

from distill.models import STANDING, Event, Run, Verdict, from_values

ADDRESS = "http://127.0.0.1:8600"
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 0.5
TRY_AGAIN = (429, 503)
_ENDS = ("RunFinished", "RunFailed", "RunCancelled", "RunPaused", "RunWaitingForReview")


class ApiError(Exception):
    """The interface refused a request; nothing was written."""

    def __init__(self, status: int, detail: str, errors: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.errors = list(errors)
        """One sentence for each invalid value."""


class Client:
    """A connection to one interface."""

    def __init__(self, address: str = ADDRESS, token: str | None = None, timeout_seconds: float = 30.0,
                 transport: httpx.BaseTransport | None = None) -> None:
        """Connect when something is asked.

        Args:
            address: base URL, as the command `api` prints it.
            token: of the command `token add`; none is needed on the same machine.
            timeout_seconds: how long one answer may take.
            transport: another way to send requests, such as one of httpx for tests.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout_seconds = timeout_seconds
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout_seconds, transport=transport)

    def launch(self, settings: Mapping[str, Any], priority: int = 0, key: str | None = None) -> Run:
        """Queue a run; the same key again is the same run.

        Args:
            settings: by the names of the table of settings; those left out have their preset's value.
            priority: higher runs first.
            key: names the launch, such as a build's number; a random one by default.

        Raises:
            ApiError: invalid settings, with one sentence each, or a key that launched other settings.
        """
        return from_values(Run, self._command("/v1/runs", key, {"settings": dict(settings), "priority": priority}))

    def run(self, run: str) -> Run:
        """Return one run.

        Raises:
            ApiError: there is none (status 404).
        """
        return from_values(Run, self._json("GET", f"/v1/runs/{run}"))

    def runs(self, **filters: Any) -> Iterator[Run]:
        """Return all runs, newest first; filters are those of GET /v1/runs, such as state="finished"."""
        return (from_values(Run, item) for item in self._pages("/v1/runs", filters))

    def pause(self, run: str, key: str | None = None) -> Run:
        """Pause a run after its current item."""
        return self._change(run, "pause", key)

    def resume(self, run: str, key: str | None = None) -> Run:
        """Continue a paused or cancelled run."""
        return self._change(run, "resume", key)

    def cancel(self, run: str, key: str | None = None) -> Run:
        """End a run; finished work is kept."""
        return self._change(run, "cancel", key)

    def retry(self, run: str, key: str | None = None) -> Run:
        """Queue a failed or cancelled run again."""
        return self._change(run, "retry", key)

    def wait(self, run: str, timeout_seconds: float | None = None) -> Run:
        """Return a run once nothing happens to it without a person: it ended, paused or waits for a review.

        Raises:
            TimeoutError: it still went on after so many seconds.
        """
        ends = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        after = int(self._json("GET", "/v1/events", {"limit": 1})["newest"])
        while (found := self.run(run)).state not in STANDING:
            left = None if ends is None else ends - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"run {run} is still {found.state} after {timeout_seconds:g} s")
            for event in self.events(after, run, _ENDS, left):
                after = event.id
                break
        return found

    def verdict(self, run: str) -> Verdict:
        """Return the verdict of a run with the change that it is based on."""
        return from_values(Verdict, self._json("GET", f"/v1/runs/{run}/verdict"))

    def answers(self, run: str, cycle: int | None = None) -> Iterator[dict[str, Any]]:
        """Return the questions of a cycle, by default the last, with references, both answers and scores."""
        return self._pages(f"/v1/runs/{run}/answers", {"cycle": cycle} if cycle else {})

    def events(self, after: int = 0, run: str = "", kinds: Sequence[str] = (),
               seconds: float | None = None) -> Iterator[Event]:
        """Follow the event log; a broken connection is opened again where it ended.

        Args:
            after: the id of the last event that is known; 0 for none.
            run: only events of this run.
            kinds: only events of these kinds.
            seconds: end after so long; None follows for ever.
        """
        ends = None if seconds is None else time.monotonic() + seconds
        failed = 0
        while True:
            try:
                parameters: dict[str, Any] = {"after": after, "run": run, "kind": list(kinds)}
                with self._http.stream("GET", "/v1/events/stream", params=parameters,
                                       timeout=self._until(ends)) as response:
                    _raise_for(response)
                    for line in response.iter_lines():
                        if line.startswith("data: "):
                            event = from_values(Event, json.loads(line.removeprefix("data: ")))
                            after, failed = event.id, 0
                            yield event
                        if ends is not None and time.monotonic() > ends:
                            return
            except httpx.TransportError:
                failed += 1
                if failed >= ATTEMPTS:
                    raise
            if ends is not None and time.monotonic() > ends:
                return
            time.sleep(FIRST_WAIT_SECONDS * 2**failed)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _until(self, ends: float | None) -> httpx.Timeout:
        """How long to wait for the next line of a stream: no longer than until its end."""
        left = self._timeout_seconds if ends is None else max(0.1, ends - time.monotonic())
        return httpx.Timeout(self._timeout_seconds, read=min(self._timeout_seconds, left))

    def _change(self, run: str, action: str, key: str | None) -> Run:
        return from_values(Run, self._command(f"/v1/runs/{run}/{action}", key, None))

    def _command(self, path: str, key: str | None, body: Any) -> Any:
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        return self._json("POST", path, body=body, headers=headers)

    def _pages(self, path: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            page = self._json("GET", path, {**parameters, "cursor": cursor})
            yield from page["items"]
            cursor = page["next"]

    def _json(self, method: str, path: str, parameters: Mapping[str, Any] | None = None, body: Any = None,
              headers: Mapping[str, str] | None = None) -> Any:
        for attempt in range(ATTEMPTS):
            try:
                response = self._http.request(method, path, params=dict(parameters or {}), json=body,
                                              headers=dict(headers or {}))
            except httpx.TransportError:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                if response.status_code not in TRY_AGAIN or attempt == ATTEMPTS - 1:
                    _raise_for(response)
                    return response.json()
            time.sleep(FIRST_WAIT_SECONDS * 2**attempt)
        raise AssertionError


def _raise_for(response: httpx.Response) -> None:
    """Raise what the interface says of a refused request."""
    if response.is_success:
        return
    response.read()
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    raise ApiError(response.status_code, problem.get("detail") or f"answered with {response.status_code}",
                   problem.get("errors", ()))

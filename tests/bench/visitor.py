"""A viewer without a browser: asks the server for a page over its websocket and takes what comes, to the last message.

What is timed is what a browser waits for: the script's run, every message encoded and sent, and the way back. As a
browser does, it keeps large messages and says which it has, so that they are not sent again.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Look:
    """One run of a page or of a fragment, as the viewer saw it."""

    milliseconds: float
    sent_bytes: int
    elements: int
    faults: tuple[str, ...]
    """Errors and exceptions that the page showed."""


class Visitor:
    """A session of its own; what it asks for, it asks one after the other."""

    def __init__(self, address: str) -> None:
        self._socket = connect(f"ws://{address}/_stcore/stream", max_size=None, compression=None,
                               subprotocols=[Subprotocol("streamlit")], open_timeout=PATIENCE_SECONDS)
        self._page_hash = ""
        self._kept: set[str] = set()
        self.timers: dict[str, float] = {}
        """Fragments that the page asked to have run again, with their seconds."""

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def look(self, page: str, query: str = "") -> Look:
        """A page by its place in the address bar; the first one's is empty."""
        self.timers.clear()
        message = BackMsg()
        message.rerun_script.page_name = page
        return self._ask(message, query)

    def tick(self, fragment: str, query: str = "") -> Look:
        """What a browser asks when a fragment's timer fires."""
        message = BackMsg()
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = True
        message.rerun_script.page_script_hash = self._page_hash
        return self._ask(message, query)

    def forget(self) -> None:
        """Empty the server's caches, as the menu of its developers does."""
        self._socket.send(BackMsg(clear_cache=True).SerializeToString())

    def _ask(self, message: BackMsg, query: str) -> Look:
        message.rerun_script.query_string = query
        message.rerun_script.context_info.timezone = "Europe/Berlin"
        message.rerun_script.cached_message_hashes.extend(self._kept)
        size = elements = 0
        faults: list[str] = []
        began = time.perf_counter()
        self._socket.send(message.SerializeToString())
        while True:
            # Asked again before every message, as it lasts for one: unsent acknowledgements of messages that come
            # without a pause before them would cost 40 ms, which are the two kernels' and not the page's.
            self._socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            raw = bytes(self._socket.recv(PATIENCE_SECONDS, decode=False))
            said = ForwardMsg.FromString(raw)
            size += len(raw)
            elements += said.HasField("delta") or said.HasField("ref_hash")
            faults += _faults(said)
            self._take_note(said)
            if said.HasField("script_finished"):
                return Look((time.perf_counter() - began) * 1000, size, elements, tuple(faults))

    def _take_note(self, said: ForwardMsg) -> None:
        if said.hash and said.metadata.cacheable:
            self._kept.add(said.hash)
        if said.HasField("new_session"):
            self._page_hash = said.new_session.page_script_hash
        if said.HasField("auto_rerun"):
            self.timers[said.auto_rerun.fragment_id] = said.auto_rerun.interval


def _faults(said: ForwardMsg) -> list[str]:
    element = said.delta.new_element
    if element.HasField("exception"):
        return [element.exception.message]
    return [element.alert.body] if element.HasField("alert") and element.alert.format == element.alert.ERROR else []

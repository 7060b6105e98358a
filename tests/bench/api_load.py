"""`make api-load`: 1,000 clients that poll the REST interface, and 100 that follow its event stream, on this machine.

The interface is a process of its own, as people start it; the clients are in this one and share its cores. Latencies
are of whole answers over kept connections, from the request's first byte; the delay of an event is from its time in the
store. Exit code 1 where a request failed, an event was lost, or a goal was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import RunAnnotated
from store.timestamps import parse
from tests.bench.row import Row, as_table
from tests.dashboard import stores

GOAL_P99 = "< 100 ms"
GOAL_GROWTH = "< 1.1 x"
"""Memory of the interface at the end of the streams, by that when all were open: flat."""
EVENTS_PER_SECOND = 2
KEPT_SECONDS = 4.0
"""The server closes a connection that is silent for five seconds: who polls less often opens a new one."""
ARRIVAL_SECONDS = 60.0
"""How long the last events may be on their way on a machine that others use."""
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Found:
    """What the clients measured."""

    seconds: list[float] = field(default_factory=list)
    """Of each answer."""
    failed: list[str] = field(default_factory=list)
    delays: list[tuple[float, float]] = field(default_factory=list)
    """When an event arrived, and how long after it happened."""
    events: list[int] = field(default_factory=list)
    """How many events each stream had."""
    rss: list[int] = field(default_factory=list)
    """Bytes of the interface's process, once a second."""


def main(arguments: list[str]) -> int:
    """Measure, print the rows, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.api_load", description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--every", type=float, default=10.0, metavar="SECONDS", help="how often each client polls")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long they poll")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--stream-seconds", type=float, default=3600.0)
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, _interface(Path(folder)) as (url, process, store, runs):
        polled = Found()
        asyncio.run(_poll(url, runs, args.clients, args.every, args.seconds, polled))
        streamed = Found()
        asyncio.run(_follow(url, process, store, runs[0], args.streams, args.stream_seconds, streamed))
    rows = [*polling_rows(polled, args), *stream_rows(streamed, args)]
    print(as_table(rows))
    for text in [*polled.failed, *streamed.failed][:10]:
        print(f"failed: {text}")
    return 1 if polled.failed or streamed.failed or any(row.met is False for row in rows) else 0


def polling_rows(found: Found, args: argparse.Namespace) -> list[Row]:
    """The rows of the clients that poll."""
    if not found.seconds:
        return []
    what = f"{args.clients:,} clients, each every {args.every:g} s"
    return [Row(f"{what}: answers", len(found.seconds), "answers"),
            Row(f"{what}: median", 1000 * statistics.median(found.seconds), "ms"),
            Row(f"{what}: p99", 1000 * p99(found.seconds), "ms", goal=GOAL_P99)]


def stream_rows(found: Found, args: argparse.Namespace) -> list[Row]:
    """The rows of the streams: delays and memory, and how both changed."""
    if not found.delays or len(found.rss) < 2:
        return []
    what = f"{args.streams} streams, {args.stream_seconds:g} s"
    delays = [delay for _, delay in sorted(found.delays)]
    tenth = max(1, len(delays) // 10)
    middle = found.rss[len(found.rss) // 2]
    end = max(found.rss[-max(1, len(found.rss) // 10):])
    return [Row(f"{what}: events to each", min(found.events), "events"),
            Row(f"{what}: p99 of the delay, first tenth", 1000 * p99(delays[:tenth]), "ms"),
            Row(f"{what}: p99 of the delay, last tenth", 1000 * p99(delays[-tenth:]), "ms"),
            Row(f"{what}: memory at the beginning", found.rss[0] / 1e6, "MB"),
            Row(f"{what}: memory in the middle", middle / 1e6, "MB", middle / found.rss[0], "the beginning"),
            Row(f"{what}: memory at the end", end / 1e6, "MB", end / found.rss[0], "the beginning", GOAL_GROWTH)]


def p99(values: list[float]) -> float:
    """Return the value that 99% are below."""
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


@contextlib.contextmanager
def _interface(folder: Path) -> Iterator[tuple[str, psutil.Process, Store, list[str]]]:
    """The interface over a store with five runs, as a process of its own."""
    store = stores.store_at(folder)
    runs = [stores.finished(store, stores.long_ago(days)) for days in (5, 4, 3)]
    runs += [stores.queued(store, stores.long_ago(days)) for days in (2, 1)]
    started = subprocess.Popen([sys.executable, "-m", "runner", "api", "--port", "0", "--rate", "100000"], cwd=ROOT,
                               env=os.environ | {"DATA_DIR": str(folder)}, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        yield line.partition(": ")[2].strip().removesuffix("/docs"), psutil.Process(started.pid), store, runs
    finally:
        started.terminate()
        started.wait(30)
        store.close()


async def _poll(url: str, runs: list[str], clients: int, every: float, seconds: float, found: Found) -> None:
    """Each client asks for a run's state, the queue, or what is new in the event log, over a connection of its own."""
    paths = [*(f"/v1/runs/{run}" for run in runs), "/v1/runs?limit=20", "/v1/queue", "/v1/events?after=0&limit=20"]
    ends = time.monotonic() + seconds
    await asyncio.gather(*(_client(url, paths, number * every / clients, every, ends, found)
                           for number in range(clients)))


async def _client(url: str, paths: list[str], offset: float, every: float, ends: float, found: Found) -> None:
    await asyncio.sleep(offset)
    reader, writer, chance = None, None, random.Random(offset)
    try:
        while time.monotonic() < ends:
            start = time.monotonic()
            if reader is None or writer is None:
                reader, writer = await _connect(url)
            path = chance.choice(paths)
            status, _ = await asyncio.wait_for(_ask(url, reader, writer, path), 60)
            found.seconds.append(time.monotonic() - start)
            if status != 200:
                found.failed.append(f"{path} answered with {status}")
            await asyncio.sleep(max(0.0, start + every - time.monotonic()))
            if every > KEPT_SECONDS:
                writer.close()
                reader = writer = None
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        found.failed.append(f"{type(error).__name__}: {error}")
    finally:
        if writer is not None:
            writer.close()


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port, limit=2**22)


async def _ask(url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> tuple[int, bytes]:
    """Send a request and read the whole answer."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.partition(b":")[2]) for line in head.split(b"\r\n")
                  if line.lower().startswith(b"content-length"))
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


async def _follow(url: str, process: psutil.Process, store: Store, run: str, streams: int, seconds: float,
                  found: Found) -> None:
    """Follow the event log by many streams while events are written steadily."""
    if not streams or seconds <= 0:
        return
    reader, writer = await _connect(url)
    _, body = await _ask(url, reader, writer, "/v1/events?limit=1")
    start = int(json.loads(body)["newest"])
    writer.close()
    found.events = [0] * streams
    tasks = [asyncio.create_task(_stream(url, start, number, found)) for number in range(streams)]
    await asyncio.sleep(min(5.0, seconds))
    stop, written = threading.Event(), [0]
    thread = threading.Thread(target=_write, args=(store, run, stop, written))
    thread.start()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found.rss.append(process.memory_info().rss)
        await asyncio.sleep(1.0)
    stop.set()
    await asyncio.to_thread(thread.join)
    ends = time.monotonic() + ARRIVAL_SECONDS
    while min(found.events) < written[0] and time.monotonic() < ends:
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    found.failed += [f"stream {number} had {count} of {written[0]} events" for number, count in enumerate(found.events)
                     if count != written[0]]


def _write(store: Store, run: str, stop: threading.Event, written: list[int]) -> None:
    while not stop.wait(1 / EVENTS_PER_SECOND):
        with store.write() as connection:
            append_without_claim(connection, run, RunAnnotated((), f"note {written[0]}", "load"))
        written[0] += 1


async def _stream(url: str, start: int, number: int, found: Found) -> None:
    reader, writer = await _connect(url)
    try:
        writer.write(f"GET /v1/events/stream?after={start} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
        last = start
        while line := await reader.readline():
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                if event["id"] != last + 1:
                    found.failed.append(f"stream {number}: event {event['id']} after {last}")
                last = event["id"]
                found.events[number] += 1
                found.delays.append((time.time(), time.time() - parse(event["at"]).timestamp()))
        found.failed.append(f"stream {number} was closed")
    finally:
        writer.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Simulate power cuts, and check that the store is intact on whatever the disk may then contain.

The statements of a journal are recorded and replayed on a file system (apsw's VFS) that tracks for every file what was
synced and what was only written. After a cut each write since the last sync is present, lost, or torn, in any mixture.
The program itself then opens the store: every acknowledged event must be in it.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import apsw
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError

from store import commands, schema
from store.database import Store, StoreError, integrity_faults, open_store
from store.event_log import leases
from store.event_log.journal import Journal
from store.events import AnswerRecord, AnswersGiven, CycleStarted, MetricLogged, RunStarted, StageProgressed
from store.projections.rebuild import rebuild
from tests.plain_runs import plain_run

SECTOR = 512
APPENDS = 120
_CHECKPOINT_PAGES = 40  # often, so that cuts come upon checkpoints too


@dataclass(frozen=True)
class Write:
    """A write to the file system; `data` None is a truncation to `offset`."""

    file: str
    offset: int
    data: bytes | None


@dataclass(frozen=True)
class Sync:
    """A sync: everything written to the file so far is durable."""

    file: str


@dataclass(frozen=True)
class Acknowledged:
    """A commit has returned; the number of commits so far."""

    commits: int


@dataclass
class Disk:
    """Durable content of each file, and pending writes."""

    certain: dict[str, bytearray] = field(default_factory=dict)
    pending: dict[str, list[Write]] = field(default_factory=dict)

    def take(self, happened: Write | Sync) -> None:
        if isinstance(happened, Write):
            self.pending.setdefault(happened.file, []).append(happened)
        else:
            for write in self.pending.pop(happened.file, []):
                _apply(self.certain.setdefault(happened.file, bytearray()), write)

    def after_a_cut(self, chance: random.Random) -> dict[str, bytes]:
        """Return one of the possible states of the disk after a cut."""
        found = {name: bytearray(content) for name, content in self.certain.items()}
        for name, writes in self.pending.items():
            for write in writes:
                fate = chance.random()
                if fate < 0.4:
                    _apply(found.setdefault(name, bytearray()), write)
                elif fate < 0.7 and write.data is not None:
                    for torn in _sectors(write, chance):
                        _apply(found.setdefault(name, bytearray()), torn)
        return {name: bytes(content) for name, content in found.items()}


@dataclass
class Tally:
    """Results of the cuts."""

    cuts: int = 0
    lost: int = 0
    """Acknowledged events that were not there afterwards."""
    unsound: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run(trials: int, seed: int, synchronous: str = "FULL") -> Tally:
    """Simulate `trials` power cuts, each at a random time of the same workload."""
    began, tally, chance = time.monotonic(), Tally(), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="power-") as name:
        folder = Path(name)
        before, statements, rows = _work(folder / "work")
        story = _story(folder / "disk", before, statements, synchronous)
        for trial in range(trials):
            _cut(story[:chance.randrange(len(story))], rows, before, random.Random(f"{seed} {trial}"), folder / "cut",
                 tally)
    tally.seconds = time.monotonic() - began
    return tally


def _cut(story: list[Any], rows: list[Any], before: bytes, chance: random.Random, folder: Path, tally: Tally) -> None:
    disk, acknowledged = Disk(certain={"events.db": bytearray(before)}), 0
    for happened in story:
        if isinstance(happened, Acknowledged):
            acknowledged = happened.commits
        else:
            disk.take(happened)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in disk.after_a_cut(chance).items():
        (folder / name).write_bytes(content)
    tally.cuts += 1
    wrong = _look(folder, rows[acknowledged], rows, tally)
    tally.failures += [f"cut {tally.cuts}, after {len(story)} steps: {fault}" for fault in wrong]


def _look(folder: Path, expected: list[Any], rows: list[Any], tally: Tally) -> list[str]:
    """Return what is wrong with the store that the program opens after the cut."""
    try:
        store = open_store(f"sqlite:///{folder / 'events.db'}")
        unsound, found, old = integrity_faults(store), _events(store), stale(store)
        store.close()
    except (StoreError, DatabaseError) as error:
        tally.unsound += 1
        return [str(error).splitlines()[0]]
    tally.unsound += bool(unsound)
    missing = [row for row in expected if row not in found]
    tally.lost += len(missing)
    return [*unsound, *old, *(["acknowledged events are gone"] if missing else []),
            *([] if found in rows else ["an event is there in part, or one that nobody wrote"])]


def _work(folder: Path) -> tuple[bytes, list[list[str]], list[list[Any]]]:
    """The store before the work, each transaction's statements, and the events after none, one, two ... of them."""
    store = open_store(f"sqlite:///{folder / 'events.db'}")
    commands.launch_run(store, plain_run(), "chaos")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    with store.driver_connection() as driver:
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before, journal = (folder / "events.db").read_bytes(), Journal(store, claim)
    spoken: list[str] = []
    with store.write() as connection:
        connection.connection.dbapi_connection.set_trace_callback(spoken.append)  # type: ignore[union-attr]
    spoken.clear()
    statements: list[list[str]] = []
    rows = [_events(store)]
    for tell in _tellings(journal):
        tell()
        statements.append([text for text in spoken if not text.startswith("SELECT")])
        rows.append(_events(store))
        spoken.clear()
    store.close()
    return before, statements, rows


def _tellings(journal: Journal) -> Iterator[Callable[[], None]]:
    """Return transactions of the sizes that occur in a run."""
    yield lambda: journal.append(RunStarted("chaos", 1, {}, ()), CycleStarted(), cycle=1)
    for step in range(APPENDS):
        answers = tuple(AnswerRecord(f"q{step} {n}", "words " * 60, None, 60, 0.5, False) for n in range(step % 9))
        told = [*(MetricLogged("loss", step * 10 + n, 1.0) for n in range(1 + step % 5)),
                StageProgressed(step, APPENDS, "steps"), *([AnswersGiven("tuned", answers)] if answers else [])]
        yield partial(journal.append, *told, cycle=1, stage="fine-tune")


def _story(folder: Path, before: bytes, statements: list[list[str]], synchronous: str) -> list[Any]:
    """Return all writes and syncs, and when commits returned, in order."""
    folder.mkdir(parents=True)
    (folder / "events.db").write_bytes(before)
    story: list[Any] = []
    disk = _Watched(story)
    connection = apsw.Connection(str(folder / "events.db"), vfs=disk.name)
    for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", f"wal_autocheckpoint={_CHECKPOINT_PAGES}"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    for commits, transaction in enumerate(statements, start=1):
        for statement in transaction:
            connection.execute(statement).fetchall()
        story.append(Acknowledged(commits))
    connection.close()
    disk.unregister()
    return story


class _Watched(apsw.VFS):
    """A VFS that records every write and sync."""

    name = "watched"

    def __init__(self, story: list[Any]) -> None:
        self._story = story
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: Any) -> apsw.VFSFile:
        return _File(self._story, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, story: list[Any], name: Any, flags: Any) -> None:
        self._story = story
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name)).name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._story.append(Write(self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self._story.append(Write(self._name, size, None))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._story.append(Sync(self._name))


def _apply(content: bytearray, write: Write) -> None:
    if write.data is None:
        del content[write.offset:]
        return
    content.extend(bytes(max(0, write.offset - len(content))))
    content[write.offset:write.offset + len(write.data)] = write.data


def _sectors(write: Write, chance: random.Random) -> Iterator[Write]:
    """Return some sectors of a write: disks write whole sectors, in any order."""
    assert write.data is not None
    first = write.offset - write.offset % SECTOR
    for start in range(first, write.offset + len(write.data), SECTOR):
        begin, end = max(start, write.offset), min(start + SECTOR, write.offset + len(write.data))
        if chance.random() < 0.5:
            yield Write(write.file, begin, write.data[begin - write.offset:end - write.offset])


def _events(store: Store) -> list[Any]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(
            select(schema.events.c.seq, schema.events.c.kind, schema.events.c.at).order_by(schema.events.c.seq))]


def stale(store: Store) -> list[str]:
    """Return the read models that differ from a rebuild from the events."""
    def read_models() -> dict[str, list[str]]:
        with store.read() as connection:
            return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in schema.READ_MODELS}

    before = read_models()
    with store.write() as connection:
        rebuild(connection)
    after = read_models()
    return [f"read model {name} is not what the events make of it" for name in before if before[name] != after[name]]

"""A PostgreSQL server for the tests: the one that `STORE_URL` names, or one of our own from the system's packages."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
from sqlalchemy import NullPool, create_engine, make_url, text

_NUMBERS = itertools.count()
# What is tested is our SQL and its transactions, not PostgreSQL's disk: durability is switched off for speed.
_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "60"}


class NoServer(RuntimeError):
    """There is no server, and none can be started; the message says why."""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of a database on which databases can be made."""
    given = os.environ.get("TESTS_ON") or os.environ.get("STORE_URL", "")
    if given.startswith("postgresql"):
        yield given
        return
    with own_server() as started:
        yield started.url


class Server:
    """A server of our own, which can be stopped or held, and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data, self._programs, port = folder, folder / "data", _programs(), free_port()
        self.url = f"postgresql+psycopg://tests@127.0.0.1:{port}/postgres"
        settings = " ".join(f"-c {key}={value}" for key, value in _SETTINGS.items())
        self._options = f"-p {port} -k {folder} -h 127.0.0.1 {settings}"
        _hand_over(folder)
        _run([self._programs / "initdb", "-D", self._data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"])

    def start(self) -> None:
        """Returns when it answers."""
        self._control("-l", self._folder / "log", "-o", self._options, "start")

    def stop(self, mode: str = "fast") -> None:
        """`fast` ends all connections and keeps what was committed; `immediate` may lose the latest commits."""
        self._control("-m", mode, "stop")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to all of its processes: SIGSTOP lets every connection hang."""
        first = psutil.Process(int((self._data / "postmaster.pid").read_text().splitlines()[0]))
        for process in [first, *first.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _control(self, *arguments: object) -> None:
        _run([self._programs / "pg_ctl", "-D", self._data, "-w", *arguments])


@contextlib.contextmanager
def own_server() -> Iterator[Server]:
    """A server of our own, started."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        started = Server(Path(folder))
        started.start()
        try:
            yield started
        finally:
            started.stop("immediate")


@contextlib.contextmanager
def database(server_url: str) -> Iterator[str]:
    """The address of an empty database of its own."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)  # the server may restart
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def _programs() -> Path:
    packaged = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))
    found = shutil.which("initdb") or (packaged[-1] if packaged else None)
    if found is None:
        raise NoServer("no PostgreSQL here: apt-get install postgresql, or name a server in STORE_URL")
    return Path(found).parent


def _user() -> str | None:
    """PostgreSQL does not run as root."""
    return "postgres" if os.geteuid() == 0 else None


def _hand_over(folder: Path) -> None:
    if _user():
        shutil.chown(folder, user=_user())


def _run(command: list[object]) -> None:
    try:
        subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, user=_user(),
                       cwd="/", stdin=subprocess.DEVNULL, timeout=600)
    except (subprocess.CalledProcessError, OSError) as error:
        raise NoServer(f"PostgreSQL does not start: {getattr(error, 'stderr', None) or error}") from error


def free_port() -> int:
    """A port of this machine that nothing uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

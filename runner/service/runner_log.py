"""What the runner itself does, a line an event: JSON in `data/logs/runner.jsonl`, readable on its standard output.

What happens in a run is in the store, not here; `python -m runner logs RUN` shows it in the same two forms.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from runner.llm.credentials import NO_KEY, VARIABLE, redact
from store.database import Store
from store.event_log.journal import read_events
from store.events import Recorded
from store.paths import Paths

FILE_BYTES, FILES_KEPT = 5_000_000, 5
_MAX_VALUE_LENGTH = 240
logger = logging.getLogger("runner")


def log_event(what: str, level: int = logging.INFO, **fields: Any) -> None:
    """One event of the runner: what happened, and the values that belong to it."""
    logger.log(level, what, extra={"fields": fields})


def configure(paths: Paths, on_screen: bool = True) -> None:
    """Write the log from here on; only the one runner of a data folder does, so that rotation is safe."""
    path = log_path(paths)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = RotatingFileHandler(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
    lines.setFormatter(JsonFormatter())
    shown = logging.StreamHandler(sys.stdout)
    shown.setFormatter(TextFormatter())
    logger.handlers[:] = [lines, shown] if on_screen else [lines]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def log_path(paths: Paths) -> Path:
    """The log file that is written now; older ones lie beside it, numbered."""
    return paths.data / "logs" / "runner.jsonl"


def run_lines(store: Store, run: str, after_seq: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """A run's events as log lines, each with its number in the run."""
    for item in read_events(store, run, after_seq):
        yield item.seq, _event_line(item)


def format_line(line: Mapping[str, Any]) -> str:
    """A log line for people: moment, what, and short values."""
    rest = {key: value for key, value in line.items() if key not in ("at", "level", "what") and value not in (None, "")}
    values = "  ".join(f"{key}={_short(value)}" for key, value in rest.items())
    loud = f"{line['level'].upper()} " if line.get("level") in ("warning", "error") else ""
    return f"{str(line['at'])[:19].replace('T', ' ')}  {loud}{line['what']}  {values}".rstrip()


def _event_line(item: Recorded) -> dict[str, Any]:
    fields = dataclasses.asdict(item.event)  # type: ignore[call-overload]
    return {"at": item.at.isoformat(), "what": item.kind, "run": item.run, "seq": item.seq, "cycle": item.cycle,
            "stage": item.stage, **fields}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = text.replace("\n", " ")
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"


class JsonFormatter(logging.Formatter):
    """One JSON object a line, without any key."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(json.dumps(_line(record), default=str, ensure_ascii=False), os.environ.get(VARIABLE) or NO_KEY)


class TextFormatter(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(format_line(_line(record)), os.environ.get(VARIABLE) or NO_KEY)


def _line(record: logging.LogRecord) -> dict[str, Any]:
    line = {"at": datetime.fromtimestamp(record.created, UTC).isoformat(), "level": record.levelname.lower(),
            "what": record.getMessage(), **getattr(record, "fields", {})}
    return line | ({"trace": logging.Formatter().formatException(record.exc_info)} if record.exc_info else {})

"""The runner's own log, one line per event: JSON in `data/logs/runner.jsonl`, text on standard output.

The events of a run are in the store, not here; `python -m runner logs RUN` prints them in the same two formats.
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

from runner.llm.credentials import VARIABLE
from runner.llm.redaction import NO_KEY
from runner.llm.redaction import redact
from store.database import Store
from store.event_log.journal import read_events
from store.events import Recorded
from store.paths import Paths

FILE_BYTES, FILES_KEPT = 5_000_000, 5
_MAX_VALUE_LENGTH = 240
logger = logging.getLogger("runner")


def log_event(what: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log one event of the runner with its values."""
    logger.log(level, what, extra={"fields": fields})


def configure(paths: Paths, on_screen: bool = True) -> None:
    """Start writing the log; only the one runner of a data folder does, so that rotation is safe."""
    path = log_path(paths)
    path.parent.mkdir(parents=True, exist_ok=True)
    to_file = RotatingFileHandler(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
    to_file.setFormatter(JsonFormatter())
    to_screen = logging.StreamHandler(sys.stdout)
    to_screen.setFormatter(TextFormatter())
    logger.handlers[:] = [to_file, to_screen] if on_screen else [to_file]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def log_path(paths: Paths) -> Path:
    """Return the current log file; rotated files are numbered, in the same folder."""
    return paths.data / "logs" / "runner.jsonl"


def run_lines(store: Store, run: str, after_seq: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield a run's events as (sequence number in the run, log line)."""
    for item in read_events(store, run, after_seq):
        yield item.seq, _event_line(item)


def format_line(line: Mapping[str, Any]) -> str:
    """Format a log line as text: time, event, and shortened values."""
    rest = {key: value for key, value in line.items() if key not in ("at", "level", "what") and value not in (None, "")}
    values = "  ".join(f"{key}={_short(value)}" for key, value in rest.items())
    level = f"{line['level'].upper()} " if line.get("level") in ("warning", "error") else ""
    return f"{str(line['at'])[:19].replace('T', ' ')}  {level}{line['what']}  {values}".rstrip()


def _event_line(item: Recorded) -> dict[str, Any]:
    fields = dataclasses.asdict(item.event)  # type: ignore[call-overload]
    return {"at": item.at.isoformat(), "what": item.kind, "run": item.run, "seq": item.seq, "cycle": item.cycle,
            "stage": item.stage, **fields}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = text.replace("\n", " ")
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object per line, with API keys redacted."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(json.dumps(_line(record), default=str, ensure_ascii=False), os.environ.get(VARIABLE) or NO_KEY)


class TextFormatter(logging.Formatter):
    """Formats a record as text, with API keys redacted."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(format_line(_line(record)), os.environ.get(VARIABLE) or NO_KEY)


def _line(record: logging.LogRecord) -> dict[str, Any]:
    line = {"at": datetime.fromtimestamp(record.created, UTC).isoformat(), "level": record.levelname.lower(),
            "what": record.getMessage(), **getattr(record, "fields", {})}
    return line | ({"trace": logging.Formatter().formatException(record.exc_info)} if record.exc_info else {})

"""Read a generated folder of documents: time, peak memory and passages, in a process of its own.

The folder has 10,000 files of 20 MB in all (`READING_FILES` and `READING_MB` give other sizes), Markdown, HTML and text
in equal parts, each sentence a different one, and a paragraph that all pages share.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.row import Row

FILES, MEGABYTES = int(os.environ.get("READING_FILES", "10000")), int(os.environ.get("READING_MB", "20"))
MOST_MB = 2_000
# A vocabulary of the size of a manual's: few words are frequent, most are rare.
_SYLLABLES = re.findall("..", "bacodifeguhajikolumeniporasotivuwaxezoly")
WORDS = [first + second + third for first in _SYLLABLES for second in _SYLLABLES for third in _SYLLABLES[::2]]
_CUMULATIVE = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(WORDS))))
_KINDS = ("md", "html", "txt")
_SHARED = "All parts of this manual are kept by the same team, which answers within two days of any letter to it."


def measure_reading() -> list[Row]:
    """Rows for the whole folder, read in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), FILES, MEGABYTES * 1_000_000 // FILES)
        found = json.loads(subprocess.run([sys.executable, "-m", "tests.bench.reading", folder], check=True,
                                          capture_output=True, text=True).stdout)
    what = f"{FILES:,} files, {MEGABYTES:,} MB"
    return [Row(f"reading {what}", found["seconds"], "s"),
            Row(f"reading {what}: of it files and passages", found["cut"], "s"),
            Row(f"reading {what}: peak memory", found["peak_mb"], "MB", goal=f"< {MOST_MB:,} MB"),
            Row(f"reading {what}: passages kept", found["passages"], "passages"),
            Row(f"reading {what}: passages beyond the most", found["passed_over"], "passages"),
            Row(f"reading {what}: longest time without a sign of progress", found["silent"], "s", goal="< 30 s")]


def write_folder(folder: Path, files: int, size: int) -> None:
    """A folder of documents with so many files of so many bytes."""
    for number in range(files):
        kind = _KINDS[number % len(_KINDS)]
        path = folder / f"area{number % 25}" / f"page{number}.{kind}"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(_page(number, size, kind)))


def _page(number: int, size: int, kind: str) -> list[str]:
    chance, written, parts = random.Random(number), 0, [_heading(f"Part {number}", 1, kind), _paragraph(_SHARED, kind)]
    while written < size:
        parts.append(_heading(" ".join(chance.choices(WORDS, k=3)), 2, kind))
        for _ in range(4):
            words = chance.choices(WORDS, cum_weights=_CUMULATIVE, k=36)
            text = " ".join(f"The {' '.join(words[at:at + 5])} holds at most {chance.randrange(10**6)} "
                            f"{' '.join(words[at + 5:at + 11])} of the {words[at + 11]}." for at in (0, 12, 24))
            parts.append(_paragraph(text, kind))
            written += len(text)
    return parts


def _heading(text: str, level: int, kind: str) -> str:
    return f"<h{level}>{text}</h{level}>\n" if kind == "html" else \
        f"{'#' * level} {text}\n\n" if kind == "md" else f"{text}\n{'=-'[level - 1] * len(text)}\n\n"


def _paragraph(text: str, kind: str) -> str:
    return f"<p>{text}</p>\n" if kind == "html" else f"{text}\n\n"


def _read(folder: Path) -> dict[str, float]:
    """Read the folder in this process, and measure."""
    import resource

    from knowledge.documents import ReadingProgress, read_folder

    started = time.monotonic()
    heard, silent, cut = started, 0.0, 0.0

    def on_progress(progress: ReadingProgress) -> None:
        nonlocal heard, silent, cut
        now = time.monotonic()
        silent, heard = max(silent, now - heard), now
        cut = cut or (now - started if progress.of_passages else 0.0)

    found = read_folder(folder, "Manual", on_progress)
    return {"seconds": time.monotonic() - started, "cut": cut, "silent": silent, "passages": len(found.passages),
            "passed_over": found.passed_over,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 * 1.048576}


if __name__ == "__main__":
    print(json.dumps(_read(Path(sys.argv[1]))))

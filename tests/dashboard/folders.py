"""Document folders for tests: a regular one, and one with hostile markup."""

from __future__ import annotations

from pathlib import Path

from tests.dashboard.stores import EVIL

TAG = '<img src="http://evil.example/bomb.png">'
THINGS = {
    "queues": ("queue", "backlog", "shard", "lane", "ticket", "buffer"),
    "workers": ("worker", "crew", "lease", "pool", "agent", "fiber"),
}


def manual(folder: Path, hostile: bool = False) -> Path:
    """Write two topics of pages, an unreadable file, an unsupported file and an empty one; returns the folder."""
    for topic, things in THINGS.items():
        for number, thing in enumerate(things, start=3):
            title = f"{thing} {EVIL}" if hostile else f"{thing.capitalize()} guide"
            place = f"{topic} **bold** $x^2$ :red[bomb]" if hostile else topic
            _write(folder / place / f"{thing}.md", _page(title, thing, number, f"`{TAG}`" if hostile else ""))
    _write(folder / "broken.md", "")
    _write(folder / "slides.pptx", "not a document that is read")
    (folder / "junk.md").write_bytes(bytes(range(256)) * 20)
    return folder


def _page(title: str, thing: str, number: int, more: str) -> str:
    return (f"# {title}\n\nA {thing} is a record that the {thing}-keeper of the plant writes to disk {number} every "
            f"night {more}.\n\n## Limits\n\nBy default a {thing} holds at most {number}0 entries, and "
            f"`max-{thing}s` changes that number for the whole plant. {more}\n\n## Repair\n\nUse `fix-{thing}` to "
            f"restore a broken {thing} from the copy of last night, which takes {number} minutes.\n")


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")

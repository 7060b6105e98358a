"""Read what the wheel needs from requirements.txt; lines under a heading `# [EXTRA]` only with that extra."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class RequirementsHook(MetadataHookInterface):
    """Called by the build backend."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set dependencies and extras."""
        found = requirements(Path(self.root, "requirements.txt").read_text(encoding="utf-8"))
        metadata["dependencies"] = found.pop("")
        metadata["optional-dependencies"] = found


def requirements(text: str) -> dict[str, list[str]]:
    """Return the requirements by extra; the empty one is what every installation has."""
    found: dict[str, list[str]] = {"": []}
    extra = ""
    for line in map(str.strip, text.splitlines()):
        if heading := re.fullmatch(r"# \[(\w*)\].*", line):
            extra = heading[1]
            found.setdefault(extra, [])
        elif line and not line.startswith("#"):
            found[extra].append(line)
    return found

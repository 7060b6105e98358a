"""Read what the wheel needs from requirements.txt; lines under a heading `# [EXTRA, ...]` only with such an extra."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

WITH_TRAINING = ("train", "phi2", "gpu")
"""Extras that can execute runs: they read a team's own documents too."""
DEVELOPMENT = "dev"
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-ray.txt")


class RequirementsHook(MetadataHookInterface):
    """Called by the build backend."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set dependencies and extras."""
        found = requirements(*(Path(self.root, name).read_text(encoding="utf-8") for name in FILES))
        metadata["dependencies"] = found.pop("")
        metadata["optional-dependencies"] = found


def requirements(text: str, for_development: str = "", optional: str = "") -> dict[str, list[str]]:
    """Return the requirements by extra; the empty one is what every installation has.

    Args:
        text: of requirements.txt.
        for_development: of requirements-dev.txt; the extra `dev` has it besides all others.
        optional: of extras that are installed by name alone, and are no part of `dev`.
    """
    found = _by_heading(text)
    for extra in WITH_TRAINING:
        found[extra] += found["docs"]
    all_others = [line for extra, lines in found.items() if extra for line in lines]
    found[DEVELOPMENT] = [*dict.fromkeys(all_others), *_by_heading(for_development)[""]]
    return found | {extra: lines for extra, lines in _by_heading(optional).items() if extra}


def _by_heading(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"": []}
    extras = [""]
    for line in map(str.strip, text.splitlines()):
        if heading := re.fullmatch(r"# \[([\w, ]*)\].*", line):
            extras = heading[1].split(", ")
        elif line and not line.startswith("#"):
            for extra in extras:
                found.setdefault(extra, []).append(line)
    return found

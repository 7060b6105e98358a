"""Names of the files that a training leaves: its checkpoints, the manifest of a complete one, and its record."""

from __future__ import annotations

FOLDER, SEAL, RECORD = "checkpoints", "seal.json", "training.json"

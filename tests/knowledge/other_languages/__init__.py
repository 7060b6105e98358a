"""Folders of prose in other languages, written for these tests: beekeeping in German, tea in Japanese."""

from __future__ import annotations

from pathlib import Path

FOLDERS = Path(__file__).parent

"""What fine-tuning left, or why it left nothing."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class AdapterTrained(Event, event_type="AdapterTrained"):
    """Fine-tuning left an adapter."""

    adapter: str
    """Folder relative to the run's folder."""
    sha256: str
    continued_from: str | None
    steps: int
    seconds: float
    tokens: int
    first_loss: float
    last_loss: float
    trainable_parameters: int
    matched_modules: tuple[str, ...]
    unmatched_targets: tuple[str, ...]


@dataclass(frozen=True)
class AdapterMissing(Event, event_type="AdapterMissing"):
    """This cycle has no adapter: fine-tuning was off, or failed. What would need one is missing for this reason."""

    reason: str
    failed: bool

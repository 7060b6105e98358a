"""Events of fine-tuning: the adapter, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class AdapterTrained(Event, event_type="AdapterTrained"):
    """Fine-tuning produced an adapter."""

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
    """This cycle has no adapter, because fine-tuning was off or failed; whatever needs one is missing for `reason`."""

    reason: str
    failed: bool

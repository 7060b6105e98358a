"""Find out whether a worker was killed for memory: by the kernel's count of OOM kills, or by the RAM that was free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LOW_MEMORY_SHARE = 0.1
"""If less of the RAM was free, an unexplained SIGKILL is attributed to an out-of-memory watchdog."""


@dataclass
class OomWatch:
    """What is known about memory since a worker started."""

    oom_kills: Callable[[], int | None]
    ram_available: Callable[[], tuple[int, int]]
    """Returns total and available RAM, in bytes."""
    min_free_share: float = 1.0
    """The smallest share of free RAM at any sample."""

    def __post_init__(self) -> None:
        self._at_start = self.oom_kills()

    def sample(self) -> None:
        """Measure the free RAM."""
        total, free = self.ram_available()
        self.min_free_share = min(self.min_free_share, free / total)

    def restart(self) -> None:
        """Count the kernel's OOM kills from now on: another worker's are explained."""
        self._at_start = self.oom_kills()

    def explains_kill(self) -> bool:
        """Return whether a SIGKILL was due to memory: the kernel's OOM count has risen, or is not available.

        Other watchdogs (earlyoom, a cluster manager) are not in that count; they kill when hardly any memory is left.
        """
        now = self.oom_kills()
        return (now is None or self._at_start is None or now > self._at_start
                or self.min_free_share < LOW_MEMORY_SHARE)

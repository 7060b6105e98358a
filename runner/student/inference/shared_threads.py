"""Compute several things at a time, each by its share of torch's threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch

T = TypeVar("T")


class SharedThreads:
    """So many threads of Python that share torch's threads out among them; `close` gives them back.

    One alone computes in the calling thread, with all of torch's.
    """

    def __init__(self, side_by_side: int) -> None:
        self._threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(side_by_side, initializer=torch.set_num_threads, initargs=(
            max(1, self._threads // side_by_side),)) if side_by_side > 1 else None

    def map(self, function: Callable[..., T], *items: Iterable[Any]) -> Iterator[T]:
        """The results in the order of the items."""
        return self._pool.map(function, *items) if self._pool else map(function, *items)

    def close(self) -> None:
        """Wait for what has begun and leave out the rest."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            torch.set_num_threads(self._threads)  # of threads to come too, which take what was last set

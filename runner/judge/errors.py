"""Exception of a metric that could not be computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class JudgeFailed(Exception):
    """A metric's library raised an error: the scores of that call are missing."""
    error_kind = "judge failure"


@contextmanager
def typed_metric_errors(metric: str) -> Iterator[None]:
    """Translate errors of a metric's library in the block to `JudgeFailed`, naming the metric."""
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError) as error:
        raise JudgeFailed(f"{metric} could not be computed: {error or type(error).__name__}") from error

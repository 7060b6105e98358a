"""Refuse to ship a cycle that only the test can have chosen."""

from __future__ import annotations

from runner.export.errors import CannotExport
from store import queries
from store.database import Store
from store.queries.best_adapter import best_adapter


def refuse_choice_by_test(store: Store, run_id: str, number: int | None, without_dev: bool) -> None:
    """Refuse a cycle named by hand, other than the last, of a run whose cycles all answered the test.

    Args:
        store: where the run is.
        run_id: the run.
        number: the cycle named by hand; None: none was.
        without_dev: whether the person said that it was chosen without development questions.

    Raises:
        CannotExport: only the test's scores can have chosen it.
    """
    run, best = queries.find_run(store, run_id), best_adapter(store, run_id)
    if run is None or best is None or number is None or without_dev or run.config.dev_questions:
        return
    if number != best.cycle and best.candidates > 1:
        raise CannotExport(
            f"cycle {number} of run {run_id} instead of the last, {best.cycle}: without development questions only "
            f"the test can have chosen it, and the best of {best.candidates} by the test looks better than it is; "
            "leave --cycle out, launch the run with --dev-questions 20, or add --without-dev, which the model card "
            "then says")

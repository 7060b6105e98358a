"""A store that cannot be used is refused with a sentence that says why and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from store import queries
from store.database import StoreError, StoreNotFound, open_for_reading, open_store, sqlite_is_safe
from store.database.migrations import CURRENT


@pytest.mark.parametrize(("version", "safe"), [((3, 40, 1), False), ((3, 51, 2), False), ((3, 51, 3), True),
                                               ((3, 50, 7), True), ((3, 50, 6), False), ((3, 44, 6), True),
                                               ((3, 53, 4), True)])
def test_releases_with_the_wal_reset_bug_are_known(version: tuple[int, int, int], safe: bool) -> None:
    assert sqlite_is_safe(version) is safe


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_text("this is no database, and long enough to be read as a header of one " * 20)
    with pytest.raises(StoreError, match=r"events\.db.*not a database"):
        open_store(f"sqlite:///{path}")


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    store = open_store(url)
    with store.write() as connection:
        connection.execute(text(f"INSERT INTO schema_version VALUES ({CURRENT + 1}, 'later')"))
    store.close()
    for opening in (open_store, open_for_reading):
        with pytest.raises(StoreError, match="newer program"):
            opening(url)


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file.*DATA_DIR"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'data' / 'events.db'}")


def test_reading_never_makes_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound):
        open_for_reading(f"sqlite:///{tmp_path / 'events.db'}")
    assert not list(tmp_path.iterdir())


def test_comparisons_of_an_earlier_version_keep_their_numbers_and_have_no_invented_ones(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    added = ("clusters", "t_p_value", "adjusted_p", "wilcoxon_p", "bootstrap_low", "bootstrap_high", "effect",
             "effect_low", "effect_high", "spread", "freedom")
    store = open_store(url)
    with store.write() as connection:
        for name in added:
            connection.exec_driver_sql(f"ALTER TABLE changes DROP COLUMN {name}")
        connection.exec_driver_sql(
            "INSERT INTO changes (run, cycle, tier, metric, topic, baseline, tuned, change, low, high, scored, asked, "
            "wins, ties, losses, p_value, verdict) VALUES ('r', 1, 'held-out', 'fact_recall', '', 0.1, 0.3, 0.2, 0.1, "
            "0.3, 20, 20, 15, 5, 0, 0.01, 'improved')")
        connection.exec_driver_sql("DELETE FROM schema_version WHERE version >= 4")
    store.close()
    store = open_store(url)
    (row,) = queries.changes_of(store, "r")
    assert (row.change, row.low, row.verdict) == (0.2, 0.1, "improved")
    assert {getattr(row, name) for name in added} == {None}
    store.close()

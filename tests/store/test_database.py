"""A store that cannot be used is refused with a sentence that says why and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from store.database import NoStoreYet, StoreUnusable, open_for_reading, open_store, sqlite_is_safe
from store.migrations import CURRENT


@pytest.mark.parametrize(("version", "safe"), [((3, 40, 1), False), ((3, 51, 2), False), ((3, 51, 3), True),
                                               ((3, 50, 7), True), ((3, 50, 6), False), ((3, 44, 6), True),
                                               ((3, 53, 4), True)])
def test_releases_with_the_wal_reset_bug_are_known(version: tuple[int, int, int], safe: bool) -> None:
    assert sqlite_is_safe(version) is safe


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_text("this is no database, and long enough to be read as a header of one " * 20)
    with pytest.raises(StoreUnusable, match=r"events\.db.*not a database"):
        open_store(f"sqlite:///{path}")


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    store = open_store(url)
    with store.write() as connection:
        connection.execute(text(f"INSERT INTO schema_version VALUES ({CURRENT + 1}, 'later')"))
    store.close()
    for opening in (open_store, open_for_reading):
        with pytest.raises(StoreUnusable, match="newer program"):
            opening(url)


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match=r"file.*DATA_DIR"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'data' / 'events.db'}")


def test_reading_never_makes_a_store(tmp_path: Path) -> None:
    with pytest.raises(NoStoreYet):
        open_for_reading(f"sqlite:///{tmp_path / 'events.db'}")
    assert not list(tmp_path.iterdir())

"""What is kept of batches and of endpoints outlives the machine: backup, restore elsewhere, rebuild, and the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from runner.export import backup_archive
from runner.service.batch_poller import BatchPoller
from store import commands, queries
from store.costs.endpoint_options import record_refused_option, refused_options
from store.database import Store, open_store
from store.paths import Paths
from store.projections.rebuild import rebuild
from store.schema import batches, endpoint_options
from tests.runner.batches.test_batch_runs import carry_out, config_at, server, state, work
from tests.runner.fake_batches import FakeBatches

__all__ = ["server"]  # a fixture


def rows_of(store: Store, table: Table) -> list[dict[str, Any]]:
    with store.read() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def test_a_restored_run_finds_its_batch_and_sends_no_refused_option_again(server: FakeBatches, store: Store,
                                                                         paths: Paths, tmp_path: Path) -> None:
    record_refused_option(store, server.url, "gpt-4o-mini", "", "seed", "", "Unknown field: 'seed'")
    run = commands.launch_run(store, config_at(server, questions=2, held_out=2), "test")
    work(store, paths.data)
    BatchPoller(store).poll()
    before = [rows_of(store, table) for table in (batches, endpoint_options)]
    assert [len(rows) for rows in before] == [1, 1] and state(store, run).work == queries.WAITING
    backup_archive.write_archive(store, paths, tmp_path / "all.tar")
    (paths.data / "runs").rename(tmp_path / "lost")  # the machine is gone

    there = Paths(tmp_path / "there", f"sqlite:///{tmp_path / 'there' / 'events.db'}")
    backup_archive.restore_archive(tmp_path / "all.tar", there, force=False)
    restored = open_store(there.store_url)
    assert [rows_of(restored, table) for table in (batches, endpoint_options)] == before
    with restored.write() as connection:
        rebuild(connection)
    assert [rows_of(restored, table) for table in (batches, endpoint_options)] == before
    assert refused_options(restored, server.url, "gpt-4o-mini", "") == {"seed": ""}
    assert (there.data / "runs" / run / before[0][0]["path"]).is_file()

    assert carry_out(restored, there.data, run).work == "finished"
    assert set(server.paid.values()) == {1}
    assert server.bodies and not any("seed" in body for body in server.bodies)
    restored.close()

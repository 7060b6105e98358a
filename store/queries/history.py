"""Query the run history page by page: filtered, sorted and counted by the database, for any number of runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, and_, case, cast, func, or_, select, true, type_coerce

from knowledge.kubernetes.topics import BUILT_IN, BUILT_IN_NAME
from store.database import Store
from store.event_log.lease_expiry import free_now, held_now
from store.queries.runs import Run, run_of, run_rows
from store.schema import claims, runs

_SEARCHED = ("teacher", "student", "knowledge", "knowledge_name")
"""Configuration fields that a search covers."""


@dataclass(frozen=True)
class HistoryFilter:
    """Filters and sort order. An empty value applies no filter."""

    words: str = ""
    """Substring of the name, id, group, a tag, the note, teacher, student or knowledge; case-insensitive."""
    work: str = ""
    verdict: str = ""
    archived: bool = False
    order: str = "newest"
    folded: bool = False
    """Whether each group of runs is shown by one matching run alone: the newest finished one, else a running one."""
    group: str = ""


@dataclass(frozen=True)
class FilterOptions:
    """Filter values that occur: states and verdicts of all runs, and the number of archived runs."""

    works: tuple[str, ...]
    verdicts: tuple[str, ...]
    archived: int


ORDERS: dict[str, Callable[[bool], tuple[Any, ...]]] = {
    "newest": lambda sqlite: (runs.c.requested_at.desc(),),
    "oldest": lambda sqlite: (runs.c.requested_at,),
    "longest": lambda sqlite: (_seconds(sqlite).desc().nulls_last(),),
    "shortest": lambda sqlite: (_seconds(sqlite).nulls_last(),),
    "name": lambda sqlite: (runs.c.name == "", func.lower(runs.c.name)),
    "verdict": lambda sqlite: (runs.c.verdict.is_(None), runs.c.verdict, runs.c.requested_at.desc()),
}
"""Sort orders by name; ties are sorted by id."""


def found_runs(store: Store, wanted: HistoryFilter, limit: int | None = None, offset: int = 0,
               after: tuple[str, str] | None = None) -> list[Run]:
    """Return the runs that match, from `offset` on; all of them if `limit` is None.

    Args:
        store: the store.
        wanted: filters and order.
        limit: of runs.
        offset: runs to leave out.
        after: time of the request, as stored, and id of the run that comes before the first one; of the orders newest
            and oldest. Runs that are launched or deleted meanwhile move nothing, as they do with an offset.
    """
    order = ORDERS[wanted.order](store.is_sqlite)
    query = _fitting(run_rows(), store, wanted)
    if after:
        (at, id), column = after, runs.c.requested_at
        beyond = column < at if wanted.order == "newest" else column > at
        query = query.where(or_(beyond, and_(column == at, runs.c.id > id)))
    with store.read() as connection:
        rows = connection.execute(query.order_by(*order, runs.c.id).limit(limit).offset(offset)).all()
    return [run_of(row) for row in rows]


def count_found(store: Store, wanted: HistoryFilter) -> int:
    """Count the runs that match."""
    counted = select(func.count()).select_from(runs).outerjoin(claims, claims.c.run == runs.c.id)
    with store.read() as connection:
        return int(connection.execute(_fitting(counted, store, wanted)).scalar_one())


def filter_options(store: Store) -> FilterOptions:
    """Return the states and verdicts that occur, and the number of archived runs."""
    is_lost = and_(runs.c.work == "running", free_now())
    kinds = [runs.c.work.label("work"), runs.c.verdict.label("verdict"), is_lost.label("lost"),
             func.coalesce(runs.c.archived, False).label("archived")]
    with store.read() as connection:
        found = connection.execute(
            select(*kinds, func.count().label("runs")).select_from(runs).outerjoin(claims, claims.c.run == runs.c.id)
            .group_by(*kinds).order_by(*kinds)).all()
    return FilterOptions(tuple(dict.fromkeys("lost" if row.lost else row.work for row in found)),
                         tuple(dict.fromkeys(row.verdict for row in found if row.verdict)),
                         sum(row.runs for row in found if row.archived))


def _fitting(query: Select[Any], store: Store, wanted: HistoryFilter) -> Select[Any]:
    return query.where(*_conditions(store, wanted), runs.c.id.in_(_one_of_each_group(store, wanted))
                       if wanted.folded else true())


def _one_of_each_group(store: Store, wanted: HistoryFilter) -> Select[Any]:
    """Select the ids of matching runs that are of no group, or the one that stands for theirs."""
    own = case((runs.c.group_name == "", "run " + runs.c.id), else_="group " + runs.c.group_name)
    first = case((runs.c.work == "finished", 0), (runs.c.work == "running", 1), else_=2)
    rank = func.row_number().over(partition_by=own,
                                  order_by=(first, runs.c.requested_at.desc(), runs.c.id.desc()))
    found = (select(runs.c.id, rank.label("rank")).select_from(runs).outerjoin(claims, claims.c.run == runs.c.id)
             .where(*_conditions(store, wanted)).subquery())
    return select(found.c.id).where(found.c.rank == 1)


def _conditions(store: Store, wanted: HistoryFilter) -> tuple[ColumnElement[bool], ...]:
    return (
        func.coalesce(runs.c.archived, False).is_(wanted.archived),
        _in_state(wanted.work) if wanted.work else true(),
        runs.c.verdict == wanted.verdict if wanted.verdict else true(),
        _holding(wanted.words, store.is_sqlite) if wanted.words else true(),
        runs.c.group_name == wanted.group if wanted.group else true())


def _in_state(work: str) -> ColumnElement[bool]:
    """Condition for a state; a running run without a valid lease counts as lost, as in `run_of`."""
    if work in ("running", "lost"):
        return and_(runs.c.work == "running", held_now() if work == "running" else free_now())
    return runs.c.work == work


def _holding(words: str, sqlite: bool) -> ColumnElement[bool]:
    config: Any = type_coerce(runs.c.config, JSON) if sqlite else cast(runs.c.config, JSON)
    columns = [runs.c.name, runs.c.id, runs.c.group_name, runs.c.note,
               *(config[field].as_string() for field in _SEARCHED)]
    # SQLite folds the case of ASCII alone; and tags are JSON, in which other letters are written in ASCII.
    spellings = {words, words.lower(), words.upper(), words.title()}
    holding = [column.icontains(spelling, autoescape=True) for column in columns for spelling in spellings]
    holding += [runs.c.tags.icontains(json.dumps(spelling)[1:-1], autoescape=True) for spelling in spellings]
    if words.casefold() in BUILT_IN_NAME.casefold():
        holding.append(config["knowledge"].as_string() == BUILT_IN)
    return or_(*holding)


def _seconds(sqlite: bool) -> Any:
    """Duration from the first start to the end; NULL for a run that has not ended."""
    if sqlite:
        return func.julianday(runs.c.ended_at) - func.julianday(runs.c.started_at)
    return func.to_timestamp(runs.c.ended_at, _PG_TIME) - func.to_timestamp(runs.c.started_at, _PG_TIME)


_PG_TIME = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'

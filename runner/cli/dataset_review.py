"""The actions of `dataset` that people decide with: list, edit, approve, reject, comment, ask again, import."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from knowledge.question_sets import FaultyQuestions, read_rows
from runner.errors import UserError
from store.commands import review
from store.commands.review import OPINIONS, Decision, Person
from store.database import Store, open_for_reading, open_store
from store.dataset_import import decisions_of, import_difference
from store.dataset_items import APPROVED, GENERAL, REJECTED, TEST, TRAIN, UNDECIDED, DatasetItem
from store.events import ItemCommented
from store.formatting import escape_invisible
from store.paths import default_paths
from store.program_name import NAME
from store.queries import find_run
from store.queries.dataset_items import dataset_review, item_entries

EDITED = "edited"
_STATES = (UNDECIDED, APPROVED, REJECTED, EDITED)
_SHOWN_CHARACTERS = 100


def add_arguments(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Each action with its options."""
    listing = actions.add_parser("list", help="print one line for each question: id, set, state and question")
    _run(listing)
    _filter(listing)
    listing.add_argument("--json", action="store_true", help="print one JSON object a question, with its hash `seen`")
    edit = actions.add_parser("edit", help="change a question or its reference, which approves it")
    _run(edit)
    edit.add_argument("question", help="the question's id, as `list` prints it")
    edit.add_argument("--question", dest="text", metavar="TEXT", help="the question from now on")
    edit.add_argument("--answer", metavar="TEXT", help="the reference from now on")
    edit.add_argument("--seen", default="", metavar="HASH",
                      help="refuse where the question is not as it was when `list --json` printed this hash")
    _person(edit, "why, in a sentence")
    for name, text in (("approve", "approve questions"), ("reject", "reject questions, with a reason")):
        deciding = actions.add_parser(name, help=f"{text}: by id, or all that a filter finds, in one step")
        _run(deciding)
        deciding.add_argument("questions", nargs="*", metavar="QUESTION", help="ids, as `list` prints them")
        deciding.add_argument("--rest", action="store_true", help="all undecided ones, of the filter if one is given")
        _filter(deciding)
        _person(deciding, "why, in a sentence" + (" (needed)" if name == "reject" else ""))
    commenting = actions.add_parser("comment", help="comment on a question")
    _run(commenting)
    commenting.add_argument("question", help="the question's id, as `list` prints it")
    commenting.add_argument("--comment", default="", metavar="TEXT", help="what is to be said")
    commenting.add_argument("--opinion", choices=OPINIONS[1:], default="", help="whether it may stay as it is")
    commenting.add_argument("--by", default="command line", metavar="NAME", help="who says so")
    again = actions.add_parser("ask-again", help="write as many questions as were rejected, and wait for their review")
    _run(again)
    again.add_argument("--by", default="command line", metavar="NAME", help="who asks")
    bringing = actions.add_parser("import", help="read an exported CSV or JSON lines file that was edited elsewhere, "
                                                 "show what changes, and record it as a new version")
    _run(bringing)
    bringing.add_argument("file", type=Path, metavar="FILE", help="as `dataset export` wrote it to csv or plain")
    bringing.add_argument("--dry-run", action="store_true", help="show what would change, and record nothing")
    _person(bringing, "why, in a sentence")


def execute(args: argparse.Namespace) -> int:
    """Execute one of these actions."""
    if find_run(open_for_reading(default_paths().store_url), args.run) is None:
        raise UserError(f"no run {args.run!r}: list them with '{NAME} status'")
    return _ACTIONS[args.action](open_store(default_paths().store_url), args)


def show_item(store: Store, run: str, question: str) -> int:
    """Print one question in full, with what people did with it."""
    item = dataset_review(store, run).item(question)
    if item is None:
        raise UserError(f"run {run} has no question {question!r}: list them with '{NAME} dataset list {run}'")
    print(f"{item.question_id}  {item.part}, cycle {item.cycle}, {item.tier}, {item.topic}, {_state(item)}, written by "
          f"{item.writer}")
    for name, text in (("question", item.question), ("answer", item.answer or f"(missing: {item.missing})"),
                       ("evidence", item.evidence), ("key terms", ", ".join(item.key_terms)), ("source", item.source),
                       ("passage", item.passage)):
        print(f"  {name + ':':10} {_line(text) or '-'}")
    for one in item_entries(store, run):
        if one.question_id in (item.question_id, item.drafted_id):
            print(f"  {one.at:%Y-%m-%d %H:%M} {one.by}: {one.what}" + (f": {_line(one.text)}" if one.text else ""))
            for before, after in ((one.question_before, one.question), (one.answer_before, one.answer)):
                if after:
                    print(f"    was {_line(before)!r}\n    now {_line(after)!r}")
    return 0


def _list(store: Store, args: argparse.Namespace) -> int:
    found = _found(dataset_review(store, args.run).items, args)
    for one in found:
        if args.json:
            print(json.dumps({"question_id": one.question_id, "part": one.part, "cycle": one.cycle, "tier": one.tier,
                              "decision": one.decision, "edited": one.edited, "by": one.by, "reason": one.reason,
                              "question": one.question, "answer": one.answer, "topic": one.topic,
                              "origin": one.origin, "round": one.round, "seen": one.seen}, ensure_ascii=False))
        else:
            print(f"{one.question_id}  {one.part:7} {_state(one):18} {_short(one.question)}")
    if not found and not args.json:
        print("no question matches")
    return 0


def _edit(store: Store, args: argparse.Namespace) -> int:
    if args.text is None and args.answer is None:
        raise UserError("edit changes nothing: give --question TEXT or --answer TEXT")
    wanted = Decision(args.question, APPROVED, args.text, args.answer, args.seen)
    changed = review.decide(store, args.run, [wanted], Person(args.by), args.reason)
    return _said(store, args.run, changed, "edited and approved")


def _decide(store: Store, args: argparse.Namespace) -> int:
    decision = APPROVED if args.action == "approve" else REJECTED
    by_filter = bool(args.rest or args.part or args.state or args.words)
    if bool(args.questions) == by_filter:
        raise UserError(f"{args.action} needs ids of questions, or a filter: --rest, --part, --state or --words")
    items = dataset_review(store, args.run).items
    wanted = [Decision(id, decision) for id in args.questions] or [
        Decision(one.question_id, decision, seen=one.seen) for one in _found(items, args)
        if one.part != GENERAL and not one.sealed and (one.decision == UNDECIDED or not args.rest)]
    changed = review.decide(store, args.run, wanted, Person(args.by), args.reason, bulk=by_filter)
    return _said(store, args.run, changed, decision)


def _comment(store: Store, args: argparse.Namespace) -> int:
    review.comment(store, args.run, ItemCommented(args.question, args.comment.strip(), args.opinion, args.by.strip()))
    return 0


def _ask_again(store: Store, args: argparse.Namespace) -> int:
    count = review.ask_again(store, args.run, Person(args.by))
    print(f"{count:,} questions are written again: execute the run with '{NAME} resume {args.run}', unless a "
          "runner is online; then review them")
    return 0


def _import(store: Store, args: argparse.Namespace) -> int:
    try:
        found = import_difference(read_rows(args.file.expanduser()), dataset_review(store, args.run).items)
    except FaultyQuestions as error:
        raise UserError("\n".join(error.errors)) from error
    print(*map(_line, found.sentences()), sep="\n")
    if args.dry_run or found.nothing:
        return 0
    reason = args.reason or f"edited in {found.name}"
    changed = review.decide(store, args.run, decisions_of(found.changes), Person(args.by), reason, found.source,
                            added=found.added)
    return _said(store, args.run, changed, "changed")


_ACTIONS = {"list": _list, "edit": _edit, "approve": _decide, "reject": _decide, "comment": _comment,
            "ask-again": _ask_again, "import": _import}
NAMES = tuple(_ACTIONS)


def _said(store: Store, run: str, changed: int, what: str) -> int:
    found = dataset_review(store, run)
    if found.open:
        left = len(found.of(UNDECIDED))
        print(f"{changed:,} {what}; {left:,} undecided" + ("" if left else
              f": the run goes on with '{NAME} resume {run}'"))
    else:
        versions = ", ".join(f"{part} version {number}" for part, number in found.versions.items())
        print(f"{changed:,} {what}; now {versions}. The run used version 1: no result changes")
    return 0


def _found(items: Sequence[DatasetItem], args: argparse.Namespace) -> list[DatasetItem]:
    words = (args.words or "").casefold()
    return [one for one in items if args.part in (None, one.part)
            and (args.state in (None, one.decision) or (args.state == EDITED and one.edited))
            and (not words or words in f"{one.question}\n{one.answer or ''}\n{one.topic}".casefold())]


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="a run's id, as `status` shows it")


def _filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--part", choices=(TRAIN, TEST, GENERAL), help="this set only")
    parser.add_argument("--state", choices=_STATES, help="questions in this state only")
    parser.add_argument("--words", metavar="TEXT", help="questions with this text in question, reference or topic")


def _person(parser: argparse.ArgumentParser, why: str) -> None:
    parser.add_argument("--reason", default="", metavar="TEXT", help=why)
    parser.add_argument("--by", default="command line", metavar="NAME", help="who decides")


def _state(one: DatasetItem) -> str:
    return one.decision + (", edited" if one.edited else "")


def _short(text: str) -> str:
    line = _line(text)
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}..."


def _line(text: str) -> str:
    return escape_invisible(" ".join(text.split()))

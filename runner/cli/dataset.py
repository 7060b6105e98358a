"""`dataset`: show, review, correct, import and export the questions and references of a run."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from runner.cli import dataset_review
from runner.errors import UserError
from runner.export.errors import CannotExport
from store.commands import dataset as commands
from store.data_origin import FLAGS, flag_sentence, origin_sentences
from store.database import Store, open_for_reading, open_store
from store.events import ItemFlagged
from store.formatting import escape_invisible
from store.paths import default_paths
from store.program_name import NAME
from store.queries import find_run
from store.queries.data_origin import origins_of
from store.queries.dataset_flags import flags_of
from store.queries.dataset_items import GENERAL, TEST, TRAIN, dataset_items, rejected_drafts

REJECTED = "rejected"
SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which run."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="print who wrote the questions, and the questions with their references")
    show.add_argument("run", help="a run's id, as `status` shows it")
    show.add_argument("question", nargs="?", help="one question in full, with what people did with it")
    show.add_argument("--part", choices=(TRAIN, TEST, GENERAL, REJECTED), help="this set only (default: all)")
    show.add_argument("--limit", type=int, default=SHOWN, metavar="N", help=f"questions of a set to print ({SHOWN})")
    show.add_argument("--json", action="store_true", help="print every question as one JSON object, all fields")
    flagging = actions.add_parser("flag", help="flag a question's reference or the question itself, with a reason")
    flagging.add_argument("run", help="a run's id, as `status` shows it")
    flagging.add_argument("question", help="the question's id, as `show` prints it")
    flagging.add_argument("--flag", choices=FLAGS, default=FLAGS[0], help=f"what is wrong ({FLAGS[0]})")
    flagging.add_argument("--reason", required=True, help="why, in a sentence")
    flagging.add_argument("--by", default="command line", metavar="NAME", help="who says so")
    flagging.add_argument("--withdraw", action="store_true", help="withdraw this person's flag")
    export = actions.add_parser("export", help="write training and test set as chats, JSON lines, CSV and Parquet")
    export.add_argument("run", help="a run's id, as `status` shows it")
    export.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="a new folder")
    export.add_argument("--version", type=int, metavar="N",
                        help="of the sets: 1 is what the run used (default: the newest, with all corrections)")
    dataset_review.add_arguments(actions)


def run(args: argparse.Namespace) -> int:
    """Execute one action; `show` and `export` change nothing."""
    if args.action in dataset_review.NAMES:
        return dataset_review.execute(args)
    if args.action == "flag":
        commands.flag(open_store(default_paths().store_url), args.run,
                      ItemFlagged(args.question, args.flag, args.reason.strip(), args.by.strip(), args.withdraw))
        return 0
    store = open_for_reading(default_paths().store_url)
    if find_run(store, args.run) is None:
        raise UserError(f"no run {args.run!r}: list them with '{NAME} status'")
    return _export(store, args) if args.action == "export" else _show(store, args)


def _show(store: Store, args: argparse.Namespace) -> int:
    if args.question:
        return dataset_review.show_item(store, args.run, args.question)
    items = [item for item in dataset_items(store, args.run) if args.part in (None, item.part)]
    drafts = rejected_drafts(store, args.run) if args.part in (None, REJECTED) else []
    if args.json:
        for row in (*(item._asdict() for item in items), *map(dataclasses.asdict, drafts)):
            print(json.dumps(row, ensure_ascii=False))
        return 0
    print(*origin_sentences(origins_of(store, args.run)) or ["no question is written yet"], sep="\n")
    print(*flag_sentence((one.question_id, one.flag, one.by) for one in flags_of(store, args.run)), sep="\n")
    for part in (TRAIN, TEST, GENERAL):
        of_part = [item for item in items if item.part == part]
        for item in of_part[:args.limit]:
            print(f"\n{part}, cycle {item.cycle}, {item.tier}, {item.topic}, {item.origin}  {item.question_id}")
            print(f"  {_line(item.question)}\n  {_line(item.answer or f'no reference: {item.missing}')}")
        if len(of_part) > args.limit:
            print(f"\n... and {len(of_part) - args.limit:,} more of {part}: --limit shows more, --json all")
    for draft in drafts[:args.limit]:
        print(f"\nrejected, {draft.part}, {draft.topic}: {_line(draft.question) or '(no draft)'}")
        print(f"  {_line(draft.reason)}")
    return 0


def _export(store: Store, args: argparse.Namespace) -> int:
    from runner.export.dataset_export import export_dataset

    try:
        done = export_dataset(store, args.run, args.to.expanduser().absolute(), args.version)
    except (CannotExport, OSError) as error:
        raise UserError(f"--to {args.to}: {error}") from error
    print(f"{done.folder}: {', '.join(f'{count:,} of {part}' for part, count in done.rows.items())}"
          + (f"; {done.left_out} without a reference left out" if done.left_out else ""))
    return 0


def _line(text: str) -> str:
    return escape_invisible(" ".join(text.split()))

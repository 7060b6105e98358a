"""`webhook`: add, list and remove webhooks, and send again what was given up."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
from urllib.parse import urlsplit

from store.commands.webhooks import FORMATS, add_webhook, remove_webhook, send_again
from store.database import StoreNotFound, open_existing_store, open_for_reading, open_store
from store.event_log.outbox import OCCASIONS
from store.paths import default_paths
from store.program_name import NAME
from store.queries.webhooks import Webhook, all_webhooks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands."""
    kinds = parser.add_subparsers(required=True, metavar="add|list|remove|send-again")
    adding = kinds.add_parser("add", help="add a webhook; prints the secret that its deliveries are signed with")
    adding.add_argument("name")
    adding.add_argument("url", metavar="URL", help="where it is sent")
    adding.add_argument("--on", default="", metavar="A,B",
                        help=f"what it is about (default: all): {', '.join(OCCASIONS)}")
    adding.add_argument("--format", choices=FORMATS, default="json",
                        help="form of the body: json, or a message for Slack or Discord (default: %(default)s)")
    adding.add_argument("--private-addresses", action="store_true",
                        help="the address may be of this machine or of a private network")
    adding.set_defaults(webhook_command=_add)
    listing = kinds.add_parser("list", help="all webhooks, and how their deliveries went")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    listing.set_defaults(webhook_command=_list)
    for kind, command, text in (("remove", _remove, "remove a webhook, and what was still to be sent to it"),
                                ("send-again", _send_again, "send what was given up again")):
        changing = kinds.add_parser(kind, help=text)
        changing.add_argument("name")
        changing.set_defaults(webhook_command=command)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    code: int = args.webhook_command(args)
    return code


def _add(args: argparse.Namespace) -> int:
    occasions = [one.strip() for one in args.on.split(",") if one.strip()]
    print(add_webhook(open_store(default_paths().store_url), args.name, args.url, occasions, args.format,
                      args.private_addresses))
    return 0


def _list(args: argparse.Namespace) -> int:
    found: list[Webhook] = []
    with contextlib.suppress(StoreNotFound):
        found = all_webhooks(open_for_reading(default_paths().store_url))
    if args.json:
        print(json.dumps([dataclasses.asdict(hook) for hook in found], default=str))
        return 0
    for hook in found:
        print(f"{hook.name}  {hook.format}  {urlsplit(hook.url).hostname}  {hook.delivered} delivered, {hook.pending} "
              f"pending, {hook.dead} given up{f': {hook.error}' if hook.error else ''}")
    if not found:
        print(f"no webhook yet: add one with '{NAME} webhook add NAME URL'")
    return 0


def _remove(args: argparse.Namespace) -> int:
    remove_webhook(open_existing_store(default_paths().store_url), args.name)
    print(f"removed: {args.name}")
    return 0


def _send_again(args: argparse.Namespace) -> int:
    print(f"sent again: {send_again(open_existing_store(default_paths().store_url), args.name)}")
    return 0

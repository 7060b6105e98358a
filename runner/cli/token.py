"""`token`: make, list and revoke the tokens that programs send to the REST interface."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json

from store.commands.api_tokens import SCOPES, add_token, revoke_token
from store.database import StoreNotFound, open_existing_store, open_for_reading, open_store
from store.paths import default_paths
from store.program_name import NAME
from store.queries.api_tokens import ApiToken, api_tokens


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands."""
    kinds = parser.add_subparsers(required=True, metavar="add|list|revoke")
    adding = kinds.add_parser("add", help="make a token; its text is printed once and stored nowhere")
    adding.add_argument("name", help="who will send it; recorded with what it asks for")
    adding.add_argument("--scope", choices=SCOPES, default="view",
                        help="view: read; review: also rate and comment; operate: everything (default: %(default)s)")
    adding.add_argument("--days", type=int, metavar="N", help="it expires after N days (default: never)")
    adding.set_defaults(token_command=_add)
    listing = kinds.add_parser("list", help="all tokens and whether they are valid")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    listing.set_defaults(token_command=_list)
    revoking = kinds.add_parser("revoke", help="refuse a token from now on")
    revoking.add_argument("name")
    revoking.set_defaults(token_command=_revoke)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    code: int = args.token_command(args)
    return code


def _add(args: argparse.Namespace) -> int:
    print(add_token(open_store(default_paths().store_url), args.name, args.scope, args.days))
    return 0


def _list(args: argparse.Namespace) -> int:
    found: list[ApiToken] = []
    with contextlib.suppress(StoreNotFound):
        found = api_tokens(open_for_reading(default_paths().store_url))
    if args.json:
        print(json.dumps([dataclasses.asdict(token) | {"state": token.state} for token in found], default=str))
        return 0
    for token in found:
        ends = f"expires {token.expires_at:%Y-%m-%d}" if token.expires_at else "does not expire"
        print(f"{token.name:20} {token.scope:8} {token.state:8} made {token.made_at:%Y-%m-%d}, {ends}")
    if not found:
        print(f"no token yet: make one with '{NAME} token add NAME --scope view'")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    revoke_token(open_existing_store(default_paths().store_url), args.name)
    print(f"revoked: {args.name}")
    return 0

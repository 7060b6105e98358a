"""`verify-pack` checks an evidence pack from its file alone; `make-key` makes the key that packs are signed with."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.errors import UserError
from store.report.signature import InvalidKey, fingerprint, make_key
from store.report.verification import InvalidPack, verify

REFUSED = 1
"""Exit code of a pack that contradicts itself."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The pack, and the key that it has to be signed with."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a pack that `report RUN --to FILE.json` wrote")
    parser.add_argument("--key", type=Path, metavar="PUBLIC_KEY",
                        help="refuse a pack that the holder of this key has not signed (a .pub file of make-key)")


def run(args: argparse.Namespace) -> int:
    """Print what was checked, or every difference; nothing is fetched, and no store is opened."""
    try:
        trusted = args.key.expanduser().read_text(encoding="ascii") if args.key else None
        if trusted:
            fingerprint(trusted)
        found = verify(args.file.expanduser().read_text(encoding="utf-8"), trusted)
    except InvalidKey as error:
        raise UserError(f"--key {args.key}: {error}") from error
    except InvalidPack as error:
        raise UserError(f"{args.file}: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{args.file if not args.key else f'{args.file} or {args.key}'} is not text") from error
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}") from error
    if found.differences:
        print("\n".join(found.differences))
        print(f"refused: {args.file} contradicts itself in {len(found.differences)} "
              f"{'place' if len(found.differences) == 1 else 'places'}")
        return REFUSED
    design = "; its design was sealed before the test was asked" if found.design_sealed else \
        "; its run sealed no design, as runs of earlier versions"
    signed = f"signed by {found.signer}" if found.signer else "not signed: its hashes do not say who wrote it"
    print(f"verified: run {found.run}, {found.compared:,} values computed again from its rows{design}; {signed}")
    return 0


def add_key_arguments(parser: argparse.ArgumentParser) -> None:
    """The file of the new private key."""
    parser.add_argument("file", type=Path, metavar="KEY", help="the private key's file; KEY.pub gets the public key")


def make(args: argparse.Namespace) -> int:
    """Write a new key pair; an existing file is never overwritten."""
    path = args.file.expanduser().absolute()
    try:
        public = make_key(path)
    except OSError as error:
        raise UserError(f"{error.filename or path} cannot be written: {error.strerror or 'the file exists'}") from error
    print(f"written: {path} (keep it secret) and {public}\n{fingerprint(public.read_text(encoding='ascii'))}")
    return 0

"""The settings that follow from `--practice FILE` and `--test FILE`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from knowledge.documents import NoSuchFolder, NothingReadable
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.question_sets import FaultyQuestions
from knowledge.sources import NoSuchDocuments
from runner.pipeline.documents_reader import DocumentsReader
from store.question_set_settings import implied_settings
from store.run_config import InvalidConfig, RunConfig


def with_question_files(args: argparse.Namespace, given: dict[str, Any]) -> dict[str, Any]:
    """Return the given settings with those that the files of people's questions decide, where they are not given.

    Raises:
        InvalidConfig: a file or the documents cannot be used, or a number is given that the test file decides.
    """
    if fixed := [f"--{name.replace('_', '-')}" for name in ("held_out", "taught_questions")
                 if args.test and name in given]:
        raise InvalidConfig([f"{' and '.join(fixed)} with --test {args.test}: the file decides how many questions "
                             "there are"])
    files = {name: str(Path(path).expanduser().absolute()) for name in ("practice", "test")
             if (path := getattr(args, name))}
    named = RunConfig(practice=files.get("practice", ""), test=files.get("test", ""),
                      knowledge=given.get("knowledge", BUILT_IN))
    try:
        domain = DocumentsReader().read(named).domain
    except FaultyQuestions as error:
        raise InvalidConfig(error.errors) from None
    except (NoSuchFolder, NothingReadable, NoSuchDocuments) as error:
        raise InvalidConfig([str(error)]) from None
    topics = {"topics": ()} if args.practice else {}
    return topics | implied_settings(domain, given.get("cycles", 1)) | given | files

"""The card of an exported data set: where its rows come from, and what they must not be used for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from store.data_origin import Origin, origin_sentences
from store.queries import Run

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))


def data_card(run: Run, origins: Sequence[Origin], rows: Mapping[str, int], left_out: int,
              versions: Mapping[str, int]) -> str:
    """Return `README.md` with the header that the Hugging Face hub and `datasets` read.

    Args:
        rows: part -> number of its rows; a part without rows has no split.
        run: that they were made for.
        origins: who wrote them.
        left_out: questions without a reference.
        versions: part -> version; more than 1 where people corrected it after the run used it.
    """
    size = next((name for most, name in _SIZES if sum(rows.values()) < most), "100K<n<1M")
    configs = "\n".join(_config(name, folder, rows) for name, folder in (
        ("default", "data"), ("chat", "data/chat"), ("chat-with-evidence", "data/chat-with-evidence")))
    lines = [f"- {sentence}" for sentence in origin_sentences(origins)]
    lines += [f"- {name} set: version {versions[part]}, corrected by people after the run used version 1. A run on it "
              "is another run, and its test is compared with no other."
              for part, name in (("train", "Training"), ("test", "Test")) if versions.get(part, 1) > 1]
    without = f"{left_out} questions without a reference are left out.\n" if left_out else ""
    return f"""---
pretty_name: Questions and references of run {run.id}
task_categories:
- question-answering
size_categories:
- {size}
configs:
{configs}
---
# Questions and references of run {run.id}

Exported from the record of one distillation run: teacher `{run.config.teacher}`, student `{run.config.student}`, seed
{run.config.seed}. Documents: hash `{run.knowledge_hash or "none"}`; test: hash `{run.held_out_hash or "none"}`.

## Who wrote them

{chr(10).join(lines)}

{without}
## Splits

- `train`: {rows.get("train", 0)} questions that the student was trained on, each with its reference as the answer.
- `test`: {rows.get("test", 0)} questions of the run's locked test. A student that is trained on them cannot be tested
  by them any more, in this run or in any that shares the test.

## Files

- `data/*.parquet`, `plain/*.jsonl`, `csv/*.csv`: one row per question with answer, passage, evidence, topic, tier, key
  terms, origin (`people`, `rules`, `teacher`) and whether people edited it. Edited elsewhere, `dataset import` reads
  `csv` and `plain` back and shows the difference. In CSV, a cell that a spreadsheet would execute begins with an
  apostrophe.
- `chat/*.jsonl`: `messages` of one user and one assistant turn. `chat-with-evidence/*.jsonl`: the same with the passage
  before the question, for those that have one. Both are in Parquet too: the configurations `chat` and
  `chat-with-evidence` of `load_dataset`.

The passages are quoted from the documents, whose licence applies to them.
"""


def _config(name: str, folder: str, rows: Mapping[str, int]) -> str:
    """Return one configuration; `datasets` reads all of a folder in one format, Parquet here."""
    files = "\n".join(f"  - split: {part}\n    path: {folder}/{part}.parquet" for part, count in rows.items() if count)
    return f"- config_name: {name}\n  data_files:\n{files}" + ("\n  default: true" if name == "default" else "")

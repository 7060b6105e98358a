"""The measured recipe of study items: how the presentations of a fact are shared among the forms."""

from __future__ import annotations

SHARES: dict[str, float] = {
    "question": 0.45, "title": 0.10, "short answer": 0.10, "cloze": 0.15, "sentence order": 0.05, "reverse": 0.05,
    "document": 0.10,
}
"""Form -> share of the presentations."""

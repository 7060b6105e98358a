"""Query who wrote a run's questions and references."""

from __future__ import annotations

from store.data_origin import Origin
from store.database import Store
from store.dataset_items import origins_from
from store.queries.dataset_items import dataset_content


def origins_of(store: Store, run: str) -> list[Origin]:
    """Return who wrote each set of a run as it was used, and what people edited and rejected before that."""
    content = dataset_content(store, run, version=1)
    return origins_from(content.review.items, content.drafts)

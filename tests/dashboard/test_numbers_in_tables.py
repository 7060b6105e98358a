"""Numbers in tables: written as in texts, and sorted as numbers."""

from __future__ import annotations

from io import BytesIO

import pyarrow
import pytest
from streamlit.testing.v1 import AppTest


def _page() -> None:
    """A script for AppTest, which receives only the function body."""
    from dashboard.widgets import elements
    rows = [{"before": -0.1234, "after": 0.5, "change": 0.6234}, {"before": -0.0001, "after": None, "change": -0.2}]
    elements.data_table(rows, numbers={"before": 3, "after": 2}, signed={"change": 2})


@pytest.fixture(scope="module")
def table() -> AppTest:
    return AppTest.from_function(_page, default_timeout=600).run()


def test_a_negative_number_has_a_minus_sign_and_a_missing_one_a_dash(table: AppTest) -> None:
    shown = pyarrow.ipc.open_stream(BytesIO(table.dataframe[0].proto.arrow_data.styler.display_values)).read_pandas()
    assert shown.to_numpy().tolist() == [["−0.123", "0.50", "+0.62"], ["0.000", "–", "−0.20"]]


def test_what_is_sorted_are_numbers(table: AppTest) -> None:
    assert [str(kind) for kind in table.dataframe[0].value.dtypes] == ["float64"] * 3

"""Numbers in tables: written as in texts, and sorted as numbers."""

from __future__ import annotations

from io import BytesIO

import pyarrow
import pytest
from streamlit.testing.v1 import AppTest


def _page() -> None:
    """A script for AppTest, which receives only the function body."""
    from dashboard.widgets import elements
    rows = [{"before": -0.1234, "after": 0.5, "change": 0.6234, "passages": 1234567},
            {"before": -0.0001, "after": None, "change": -0.2, "passages": 999}]
    elements.data_table(rows, numbers={"before": 3, "after": 2}, signed={"change": 2}, counts=("passages",))


@pytest.fixture(scope="module")
def table() -> AppTest:
    return AppTest.from_function(_page, default_timeout=600).run()


def displayed(table: AppTest) -> list[list[str]]:
    """The cells of the first table as they are shown."""
    shown = pyarrow.ipc.open_stream(BytesIO(table.dataframe[0].proto.arrow_data.styler.display_values)).read_pandas()
    return [[str(cell) for cell in row] for row in shown.to_numpy()]


def test_a_negative_number_has_a_minus_sign_and_a_missing_one_a_dash(table: AppTest) -> None:
    assert [row[:3] for row in displayed(table)] == [["−0.123", "0.50", "+0.62"], ["0.000", "–", "−0.20"]]


def test_a_count_has_commas_between_thousands(table: AppTest) -> None:
    assert [row[3] for row in displayed(table)] == ["1,234,567", "999"]


def _topics() -> None:
    """A script for AppTest, which receives only the function body."""
    from dashboard.panels.knowledge_panels import topic_table
    from dashboard.view_models.topic_coverage import TopicCoverage
    topic_table([TopicCoverage("pods", "Pods", {"api": 1200, "notes": 34}, 5678, 1000, 200, 1001, 99)])


def test_the_counts_of_topics_have_commas_too() -> None:
    (row,) = displayed(AppTest.from_function(_topics, default_timeout=600).run())
    assert row == ["Pods", "1,234", "1,200", "34", "5,678", "1,000", "200", "1,001", "99"]


def test_what_is_sorted_are_numbers(table: AppTest) -> None:
    assert [str(kind) for kind in table.dataframe[0].value.dtypes] == ["float64"] * 3 + ["int64"]

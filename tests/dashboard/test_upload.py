"""Uploads on the page Dataset: documents and questions are kept, and the launch form uses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from store import queries
from store.database import open_store
from tests.addresses import address_in
from tests.dashboard.conftest import words_of

Opened = Callable[..., AppTest]
FACTS = [(f"Which pressure does boiler {n} run at?", f"Boiler {n} of the plant runs at {n * 11} bar in winter")
         for n in range(1, 9)]
PRACTICE = "Frage,answer\n" + "".join(f"{q},{a}\n" for q, a in FACTS)
TEST = "question,answer\n" + "".join(f"How high is boiler {n} set in the cold season?,{a}\n"
                                     for n, (_, a) in enumerate(FACTS, 1))


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    open_store(address_in(tmp_path)).close()
    return tmp_path


def click(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def test_own_questions_are_mapped_checked_and_launched(empty: Path, opened: Opened) -> None:
    app = opened(empty, "dataset")
    app.file_uploader(key="upload practice").set_value([("p.csv", PRACTICE.encode(), "text/csv")]).run()
    assert "no question" in words_of(app)
    box = next(box for box in app.selectbox if str(box.key).startswith("column practice question"))
    box.set_value("frage").run()
    assert len(app.dataframe[0].value) == 8
    app.file_uploader(key="upload test").set_value([("t.csv", PRACTICE.replace("Frage", "question").encode(),
                                                     "text/csv")]).run()
    assert "row 2 asks in the test what row 2 of the practice set asks" in words_of(app)
    app.file_uploader(key="upload test").set_value([("t.csv", TEST.encode(), "text/csv")]).run()
    click(app, "keep questions")
    assert "Uses own practice set p-" in words_of(app) and "own test t-" in words_of(app)
    click(app, "launch")
    store = open_store(address_in(empty))
    (run,) = queries.all_runs(store)
    assert Path(run.config.practice).parent == empty / "uploads" / "questions" and Path(run.config.test).is_file()
    assert (run.config.questions, run.config.taught_questions, run.config.held_out) == (8, 8, 0)
    store.close()


def test_documents_are_kept_and_the_form_uses_their_folder(empty: Path, opened: Opened) -> None:
    app = opened(empty, "dataset")
    pages = [(f"page{n}.md", f"# Boiler {n}\n\nBoiler {n} runs at {n} bar.\n".encode(), "text/markdown")
             for n in range(3)]
    app.file_uploader(key="upload documents").set_value(pages).run()
    click(app, "keep documents")
    (folder,) = [path for path in (empty / "uploads" / "documents").iterdir() if path.is_dir()]
    assert len(list(folder.iterdir())) == 3
    assert app.session_state["launch knowledge"] == str(folder) and "3 documents kept" in words_of(app)

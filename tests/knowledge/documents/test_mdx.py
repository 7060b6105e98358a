"""MDX: Markdown within components is read, statements and expressions of its programs are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.documents import read_folder
from tests.knowledge.folder_files import FACT, fact, write

PLAIN = FACT.replace("`", "")


@pytest.mark.parametrize("text", [
    f"import {{\n  One,\n  Two,\n}} from './parts';\n\n{FACT}\n",
    f"export const meta = {{\n  title: 'A page of the manual that is about queues.',\n  tags: ['x'],\n}}\n\n{FACT}\n",
    f"export default function Layout(props) {{\n  return <div>It is a page.</div>\n}}\n\n{FACT}\n",
    f"<Card\n  title=\"All > queues\"\n  icon={{<Icon size={{2}} />}}\n>\n  {FACT}\n</Card>\n",
    f"<ParamField path=\"id\" type=\"string\" required>\n  {FACT}\n</ParamField>\n",
    f"<Steps>\n  <Step title=\"One\">\n\n    {FACT}\n\n  </Step>\n</Steps>\n",
    f"<>\n{FACT}\n</>\n", f"{{/* a comment of\nseveral lines that says a word about a queue */}}\n\n{FACT}\n",
    f"<Tabs.Root>\n\n{FACT}\n\n```jsx\n<Code>It is a list of code and no prose of it.</Code>\n```\n\n</Tabs.Root>\n"])
def test_prose_within_components_is_read_and_their_code_is_not(tmp_path: Path, text: str) -> None:
    write(tmp_path / "page.mdx", f"# Page\n\n{text}")
    assert [passage.text for passage in read_folder(tmp_path).passages] == [PLAIN]


def test_a_component_within_code_marks_stays_in_its_sentence(tmp_path: Path) -> None:
    said = "The component `<Queue max={40}>` shows all jobs of one scheduler and marks those that wait on its disk."
    write(tmp_path / "page.mdx", f"# Page\n\n{said}\n")
    assert [passage.text for passage in read_folder(tmp_path).passages] == [said.replace("`", "")]


def test_a_sentence_with_an_expression_is_left_out_whole(tmp_path: Path) -> None:
    write(tmp_path / "page.mdx", f"# Page\n\nA queue holds {{limits.max}} jobs of it at most. {fact('lane')}\n")
    reading = read_folder(tmp_path)
    assert [passage.text for passage in reading.passages] == [fact("lane")]
    assert reading.sentences_left_out == {"braces, addresses or code outside code marks": 1}


def test_indented_text_stays_code_in_markdown(tmp_path: Path) -> None:
    write(tmp_path / "page.md", f"# Page\n\n{FACT}\n\n    {fact('lane')}\n")
    assert [passage.text for passage in read_folder(tmp_path).passages] == [PLAIN]

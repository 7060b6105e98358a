"""Marks of site generators bound by code blocks and paragraphs: prose around and under them is taught whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.knowledge.folder_files import reading, text_of

FIRST = "The first mark of every chart opens an expression in each line of the whole file."
OTHER = "A chart holds all files of one application in one folder, and nothing else is in it."
LAST = "The last mark of every chart ends an expression in each line of the whole file."
INDENTED, PRE, QUOTED, TILDES = "    {}", "<pre><code>\n{}\n</code></pre>", "> ```\n> {}\n> ```", "~~~\n{}\n~~~"
IN_A_LIST = "1. A step holds the mark:\n\n   ```\n   {}\n   ```"


@pytest.mark.parametrize("block", [INDENTED, PRE, QUOTED, TILDES, IN_A_LIST])
@pytest.mark.parametrize(("opening", "closing"), [
    ("{% highlight x %}", "{% endhighlight %}"), ("{{< tabs >}}", "{{< /tabs >}}"), ("<!--", "-->"), ("{/*", "*/}")])
def test_marks_in_code_blocks_of_any_form_delete_nothing_between_them(tmp_path: Path, block: str, opening: str,
                                                                      closing: str) -> None:
    found = text_of(reading(tmp_path, "a.md", f"# A\n\n{FIRST}\n\n{block.format(opening)}\n\n# B\n\n{OTHER}\n\n# C\n\n"
                                              f"{block.format(closing)}\n\n{LAST}\n"))
    assert found == f"{FIRST} {OTHER} {LAST}"


@pytest.mark.parametrize("mark", ["!!! note", '!!! warning "With a title"', "??? tip", '=== "Tab"', "```{note}",
                                  "> [!NOTE]", ":::note"])
def test_prose_under_a_mark_is_read(tmp_path: Path, mark: str) -> None:
    fence, indent = mark[:3] if mark[0] in "`:" else "", "" if mark[0] in "`:" else "> " if mark[0] == ">" else "    "
    under = f"{mark}\n{indent}{FIRST}\n{indent}{LAST}\n{fence}\n"
    found = text_of(reading(tmp_path, "a.md", f"# A\n\n{OTHER}\n\n{under}"))
    assert found == f"{OTHER} {FIRST} {LAST}"


@pytest.mark.parametrize(("said", "wanted"), [
    ("The name <code>{% note %}</code> begins an expression in each line of it, and <kbd>{{ x }}</kbd> prints one.",
     "The name {% note %} begins an expression in each line of it, and {{ x }} prints one."),
    ("The value is kept by {py:func}`print` and the tool {ref}`settings page <settings>` in every single file of it.",
     "The value is kept by print and the tool settings page in every single file of it."),
    ("The value of the pump room is kept by the tool[^1] in every single file of it, and nothing is.\n\n[^1]: Yes.",
     "The value of the pump room is kept by the tool in every single file of it, and nothing is."),
    ("The type Map<String, T> and the word <T> and Promise<void> are kept in each of the files of the chart.",
     "The type Map<String, T> and the word <T> and Promise<void> are kept in each of the files of the chart."),
    ("The value of [[Pump room|the pump room]] is kept by [[Tool]] in every single file of it, and nothing else.",
     "The value of the pump room is kept by Tool in every single file of it, and nothing else."),
    ("The value of [[the pump room|Pump-room]] is kept by the tool, [[as was said]](https://a.b) of it, for all files.",
     "The value of the pump room is kept by the tool, [as was said] of it, for all files."),
    ("The check `[[ -f x ]]` of the shell is kept by the tool in every single file of it, and nothing else is kept.",
     "The check [[ -f x ]] of the shell is kept by the tool in every single file of it, and nothing else is kept."),
    ("The value <Term>of the pump</Term> is kept by the tool in every single file of it, and nothing else.",
     "The value of the pump is kept by the tool in every single file of it, and nothing else.")])
def test_what_is_said_within_a_sentence_of_markdown_is_kept(tmp_path: Path, said: str, wanted: str) -> None:
    assert text_of(reading(tmp_path, "a.md", f"# A\n\n{said}\n")) == wanted


def test_marks_of_two_paragraphs_are_no_wrapper_of_what_stands_between(tmp_path: Path) -> None:
    found = reading(tmp_path, "a.md", "# A\n\nThe mark {% note %} begins an expression in each line.\n\nThe mark "
                                      f"{{% endnote %}} ends an expression in each line of it.\n\n{OTHER}\n")
    assert text_of(found) == OTHER and sum(found.sentences_left_out.values()) == 2


@pytest.mark.parametrize(("said", "wanted"), [
    ("The ((pump room)) holds (((pump, room))) the pressure of every pump in the hall at all times of a day.",
     "The pump room holds the pressure of every pump in the hall at all times of a day."),
    ("Press kbd:[Ctrl+C] or btn:[OK] or menu:File[Save > All] to stop every pump in the hall at once.footnote:[No.]",
     "Press Ctrl+C or OK or File > Save > All to stop every pump in the hall at once."),
    ("The gauge takes 5{nbsp}ms and [.new]#two readers# for each of the pumps in the hall[[gauge]] at all times.",
     "The gauge takes 5 ms and two readers for each of the pumps in the hall at all times.")])
def test_macros_and_index_terms_of_asciidoc_leave_their_sentence_whole(tmp_path: Path, said: str, wanted: str) -> None:
    assert text_of(reading(tmp_path, "a.adoc", f"= A\n\n{said}\n")) == wanted


@pytest.mark.parametrize("directive", ["container:: wide", "tab-item:: Linux", "dropdown:: More", "rst-class:: wide"])
def test_directives_that_hold_prose_are_read(tmp_path: Path, directive: str) -> None:
    assert text_of(reading(tmp_path, "a.rst", f"Title\n=====\n\n.. {directive}\n\n   {FIRST}\n\n{OTHER}\n")) == \
        f"{FIRST} {OTHER}"


@pytest.mark.parametrize("name", ["a.rst", "a.txt"])
def test_bars_within_a_sentence_make_no_table_of_its_paragraph(tmp_path: Path, name: str) -> None:
    found = reading(tmp_path, name, f"Title\n=====\n\nIt is read by |name| and |version| of the tool. {OTHER}\n")
    assert text_of(found) == OTHER and sum(found.sentences_left_out.values()) == 1


def test_names_that_a_restructuredtext_file_defines_are_put_in(tmp_path: Path) -> None:
    text = ("Title\n=====\n\n.. |name| replace:: the Pump\n.. _Gauge: x.html\n\nThe value of a Gauge_ and of "
            "``|name|`` is read by |name| in every single file of it.\n")
    assert text_of(reading(tmp_path, "a.rst", text)) == \
        "The value of a Gauge and of |name| is read by the Pump in every single file of it."

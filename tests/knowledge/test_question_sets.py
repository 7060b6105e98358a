"""Questions and answers of people: what is read, which faults are named by row, and what each question rests on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from knowledge.documents import domain_of_folder
from knowledge.domain import domain_of
from knowledge.domain_json import from_json, to_json
from knowledge.given_questions import ANSWER_ALONE, PEOPLE
from knowledge.passages import Passage
from knowledge.question_sets import (
    FaultyQuestions, QuestionSets, columns_of, open_question_sets, read_rows, with_question_sets,
)
from knowledge.split import side_of

HEAD = "question,answer\n"
PRACTICE = HEAD + "".join(f"What does gauge {n} show?,Gauge {n} shows a pressure of {n * 7} bar\n" for n in range(1, 9))


def opened(folder: Path, practice: str = "", test: str = "") -> QuestionSets:
    for name, text in (("practice.csv", practice), ("test.csv", test)):
        (folder / name).write_text(text, encoding="utf-8")
    return open_question_sets(str(folder / "practice.csv") if practice else "",
                              str(folder / "test.csv") if test else "")


@pytest.mark.parametrize(("name", "data"), [
    ("a.csv", 'question,answer\n"Wie heißt er, bitte?","=SUM(A1) <b>Öl</b>"\n'.encode()),
    ("b.csv", '"prompt";"completion";"note"\n"Wie heißt er, bitte?";"=SUM(A1) <b>Öl</b>";"x"\n'.encode("cp1252")),
    ("c.csv", '\ufeffQuestion\tAnswer\r\nWie heißt er, bitte?\t=SUM(A1) <b>Öl</b>\r\n'.encode("utf-16")),
    ("d.jsonl", '{"question": "Wie heißt er, bitte?", "answer": "=SUM(A1) <b>Öl</b>"}\n'.encode()),
    ("e.jsonl", ('{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Wie heißt er, '
                 'bitte?"}, {"role": "assistant", "content": "=SUM(A1) <b>Öl</b>"}]}\n').encode())])
def test_a_row_is_read_as_it_is_from_every_form_and_encoding(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    read = read_rows(tmp_path / name)
    assert [(row.question, row.answer) for row in read.rows] == [("Wie heißt er, bitte?", "=SUM(A1) <b>Öl</b>")]
    assert ("note" in read.remark) == (name == "b.csv")
    assert "1 row with a formula, kept as text (row " in read.remark and "1 row with HTML" in read.remark


def test_parts_of_a_chat_and_numbers_are_text(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text(
        '{"messages": [{"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": '
        '"it?"}]}, {"role": "assistant", "content": "a"}]}\n{"question": "How many?", "answer": 5}\n')
    assert [(row.question, row.answer) for row in read_rows(tmp_path / "own.jsonl").rows] == [
        ("What is\nit?", "a"), ("How many?", "5")]


@pytest.mark.parametrize(("name", "data", "says"), [
    ("image.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 40, "binary data"),
    ("list.json", b'[{"question": 1}]', "it is one JSON list"),
    ("deep.jsonl", b'{"a": ' + b"[" * 99_999, "row 1 is no JSON")])
def test_columns_of_a_file_that_has_none_are_refused(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FaultyQuestions, match=says):
        columns_of(tmp_path / name)


@pytest.mark.parametrize(("encoding", "row"), [
    ("cp1251", "Какой лимит? Кто отвечает за насос?,Лимит равен тридцати секундам. Ночная смена завода"),
    ("cp1253", "Ποιο είναι το όριο;,Το όριο είναι τριάντα δευτερόλεπτα"), ("cp932", "制限は何ですか,制限は三十秒です"),
    ("cp949", "제한은 무엇입니까,제한은 삼십 초입니다"), ("cp1252", "Wie heißt die Übung?,Öl für die Bäume")])
def test_other_alphabets_are_read_in_their_encoding(tmp_path: Path, encoding: str, row: str) -> None:
    (tmp_path / "own.csv").write_bytes(f"{HEAD}{row}\n".encode(encoding))
    read = read_rows(tmp_path / "own.csv")
    assert [f"{one.question},{one.answer}" for one in read.rows] == [row]
    assert read.remark.startswith("not UTF-8: read as ")


@pytest.mark.parametrize(("encoding", "row"), [("koi8-r", "Какой лимит?,Тридцать"), ("cp1255", "מהו הגבול?,הגבול הוא"),
                                               ("cp1256", "ما هو الحد?,ثلاثون ثانية")])
def test_an_encoding_that_is_not_recognised_is_refused_and_not_read_as_another(tmp_path: Path, encoding: str,
                                                                               row: str) -> None:
    (tmp_path / "own.csv").write_bytes(f"{HEAD}{row}\n".encode(encoding))
    with pytest.raises(FaultyQuestions, match="not recognised, so save it as UTF-8"):
        read_rows(tmp_path / "own.csv")


@pytest.mark.parametrize(("text", "says"), [
    (HEAD + "What is it?,\n", "row 2 has no answer"),
    (HEAD + ",An answer\n", "row 2 has no question"),
    (HEAD + '"Two\nlines, is it?",yes\nWhat is it?,a\nwhat is IT,b\n', "row 5 asks the same as row 4"),
    (HEAD + "???,b\n", "row 2 has a question without a word"),
    ("name,value\na,b\n", "columns name, value and no question and no answer"),
    (HEAD + "What is it, now,then?,b\n", "row 2 has 4 cells"),
    (HEAD + 'What is it?,"cut off', "row 2 is no CSV"),
    ('{"question": "What is it?", "answer": "a"}\n{"question": "Wh', "row 2 is no JSON"),
    ('{"messages": [{"role": "user", "content": "What?"}]}', "row 1 is a chat of 1 messages"),
    ("question,answer,split\nWhat is it?,a,maybe\n", "row 2 has 'maybe' in the column split"),
    (HEAD, "it has no rows"), ("", "no rows"),
    (HEAD + "".join(f"What is {n}?,a\n" for n in range(100_000)), "it has 100,000 rows: use 10,000 at most"),
    (HEAD + f"What is it?,{'a' * 20_001}\n", "row 2 has 20,001 characters in its answer"),
    (HEAD + 'What is it?,"say "it" twice"\n', "double the quotes within a text"),
    ("question,answer,answer\nWhat is it?,a,b\n", "row 1 names the column answer 2 times"),
    ("c" * 200_000 + ",b\nWhat is it?,a\n", "row 1 has the columns " + "c" * 60 + "..., b and no question"),
    ('[{"question": "What is it?", "answer": "a"}]', "it is one JSON list"),
    ('{"question": "What is it?", "answer": ["a"]}', "row 1 has in its answer a list and no text"),
    ('{"question": "What is it?", "answer": NaN}', "row 1 has no answer"),
    ('{"question": "What is it?", "answer": ' + "[" * 99_999, "row 1 is no JSON"),
    (HEAD + "What is it?,#REF!\n", "row 2 has '#REF!', an error of a spreadsheet, as its answer"),
    (HEAD + '"=IMAGE(""a.png"")",it\n', "row 2 has an image in its question"),
    (HEAD + "What is it?,![a chart](chart.png)\n", "row 2 has an image in its answer"),
    (HEAD + 'What is it?,"<p><img src=""a.png""></p>"\nWho is it?,<img src=b>\n', "row 3 has an image in its answer"),
    ("question,answer,passage\nWhat is it?,a,\"see data:image/png;base64,iVBORw0KGgo= there\"\n",
     "row 2 has an image in its passage"),
    ('{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, '
     '{"role": "assistant", "content": "a"}]}', "row 1 has in its question a part of the type 'image_url'")])
def test_a_fault_is_named_with_its_row(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "own.csv").write_text(text, encoding="utf-8")
    with pytest.raises(FaultyQuestions) as refused:
        open_question_sets(str(tmp_path / "own.csv"), "")
    assert says in str(refused.value) and str(refused.value).startswith("own.csv: ")


def test_of_many_faults_twenty_are_named_and_the_others_counted(tmp_path: Path) -> None:
    with pytest.raises(FaultyQuestions) as refused:
        opened(tmp_path, HEAD + "".join(f"What is number {n} called?,\n" for n in range(50)))
    assert len(refused.value.errors) == 21 and refused.value.errors[-1].endswith("and 30 more faults")


def test_a_file_that_is_not_there_and_a_binary_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FaultyQuestions, match="cannot be read"):
        open_question_sets(str(tmp_path / "none.csv"), "")
    (tmp_path / "image.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 40)
    with pytest.raises(FaultyQuestions, match="binary"):
        open_question_sets(str(tmp_path / "image.csv"), "")


def test_a_test_question_that_nearly_repeats_a_practice_question_is_refused_with_both_rows(tmp_path: Path) -> None:
    with pytest.raises(FaultyQuestions, match=r"test.csv: row 3 asks in the test what row 5 of the practice set"):
        opened(tmp_path, PRACTICE, HEAD + "How many lamps are there?,Nine\nWhat do the gauge 4 shows?,28 bar\n")


def test_the_column_split_brings_both_sets_in_one_file(tmp_path: Path) -> None:
    text = ("question,answer,split\nWhat is the first?,a,train\nWhich one comes last?,z,test\n"
            "Which is the second?,b,\n")
    sets = opened(tmp_path, text)
    assert [row.answer for row in sets.practice] == ["a", "b"] and [row.answer for row in sets.test] == ["z"]
    assert [(file.role, file.questions) for file in sets.files] == [("practice", 2), ("test", 1)]


def test_every_row_rests_on_a_passage_of_its_own_side(tmp_path: Path) -> None:
    test = ("question,answer,passage,topic\nHow much is gauge 3 at?,Gauge 3 shows a pressure of 21 bar,,\n"
            "Who cleans the lamps?,The night shift,The night shift cleans the lamps twice a year.,Lamps\n")
    domain = with_question_sets(None, opened(tmp_path, PRACTICE, test))
    taught, other = domain.given[-2:]
    assert (taught.tier, other.tier) == ("paraphrase", "held-out")
    assert taught.passage_id == domain.given[2].passage_id  # the same answer of several words: the same fact
    assert side_of(taught.passage_id) == "practice" and side_of(other.passage_id) == "held-out"
    assert all(side_of(one.passage_id) == "practice" for one in domain.given if one.tier == "practice")
    assert domain.passage(other.passage_id).source == PEOPLE and domain.topic_names["lamps"] == "Lamps"
    alone = domain.passage(taught.passage_id)
    assert (alone.source, alone.text) == (ANSWER_ALONE, "Gauge 3 shows a pressure of 21 bar")


def test_a_test_row_that_brings_a_passage_of_the_documents_asks_about_what_they_teach(tmp_path: Path) -> None:
    text = next(text for n in range(99) if side_of(f"{n:016x}") == "practice" and (text := f"Pump {n} runs hot."))
    passage = Passage("0" * 15 + "0", "pumps", "folder", "Pumps", text, "pumps.md", (), ("Which pump runs hot?",))
    passage = next(one for n in range(99) if side_of((one := Passage(
        f"{n:016x}", "pumps", "folder", "Pumps", text, "pumps.md", (), ("Which pump runs hot?",))).id) == "practice")
    sets = opened(tmp_path, "", f"question,answer,passage\nWhich of them gets warm?,The pump,{text}\n")
    given = with_question_sets(domain_of("Plant", [passage]), sets).given[0]
    assert (given.tier, given.passage_id) == ("paraphrase", passage.id)


def test_a_copy_of_the_domain_has_the_questions_and_another_answer_is_another_domain(tmp_path: Path) -> None:
    domain = with_question_sets(None, opened(tmp_path, PRACTICE))
    again = from_json(to_json(domain))
    assert (again.hash, again.given, again.given_in, again.passages) == \
        (domain.hash, domain.given, domain.given_in, domain.passages)
    other = with_question_sets(None, opened(tmp_path, PRACTICE.replace("7 bar", "8 bar")))
    assert other.hash != domain.hash
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# Pump\n\n" + "The pump of the plant runs at nine bar. " * 3)
    plain = domain_of_folder(tmp_path / "docs")
    assert "given" not in json.loads(to_json(plain))["domain"]

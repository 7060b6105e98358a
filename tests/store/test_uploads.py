"""What people upload: kept whole, hashed and once, or refused in a sentence with nothing kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from knowledge.question_sets import FaultyQuestions, open_question_sets
from store import uploads
from store.permissions import PermissionDenied, Role
from store.unfinished_uploads import remove_unfinished
from store.uploads import (
    QuestionUpload, UploadedFile, UploadRefused, check_uploads, columns_of_upload, keep_documents, keep_questions,
    safe_name,
)

PRACTICE = "Frage;Antwort;Thema\n" + "".join(f"Which pressure does boiler {n} run at?;{n * 11} bar;Boilers\n"
                                             for n in range(1, 31))
CHOSEN = {"question": "frage", "answer": "antwort", "topic": "thema"}


def upload(text: str, columns: dict[str, str] | None = None, name: str = "own.csv",
           encoding: str = "utf-8") -> QuestionUpload:
    return QuestionUpload(UploadedFile(name, text.encode(encoding)),
                          {"question": "question", "answer": "answer"} if columns is None else columns)


def test_documents_are_kept_in_a_folder_under_their_hash_once(tmp_path: Path) -> None:
    files = [UploadedFile(f"page {n}.md", f"# Page {n}\n".encode()) for n in range(20)]
    kept = keep_documents(tmp_path, files, "Our plant")
    assert kept == keep_documents(tmp_path, files, "Our plant") and kept.files == 20
    assert kept.folder == tmp_path / "documents" / f"Our plant-{kept.sha256[:8]}"
    assert sorted(path.name for path in kept.folder.iterdir()) == sorted(file.name for file in files)
    assert kept.folder.with_name(f"{kept.folder.name}.sha256").read_text().count("\n") == 20
    other = keep_documents(tmp_path, [*files, UploadedFile("more.md", b"more")], "Our plant")
    assert other.folder != kept.folder and not list((tmp_path / "documents").glob(".upload-*"))


@pytest.mark.parametrize(("files", "says"), [
    ([], "no document was chosen"),
    ([UploadedFile("a.md", b"")], "a.md is empty: the upload may have broken off"),
    ([UploadedFile("a.md", b"one"), UploadedFile("x/a.md", b"two")], "two documents are called 'a.md' and differ")])
def test_documents_that_cannot_be_kept_leave_nothing(tmp_path: Path, files: list[UploadedFile], says: str) -> None:
    with pytest.raises(UploadRefused, match=says):
        keep_documents(tmp_path, files)
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_nothing_half_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def full(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) > 1:
            raise OSError(28, "No space left on device")
        path.write_bytes(data)

    monkeypatch.setattr(uploads, "write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        keep_documents(tmp_path, [UploadedFile("a.md", b"a"), UploadedFile("b.md", b"b")])
    assert list((tmp_path / "documents").iterdir()) == []


KILLED_INSIDE = """
import sys
from pathlib import Path
from store import uploads
from store.uploads import UploadedFile, keep_documents

def write(path, data):
    path.write_bytes(data)
    print("written", flush=True)
    sys.stdin.readline()

uploads.write_atomic = write
keep_documents(Path(sys.argv[1]), [UploadedFile("a.md", b"a"), UploadedFile("b.md", b"b")])
"""


def test_what_a_killed_upload_left_is_removed_and_one_that_goes_on_is_not(tmp_path: Path) -> None:
    uploading = subprocess.Popen([sys.executable, "-c", KILLED_INSIDE, str(tmp_path)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert uploading.stdout and uploading.stdout.readline() == "written\n"
    (folder,) = (tmp_path / "documents").glob(".upload-*")
    assert remove_unfinished(tmp_path) == 0 and (folder / "a.md").exists()
    uploading.kill()
    uploading.communicate()
    assert remove_unfinished(tmp_path) == 1 and not list((tmp_path / "documents").iterdir())
    kept = keep_documents(tmp_path, [UploadedFile("a.md", b"a")])
    orphan = kept.folder.with_name("gone-12345678.sha256")
    half = tmp_path / "questions" / ".own.jsonl.77.tmp"
    half.parent.mkdir()
    for path in (orphan, half):
        path.write_text("x")
    assert remove_unfinished(tmp_path) == 0  # they may be of an upload that goes on
    for path in (*kept.folder.parent.rglob("*"), half):
        os.utime(path, (0, 0))
    assert remove_unfinished(tmp_path) == 2 and not orphan.exists() and not half.exists()
    assert (kept.folder / "a.md").exists() and kept.folder.with_name(f"{kept.folder.name}.sha256").exists()


def test_only_those_who_may_launch_upload(tmp_path: Path) -> None:
    with pytest.raises(PermissionDenied, match="reviewers may not launch"):
        keep_documents(tmp_path, [UploadedFile("a.md", b"a")], role=Role.REVIEWER)
    with pytest.raises(PermissionDenied):
        keep_questions(tmp_path, check_uploads(upload(PRACTICE, CHOSEN), None).practice, Role.VIEWER)  # type: ignore
    assert not list(tmp_path.iterdir())


def test_columns_that_people_choose_are_read_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    file = upload(PRACTICE + '\n"Which pressure does the last\nboiler hold?";9 bar;Boilers\n', CHOSEN)
    assert columns_of_upload(file.file) == ["frage", "antwort", "thema"]
    read = check_uploads(file, None).practice
    assert read and len(read.rows) == 31
    path = keep_questions(tmp_path, read)
    again = open_question_sets(str(path), "").practice
    assert [(row.row, row.question, row.answer, row.topic) for row in again] == [
        (row.row, row.question, row.answer, row.topic) for row in read.rows]
    assert again[-1].row == 33 and path == keep_questions(tmp_path, read)


def test_a_column_that_was_not_chosen_is_not_read_though_it_has_the_name() -> None:
    text = "question,answer,better answer\nWhich pressure is it now?,old,new\n"
    read = check_uploads(upload(text, {"question": "question", "answer": "better answer"}), None).practice
    assert read and [row.answer for row in read.rows] == ["new"]


@pytest.mark.parametrize(("text", "columns", "says"), [
    ("name,value\na,b\n", {}, "has the columns name, value and no question and no answer"),
    (PRACTICE, {"question": "frage"}, "no answer"),
    ("question,answer\nWhich pressure is it?,\n", None, "row 2 has no answer"),
    ("question,answer\nWhich pressure is it?,1\nwhich PRESSURE is it,2\n", None, "row 3 asks the same as row 2"),
    ('question,answer\n"Which pressure', None, "the file may be cut off"),
    ("question,answer\n" + "".join(f"Which pressure does unit {n} hold?,{n}\n" for n in range(10_001)), None,
     "it has 10,001 rows: use 10,000 at most"),
    ('{"question": "Which pressure is it?", "answer": "a\\u0000b"}\n', None, "a character in its answer that is no")])
def test_questions_that_cannot_be_used_are_refused_with_their_row(text: str, columns: dict[str, str] | None,
                                                                  says: str) -> None:
    with pytest.raises(FaultyQuestions, match=says):
        check_uploads(upload(text, columns), None)


def test_a_test_question_that_nearly_repeats_a_practice_question_is_found() -> None:
    test = "question,answer\nAt which pressure does boiler 7 run?,77 bar\nHow old is the plant?,9 years\n"
    with pytest.raises(FaultyQuestions, match="row 2 asks in the test what row 8 of the practice set asks"):
        check_uploads(upload(PRACTICE, CHOSEN), upload(test, name="exam.csv"))


def test_formulas_markup_and_other_encodings_stay_text(tmp_path: Path) -> None:
    text = ("question,answer\nWas steht in der Zelle für Übung A?,=HYPERLINK(1)\n"
            "Which mark is it?,<b onclick=alert(1)>bold</b>\n")
    for encoding in ("utf-8", "utf-16", "latin-1"):
        read = check_uploads(upload(text, encoding=encoding), None).practice
        assert read and [row.answer for row in read.rows] == ["=HYPERLINK(1)", "<b onclick=alert(1)>bold</b>"]
        assert "Übung" in read.rows[0].question
        assert open_question_sets(str(keep_questions(tmp_path, read)), "").practice[1].answer.startswith("<b")


@pytest.mark.parametrize(("name", "kept"), [("../../etc/passwd", "passwd"), ("C:\\x\\a b.csv", "a b.csv"),
                                            ("..", "file"), ("a\x00$(rm).md", "a_rm_.md")])
def test_names_lose_folders_and_what_a_shell_might_read(name: str, kept: str) -> None:
    assert safe_name(name) == kept

"""Documents in other languages: passages of whole sentences, questions and references that are accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.documents import read_folder
from knowledge.documents.sentence_splitter import sentences
from knowledge.languages import is_english, word_count
from knowledge.passages import Passage
from knowledge.questions import evidence_of, validation_errors
from runner.teacher.reference_checks import reference_rejection
from tests.knowledge.folder_files import write

# Language -> a passage, a question on it, a reference answer.
TEXTS = {
    "zh": ("当启动信号到达以后,控制器会在二十七毫秒之内打开进水阀,并且把当前的水压写入维护日志。",
           "控制器在多少毫秒之内打开进水阀？", "控制器在二十七毫秒之内打开进水阀。"),
    "ja": ("バルブは起動信号を受け取ってから27ミリ秒以内に開き、現在の水圧を保守ログに記録します。",
           "バルブは何ミリ秒以内に開きますか。", "27ミリ秒以内に開きます。"),
    "th": ("เมื่อได้รับสัญญาณเริ่มต้น ตัวควบคุมจะเปิดวาล์วภายใน 27 มิลลิวินาที "
           "และบันทึกแรงดันน้ำ",
           "ตัวควบคุมเปิดวาล์วภายในกี่มิลลิวินาที?", "ภายใน 27 มิลลิวินาที"),
    "ko": ("밸브는 시작 신호를 받은 후 27밀리초 이내에 열립니다. "
           "그다음 현재 수압을 유지 보수 로그에 기록하고 다음 신호를 기다립니다.",
           "밸브는 언제 열립니까?", "신호를 받은 후 27밀리초 이내에 열립니다."),
    "ru": ("Клапан открывается через 27 миллисекунд после сигнала. Затем давление воды записывается в журнал "
           "обслуживания установки.", "Через сколько миллисекунд открывается клапан?", "Клапан открывается через 27 "
           "миллисекунд."),
    "hi": ("वाल्व प्रारंभ संकेत के बाद 27 मिलीसेकंड के भीतर खुलता है। फिर पानी का दबाव रखरखाव लॉग में लिखा जाता है।",
           "वाल्व कितने मिलीसेकंड के भीतर खुलता है?", "वाल्व 27 मिलीसेकंड के भीतर खुलता है।"),
    "ar": ("يفتح الصمام خلال 27 مللي ثانية بعد إشارة البدء من وحدة التحكم. ثم يكتب ضغط الماء في سجل الصيانة.",
           "متى يفتح الصمام بعد إشارة البدء؟", "يفتح الصمام خلال 27 مللي ثانية."),
    "de": ("Der Regler öffnet das Einlassventil innerhalb von 27 Millisekunden nach dem Startsignal. Danach schreibt "
           "er den Druck in das Protokoll.", "Wie lautet die Angabe zu Der Regler öffnet das Einlassventil?",
           "Er öffnet es innerhalb von 27 Millisekunden."),
    "fr": ("Le régulateur ouvre la vanne en 27 millisecondes après le signal de départ. Puis il écrit la pression dans "
           "le journal.", "En combien de millisecondes la vanne est-elle ouverte ?", "Elle est ouverte en 27 "
           "millisecondes par le régulateur."),
    "es": ("El regulador abre la válvula en 27 milisegundos después de la señal. Luego escribe la presión en el "
           "registro.", "¿En cuántos milisegundos abre el regulador la válvula?", "El regulador la abre en 27 "
           "milisegundos."),
    "pl": ("Zawór otwiera się w ciągu 27 milisekund po sygnale startu. Potem sterownik zapisuje ciśnienie wody do "
           "dziennika.", "Kiedy otwiera się zawór?", "Zawór otwiera się w ciągu 27 milisekund."),
}


def passage_of(text: str) -> Passage:
    return Passage("0" * 16, "valves", "folder", "Start", text, "", (), ())


@pytest.mark.parametrize("language", TEXTS)
def test_a_page_in_any_language_is_read_whole(tmp_path: Path, language: str) -> None:
    text, _, _ = TEXTS[language]
    write(tmp_path / "page.md", f"# {text[:6]}\n\n{text}\n")
    (passage,) = read_folder(tmp_path).passages
    assert passage.text == text and not is_english(text)
    assert all(len(term) < 25 for term in passage.key_terms)


@pytest.mark.parametrize("language", TEXTS)
def test_questions_and_references_in_the_documents_own_language_are_accepted(language: str) -> None:
    text, question, answer = TEXTS[language]
    passage = passage_of(text)
    assert validation_errors(question, sentences(text)[0], passage) == []
    assert reference_rejection(answer, question, passage) is None
    assert evidence_of(passage) in text


@pytest.mark.parametrize("language", TEXTS)
def test_a_reference_that_has_nothing_of_its_passage_is_still_rejected(language: str) -> None:
    text, question, answer = TEXTS[language]
    other = TEXTS["pl" if language != "pl" else "de"]
    assert reference_rejection(other[2].replace("27", "x"), question, passage_of(text))
    assert "states 28" in str(reference_rejection(answer.replace("27", "28").replace("二十七", "28"), question,
                                                  passage_of(text)))


def test_english_questions_are_held_to_english_rules() -> None:
    passage = passage_of("The controller opens the valve within 27 ms, and it writes the pressure to the log.")
    assert "does not ask like a question" in validation_errors("Valves and signals of the pump?", "27 ms", passage)
    assert "does not end in a question mark" in validation_errors("When does it open the valve", "27 ms", passage)
    assert validation_errors("Wie schnell öffnet der Regler das Ventil?", "27 ms", passage) == []


@pytest.mark.parametrize(("text", "parts"), [
    ("控制器打开进水阀。然后写入日志！好吗？是的。",
     ["控制器打开进水阀。", "然后写入日志！", "好吗？", "是的。"]),
    ("「開きます。」と表示されます。次に進みます。", ["「開きます。」", "と表示されます。", "次に進みます。"]),
    ("Am 3. Mai wird z. B. die Pumpe Nr. 4 geprüft. Danach läuft sie.",
     ["Am 3. Mai wird z. B. die Pumpe Nr. 4 geprüft.", "Danach läuft sie."]),
    ("Давление, т. е. напор, равно 4. Затем клапан закрыт.",
     ["Давление, т. е. напор, равно 4.", "Затем клапан закрыт."]),
    ("La vanne, p. ex. celle du réservoir, est ouverte. Elle reste ouverte.",
     ["La vanne, p. ex. celle du réservoir, est ouverte.", "Elle reste ouverte."]),
    ("The limit is 3. The next one is 4.", ["The limit is 3.", "The next one is 4."])])
def test_sentences_end_where_their_language_ends_them(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_words_are_counted_where_there_are_no_blanks() -> None:
    assert word_count("one two three") == 3 and word_count("打开进水阀") == 2 and word_count("用 kubectl 打开阀门") == 3

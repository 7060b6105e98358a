"""Key terms and altered copies of texts in other languages are made of their own words."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from knowledge.documents import read_folder
from knowledge.languages import is_another_language, language_of
from knowledge.other_language_terms import other_language_key_terms
from knowledge.passages import Passage
from knowledge.perturbations import perturb
from runner.judge.fact_recall import fact_recall
from tests.knowledge.other_languages import FOLDERS

# Language -> a text with a number, one with an opposite of the list, one with neither, and a key term of the first.
TEXTS = {
    "de": ("Der Regler öffnet das Einlassventil binnen 27 Millisekunden nach dem Startsignal.",
           "Der Speicher ist immer gefüllt, bevor der Regler das Ventil öffnet.",
           "Der Regler prüft das Ventil am Rand der Anlage.", "Einlassventil"),
    "fr": ("Le régulateur ouvre la vanne en 27 millisecondes après le signal de départ.",
           "La vanne est ouverte avant le signal de la pompe.", "Le technicien vérifie la vanne de la pompe.",
           "millisecondes"),
    "es": ("El regulador abre la válvula en 27 milisegundos después de la señal de inicio.",
           "La válvula se abre antes de la señal de la bomba.", "El técnico vigila la válvula de la bomba.", "27"),
    "ru": ("Клапан открывается через 27 миллисекунд после сигнала о начале работы.",
           "Клапан может открываться после сигнала насоса.", "Техник следит за клапаном насоса.", "27"),
    "zh": ("当启动信号到达以后,控制器会在二十七毫秒之内打开进水阀。", "控制器必须打开进水阀,并且写入日志。",
           "技师检查水泵和阀门。", "二十七毫秒"),
    "ja": ("バルブは起動信号を受け取ってから27ミリ秒以内に開く。", "水圧が上がると、バルブは必ず開く。",
           "技師はポンプとバルブを調べ、記録を残す。", "27ミリ秒"),
    "ko": ("밸브는 시작 신호를 받은 후 27밀리초 이내에 열립니다.", "압력이 높은 밸브는 펌프가 엽니다.",
           "기술자가 펌프와 밸브를 살펴보고 적는다.", "27밀리초"),
}
ENGLISH = re.compile(r"\b(?:it is not true|not|cannot|before|after|the)\b", re.I)


@pytest.mark.parametrize("language", TEXTS)
def test_an_altered_copy_is_false_and_in_the_text_s_own_language(language: str) -> None:
    with_number, with_opposite, neither, _ = TEXTS[language]
    for text, rules in ((with_number, {"number changed"}), (with_opposite, {"reversed"}),
                        (neither, {"reversed", "denied"})):
        for seed in range(3):
            altered, rule = perturb(text, seed)
            assert altered != text and rule in rules and not ENGLISH.search(altered)
            assert language_of(altered) == language_of(text)


@pytest.mark.parametrize("language", TEXTS)
def test_a_key_term_is_a_whole_word_and_told_from_a_wrong_answer(language: str) -> None:
    text, term = TEXTS[language][0], TEXTS[language][3]
    terms = other_language_key_terms(text, "", Counter())
    assert term in terms and all(one in text for one in terms)
    assert fact_recall(text, terms) == 1.0 and (fact_recall(perturb(text, 1)[0], terms) or 0) < 1.0


@pytest.mark.parametrize(("language", "least"), [("de", 46), ("ja", 46)])
def test_the_passages_of_a_real_folder_have_key_terms_that_are_facts(language: str, least: int) -> None:
    passages = read_folder(FOLDERS / language).passages
    assert all(is_another_language(passage.text) for passage in passages)
    assert sum(bool(passage.key_terms) for passage in passages) >= least
    assert not [(term, passage.text) for passage in passages for term in passage.key_terms if _is_broken(term, passage)]
    said = {term.casefold() for passage in passages for term in passage.key_terms}
    assert not said & {"dagegen", "jeder", "aber", "damit", "denn", "auch", "haben", "einer",
                       "酵素は止まり", "川沿", "深蒸"}
    assert all(fact_recall(one.text, one.key_terms, one.text) == 1.0 for one in passages)
    altered = [perturb(passage.text, 1) for passage in passages]
    assert not [text for text, _ in altered if "It is not true" in text]
    assert sum(rule == "denied" for _, rule in altered) <= 2


def _is_broken(term: str, passage: Passage) -> bool:
    """Whether a term of letters is a piece of a longer German word."""
    return passage.text.isascii() is False and term.isalpha() and term.isascii() and \
        not re.search(rf"(?<![^\W\d_\u3040-\u9fff]){term}(?![^\W\d_\u3040-\u9fff])", passage.text)


@pytest.mark.parametrize(("text", "found"), [
    ("Kubernetesのkubeletは、Podの状態を10秒ごとにAPIサーバーへ報告します。", ("10秒", "Kubernetes", "kubelet", "Pod")),
    ("ตารางเส้นทางเก็บที่อยู่ของเกตเวย์ทั้งหมดในอาคาร ระบบจะปรับปรุงตารางนี้ทุกสามสิบวินาที", ()),
    ("把副本数改成 5 以后,控制器会在三十秒之内创建两个新的 Pod。", ("三十秒", "Pod")),
    ("게이트웨이의 표는 30초마다 새로 고쳐지며, 오래된 항목은 3분이 지나면 지워집니다.", ("30초", "3분"))])
def test_no_term_is_a_piece_of_a_word_where_scripts_meet(text: str, found: tuple[str, ...]) -> None:
    assert other_language_key_terms(text, "", Counter()) == found

"""Make a text of another language than English false by one small change: a number, an opposite or a denial. Pure.

Rules as `knowledge.perturbations` has them for English, in the text's own words: a copy that mixed two languages would
be told from the true text by its language alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from knowledge.languages import UNSPACED, is_another_language, language_of
from knowledge.written_numbers import NUMBER_WITH_UNIT, another_number

Change = tuple[str, str]
"""The changed text, and the name of the rule."""

_NUMBER = re.compile(rf"(?<![A-Za-z\d_./:,-])\d+(?:[.,]\d+)?(?![A-Za-z\d_/:-]|[.,]\d)(?![{UNSPACED}])")
_NUMBER_WORDS: Mapping[str, str] = {
    "de": "zwei drei vier fünf sechs sieben acht neun zehn zwölf zwanzig dreißig hundert",
    "fr": "deux trois quatre cinq six sept huit dix douze vingt trente cent",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez doce veinte treinta cien",
    "it": "due tre quattro cinque sei sette otto nove dieci dodici venti trenta cento",
    "pt": "dois três quatro cinco seis sete oito nove dez doze vinte trinta cem",
    "nl": "twee drie vier vijf zes zeven acht negen tien twaalf twintig dertig honderd",
    "ru": "два три четыре пять шесть семь восемь девять десять двенадцать двадцать тридцать сто",
    "ko": "하나 둘 셋 넷 다섯 여섯 일곱 여덟",
}
_OPPOSITES: Mapping[str, str] = {
    "de": """mehr/weniger mindestens/höchstens vor/nach immer/nie alle/keine ersten/letzten erste/letzte größer/kleiner
             höher/niedriger steigt/sinkt öffnet/schließt beginnt/endet mit/ohne über/unter innerhalb/außerhalb
             warm/kalt früh/spät schnell/langsam kein/ein keine/eine keinen/einen ist/ist~nicht sind/sind~nicht
             wird/wird~nicht werden/werden~nicht hat/hat~nicht haben/haben~nicht muss/muss~nicht kann/kann~nicht
             darf/darf~nicht lässt/lässt~nicht""",
    "fr": """plus/moins avant/après toujours/jamais premier/dernier première/dernière avec/sans ouvre/ferme
             commence/finit supérieur/inférieur supérieure/inférieure maximum/minimum dans/hors chaud/froid
             est/n'est~pas sont/ne~sont~pas peut/ne~peut~pas doit/ne~doit~pas peuvent/ne~peuvent~pas""",
    "es": """más/menos antes/después siempre/nunca primero/último primera/última con/sin abre/cierra empieza/termina
             mayor/menor máximo/mínimo dentro/fuera es/no~es son/no~son está/no~está puede/no~puede debe/no~debe
             tiene/no~tiene""",
    "it": """più/meno prima/dopo sempre/mai primo/ultimo con/senza apre/chiude inizia/finisce maggiore/minore
             massimo/minimo dentro/fuori è/non~è sono/non~sono può/non~può deve/non~deve""",
    "pt": """mais/menos antes/depois sempre/nunca primeiro/último primeira/última com/sem abre/fecha maior/menor
             máximo/mínimo dentro/fora é/não~é são/não~são pode/não~pode deve/não~deve""",
    "nl": """meer/minder voor/na altijd/nooit eerste/laatste met/zonder opent/sluit groter/kleiner hoger/lager
             binnen/buiten is/is~niet zijn/zijn~niet kan/kan~niet moet/moet~niet wordt/wordt~niet""",
    "ru": """больше/меньше до/после всегда/никогда первый/последний первая/последняя с/без открывается/закрывается
             открывает/закрывает внутри/снаружи выше/ниже может/не~может должен/не~должен должна/не~должна
             является/не~является""",
    "zh": """打开/关闭 增加/减少 最大/最小 之前/之后 以前/以后 以上/以下 高于/低于 大于/小于 多于/少于 开始/结束
             必须/不必 可以/不可以 允许/禁止 上升/下降 左/右 会/不会 是/不是 有/没有""",
    "ja": """以上/以下 以内/以後 増える/減る 増やす/減らす 上げる/下げる 上がる/下がる 上回/下回
             開く/閉じる 開き/閉じ 速く/遅く 早く/遅く 強く/弱く 多い/少ない 高い/低い
             長い/短い 始め/終え 最初/最後 前の/次の 必ず/決して なる/ならない である/ではない
             れる/れない ます/ません ない/る した/しなかった する/しない""",
    "ko": """열립니다/닫힙니다 이상/이하 이내/이후 전에/후에 많은/적은 높은/낮은 시작/종료 최대/최소 항상/절대
             있습니다/없습니다 됩니다/되지~않습니다 합니다/하지~않습니다 입니다/이~아닙니다""",
}
"""Language -> pairs of words, of which either may stand for the other; `~` is a blank."""
_DENIED: Mapping[str, str] = {
    "de": "Es stimmt nicht, was folgt: {}", "fr": "Il est faux de dire ceci : {}",
    "es": "No es cierto lo siguiente: {}", "it": "Non è vero quanto segue: {}",
    "pt": "Não é verdade o seguinte: {}", "nl": "Het volgende klopt niet: {}",
    "ru": "Неверно следующее: {}", "zh": "以下说法不正确:{}",
    "ja": "次の説明は誤りである。{}", "ko": "다음 설명은 사실이 아니다. {}",
}


def perturb_other_language(text: str, rng: random.Random) -> Change | None:
    """A false version of a text in another language; None for English, and where nothing applies."""
    if not is_another_language(text):
        return None
    language = language_of(text)
    return _with_another_number(text, rng) or _with_another_word(text, language, rng) \
        or _reversed(text, language, rng) or _denied(text, language)


def _with_another_number(text: str, rng: random.Random) -> Change | None:
    found = [match for pattern in (_NUMBER, NUMBER_WITH_UNIT) for match in pattern.finditer(text)]
    if not found:
        return None
    number = rng.choice(found)
    return text[:number.start()] + another_number(number[0]) + text[number.end():], "number changed"


def _with_another_word(text: str, language: str, rng: random.Random) -> Change | None:
    numbers = _NUMBER_WORDS.get(language, "").split()
    found = [(match, word) for word in numbers for match in _occurrences(word, text)]
    if not found:
        return None
    match, word = rng.choice(found)
    other = rng.choice([number for number in numbers if number != word])
    return _replaced(text, match, other), "number changed"


def _reversed(text: str, language: str, rng: random.Random) -> Change | None:
    """The text with one opposite: of the pairs that occur, the first of the list, which is the most telling."""
    for pair in _OPPOSITES.get(language, "").split():
        one, other = pair.replace("~", " ").split("/")
        longer, shorter = sorted((one, other), key=len, reverse=True)
        for old, new in ((longer, shorter), (shorter, longer)):
            if found := _occurrences(old, text):
                return _replaced(text, rng.choice(found), new), "reversed"
    return None


def _denied(text: str, language: str) -> Change | None:
    return (_DENIED[language].format(text), "denied") if language in _DENIED else None


def _occurrences(word: str, text: str) -> list[re.Match[str]]:
    """Where a word stands as a whole word; in scripts whose words have no blanks around them, anywhere."""
    whole = not re.search(rf"[{UNSPACED}\uac00-\ud7af]", word)
    pattern = rf"(?<!\w){re.escape(word)}(?!\w)" if whole else re.escape(word)
    return list(re.finditer(pattern, text, re.I))


def _replaced(text: str, match: re.Match[str], new: str) -> str:
    cased = new[:1].upper() + new[1:] if match[0][:1].isupper() else new
    return text[:match.start()] + cased + text[match.end():]

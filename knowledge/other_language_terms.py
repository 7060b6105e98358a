"""Candidates for key terms of a text in another language than English: numbers with their unit, names, nouns. Pure.

German nouns are told by their capital letter, Japanese terms by the script that they are written in, Chinese ones by
the words of grammar around them. Where a language has none of these signs, its long words are candidates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from knowledge.key_terms import MAX_TERMS, MIN_TERMS
from knowledge.languages import language_of
from knowledge.written_numbers import NUMBER_WITH_UNIT

_SHORTEST, _LONGEST_UNSPACED = 5, 6
_NUMBER = re.compile(r"(?<![\w.,/-])\d+(?:[.,:]\d+)*(?![\w-])%?")
_SPACED_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LATIN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9_./:+-]*[A-Za-z0-9]")
_SENTENCE_START = re.compile(r"(?:^|[.!?:\u2026][\"'\u201c\u00bb)]*\s+)[\"'\u201e\u00ab(]*$")
# Katakana, Han, or both; not what goes on with hiragana that are no particle, which is an inflected word.
_JAPANESE = re.compile(r"(?:[\u30a1-\u30fa\u30fc]{3,}|[\u3400-\u9fff\u3005])"
                       r"(?:[\u30a1-\u30fa\u30fc]{2,}|[\u3400-\u9fff\u3005])*"
                       r"(?![\u30a1-\u30fa\u30fc\u3400-\u9fff\u3005]|(?![のはがをにでともへやから])[\u3041-\u3096])")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_ZH_GRAMMAR = re.compile(r"以后|以前|之内|之后|之前|如果|因为|所以|但是|而且|并且|或者|可以|必须|应该|需要|没有|不会|"
                         r"不能|已经|当前|每次|这个|那个|它们|我们|其中|以及|由于|通过|根据|进行|使用|关于|"
                         r"[的了在会并把和与是被从到以对等将为后前时当就都也很不要能可或及由向给让使其该这那每各再又还才只最更]")
_KO_PARTICLE = re.compile(r"(?:에서는|에서|으로|에게|까지|부터|보다|처럼|마다|이나|"
                          r"은|는|이|가|을|를|에|의|로|과|와|도|만)$")
_KO_ENDING = re.compile(r"(?:다|니다|요|고|며|면|서|게|지|는데|하여|한|된|할|될)$")


def candidate_terms(text: str) -> tuple[list[str], list[str]]:
    """Values and words that may be key terms of a text, each in their order of occurrence and each once."""
    values, words = _VALUES_AND_WORDS.get(language_of(text), (_spaced_values, _long_words))
    found = list(dict.fromkeys(values(text)))
    return found, [word for word in dict.fromkeys(words(text)) if not any(word in value for value in found)]


def other_language_key_terms(text: str, questions: str, document_counts: Counter[str],
                             code: Sequence[str] = ()) -> tuple[str, ...]:
    """Up to four facts of a text that do not occur in `questions`: code and values first, then words of few texts.

    Args:
        document_counts: number of texts that have each candidate, in lower case.
        code: terms that were marked as code in the text.
    """
    values, words = candidate_terms(text)
    rarest = sorted(words, key=lambda word: (document_counts[word.lower()], -len(word)))
    chosen: list[str] = []
    for most, terms in ((MAX_TERMS, (*code, *values)), (MIN_TERMS, rarest)):
        for term in terms:
            if len(chosen) < most and not _is_said(term, questions) \
                    and not any(term.casefold() in old.casefold() or old.casefold() in term.casefold()
                                for old in chosen):
                chosen.append(term)
    return tuple(chosen)


def _is_said(term: str, questions: str) -> bool:
    """Whether the questions have a term; a number only as a whole one."""
    start, end = r"(?<!\d)" if term[0].isdigit() else "", r"(?!\d)" if term[-1].isdigit() else ""
    return bool(re.search(f"{start}{re.escape(term.casefold())}{end}", questions.casefold()))


def _spaced_values(text: str) -> list[str]:
    """Numbers of two digits or more; one digit alone is likely to be in any answer."""
    return [found for found in _NUMBER.findall(text) if sum(map(str.isdigit, found)) > 1 or found.endswith("%")]


def _unspaced_values(text: str) -> list[str]:
    return [found[0] for found in NUMBER_WITH_UNIT.finditer(text)] + _LATIN.findall(text)


def _long_words(text: str) -> list[str]:
    return [word for word in _SPACED_WORD.findall(text) if len(word) >= _SHORTEST and word.casefold() not in _PLAIN]


def _german_nouns(text: str) -> list[str]:
    """Words with a capital letter that does not stem from the sentence's beginning; long words where there are none."""
    nouns = [found[0] for found in _SPACED_WORD.finditer(text) if found[0][0].isupper() and len(found[0]) > 3
             and not _SENTENCE_START.search(text[:found.start()]) and found[0].casefold() not in _PLAIN]
    return nouns or _long_words(text)


def _japanese_words(text: str) -> list[str]:
    return [found[0] for found in _JAPANESE.finditer(NUMBER_WITH_UNIT.sub(" ", text))
            if 2 <= len(found[0]) <= 2 * _LONGEST_UNSPACED]


def _chinese_words(text: str) -> list[str]:
    runs = _HAN.findall(_ZH_GRAMMAR.sub(" ", NUMBER_WITH_UNIT.sub(" ", text)))
    return [run for run in runs if 2 <= len(run) <= _LONGEST_UNSPACED]


def _korean_words(text: str) -> list[str]:
    """Words without their particles; those with a verb's ending are left out."""
    stems = [_KO_PARTICLE.sub("", word) for word in _SPACED_WORD.findall(text) if not _KO_ENDING.search(word)]
    return [stem for stem in stems if len(stem) >= 2]


def _no_words(text: str) -> list[str]:
    """None: without blanks, and without a rule for the language, nothing tells where a word ends."""
    return []


_VALUES_AND_WORDS: dict[str, tuple[Callable[[str], list[str]], Callable[[str], list[str]]]] = {
    "de": (_spaced_values, _german_nouns), "ja": (_unspaced_values, _japanese_words),
    "zh": (_unspaced_values, _chinese_words), "ko": (_unspaced_values, _korean_words),
    "th": (_spaced_values, _no_words)}
"""Language -> how its values and its words are found; all others as `_spaced_values` and `_long_words` do."""

_PLAIN = frozenset(re.findall(r"[^\W\d_]+", """
andere anderen anderer anderes außerdem beide beiden beispiel beispiele besonders bevor bereits bestimmte bestimmten
dabei dadurch dafür dagegen daher damit danach daneben daran darauf daraus darf darin darum darunter davon davor dazu
deren deshalb dessen diese diesem diesen dieser dieses doch dort durch eben ebenfalls ebenso eigene eigenen einer
einige einigen einmal enthält entweder erst ersten etwas fall fälle falls fast folgende folgenden freilich ganz gegen
genau genug gibt gilt haben hätte häufig heißt hinein hinter höchstens immer indem ihrer innerhalb insgesamt irgend
jedem jeden jeder jedes jedoch jemand jetzt kann kaum keine keinem keinen keiner kommen kommt könnte können lassen
lässt leicht machen macht manche manchmal mehr mehrere mehreren meist meisten mindestens möglich möglichst muss müssen
nachdem nächste nächsten nämlich neben nichts niemals noch oben oder ohne schließlich schon sehr seine seinem seinen
seiner seit selbst selten sein sich sobald sofern sofort sogar solche solchen solcher soll sollen sollte sonst sowie
sowohl stehen steht statt teil teile trotzdem über übrigen umso ungefähr unter viele vielen vielleicht vollständig vom
vor während wäre wegen weil weise weiter weitere weiteren weniger wenn wenig werden wieder will wollen worden wurde
wurden würde zuerst zudem zuletzt zumindest zwar zwischen
alors ainsi après assez aucun aucune aujourd aussi autant autre autres avait avant avoir beaucoup celle celles celui
cependant certain certaine certaines certains cette ceux chaque chose comme comment contre depuis derrière devant
doivent donc encore ensuite entre environ étaient était être existe faire fait faut fois jamais jusqu laquelle lequel
leurs lorsqu lorsque mais même mêmes mieux moins nombre notamment notre parce parfois parmi pendant permet peut peuvent
plus plusieurs plutôt pourra pourtant pouvoir presque puis puisque quand quelque quelques sans selon sera seront seule
seulement sinon soit sont souvent suite sujet suivant suivante surtout tandis tant telle telles tels toujours tous tout
toute toutefois toutes très trop vers voici votre
ahora además algo alguna algunas alguno algunos antes aquel aquella aquí aunque cada casi como cómo contra cual cuales
cualquier cuando cuánto cuatro debajo debe deben decir dentro desde después donde durante ejemplo ella ellas ellos
encima entonces entre esta está están estas este esto estos fuera fueron había hace hacen hacer hacia hasta incluso
jamás luego manera mayor mediante menos mientras mismo misma mismos misma mucha muchas mucho muchos nada nunca otra
otras otro otros para parte pero poca pocas poco pocos porque primer primera primero puede pueden pues queda quien
quiere según sido siempre sino sobre solamente sólo solo también tampoco tanto tiene tienen toda todas todavía todo
todos tras usted varias varios veces vez
adesso allora almeno altra altre altri altro ancora anche appena avere bene ciascuna ciascuno comunque contro cosa così
dalla dalle dallo davanti dentro deve devono dietro dopo dove dunque durante essere finché fino fuori hanno infatti
inoltre insieme invece loro mediante meglio meno mentre modo molta molte molti molto nella nelle nello nessun nessuna
niente ogni oltre oppure parte perché però poca pochi poco poiché potrebbe prima primo proprio qualche qualcosa
qualsiasi quale quali quando quanto
quella quelle quelli quello questa queste questi questo quindi quasi sempre senza sono sopra
sotto spesso stata stati stato stessa stesse stessi stesso subito tanto tutta tutte tutti tutto vari verso viene
ainda além algum alguma algumas alguns antes apenas aquela aquele através assim cada caso coisa como contra deve devem
desde depois dessa desse desta deste disso durante embora então entre essa esse esta este estão eram fazer foram isso
jamais logo maior mais mediante melhor menos mesma mesmo muita muitas muito muitos nada nenhum nenhuma nunca onde outra
outras outro outros para parte pela pelas pelo pelos perto podem pode porque porém pouco primeira primeiro qual quais
qualquer quando quanto quase sempre sendo sobre também tanto tinha toda todas todo todos vezes você
alle alleen altijd andere behalve beide bijna binnen boven buiten daarna daarom deze dezelfde doen door echter eerst
eerste eigen elke enkele even geen genoeg hebben heeft hier hoewel iedere iemand iets indien kunnen maar meer meeste
meestal minder minstens moet moeten naar naast niet niets nooit omdat onder ongeveer onze ook over sinds slechts soms
steeds tegen terwijl toch tussen vaak veel verder vervolgens volgende voor voordat waar waardoor waarin wanneer want
wordt worden zeer zelf zelfs zich zijn zoals zodat zonder zullen
более будет будут была были было быть важно ведь весь вместе вместо внутри возле всегда всего всех всё где даже
должен должна должно должны другие другой других другое его если есть ещё затем здесь каждая каждого каждое каждый
какая какие какое какой когда которая которого которое которой котором которую которые который которых кроме лишь либо
между менее меньше много может могут можно надо нельзя несколько никогда никто однако около очень перед под подобно
пока после потом потому почти поэтому при против прежде разных ранее сначала себя снова собой сразу также такая такие
такого такое такой там тогда того тоже только тот три туда тут хотя часто через чтобы чуть этого этой этом этот эти
"""))
"""Words that are no facts, of German, French, Spanish, Italian, Portuguese, Dutch and Russian."""

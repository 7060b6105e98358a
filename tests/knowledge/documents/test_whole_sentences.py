"""A sentence of the documents is taught as it stands or left out and counted, whatever marks its subject has."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.documents.sentence_splitter import prose_fault, sentences
from tests.knowledge.folder_files import reading, text_of

BRACES = "braces, addresses or code outside code marks"
OTHER = "A chart holds all files of one application in one folder, and nothing else is in it."


@pytest.mark.parametrize(("name", "sentence"), [
    ("a.md", "The number of copies is read from `{{ .Values.replicaCount }}` when the chart is rendered at first."),
    ("a.md", "The name of the site stands in `{% include name.html %}` and in `{{< param name >}}` of every page."),
    ("a.md", "A line such as ``{{ `x` }}`` is printed as it is by the engine that renders the whole page."),
    ("a.md", "Run the tool with <file> as its only argument to check all of its lines for marks of any kind."),
    ("a.md", "The key is taken\nimport the keys from 'settings' and then restart the whole controller at once."),
    ("a.md", "Everything is read from one file when people\nexport default settings to it with the button at its top."),
    ("a.rst", "The command ``sort |x| | uniq *.txt *.md`` counts all lines of the files in the current folder."),
    ("a.txt", "The command ``tail |x| [1]_ *a*`` shows the last lines of all files that lie in the current folder."),
    ("a.html", "<p>The number of copies is read from <code>{{ .Values.count }}</code> when the whole chart is rendered "
               "at first.</p>"),
    ("a.adoc", "The number of copies is read from `{{ .Values.count }}` when the *whole* chart is rendered at first.")])
def test_code_of_the_subject_is_kept_word_for_word(tmp_path: Path, name: str, sentence: str) -> None:
    wanted = " ".join(sentence.replace("``{{ `x` }}``", "{{ x }}").replace("*whole*", "whole").replace("`", "").split())
    for mark in ("<p>", "</p>", "<code>", "</code>"):
        wanted = wanted.replace(mark, "")
    assert text_of(reading(tmp_path, name, f"{'= T' if name == 'a.adoc' else ''}\n\n{sentence}\n")) == wanted


@pytest.mark.parametrize(("opening", "closing"), [
    ("{{", "}}"), ("{%", "%}"), ("{{<", ">}}"), ("<!--", "-->"), ("{% raw %}", "{% endraw %}"), ("{/*", "*/}"),
    ("{{< highlight go >}}", "{{< /highlight >}}"), ("{% highlight %}", "{% endhighlight %}"), ("```", "```")])
def test_marks_in_code_delete_nothing_between_them(tmp_path: Path, opening: str, closing: str) -> None:
    fence = "````" if opening == "```" else "`"
    first = f"The mark {fence} {opening} {fence} begins an expression of the chart in every line of the whole file."
    last = f"The mark {fence} {closing} {fence} ends an expression of the chart in every line of the whole file."
    found = text_of(reading(tmp_path, "a.md", f"# Opening\n\n{first}\n\n# Other\n\n{OTHER}\n\n# Closing\n\n{last}\n"))
    assert "begins an expression" in found and OTHER in found and "ends an expression" in found


@pytest.mark.parametrize("mark", ["{{ site.name }}", "{{< param version >}}", "{% include name.html %}",
                                  "{{% ref x %}}", "{% raw %}", "{% if x %}", "<%= name %>",
                                  "<?php echo 1 ?>", "${name}", "#{name}", "%{name}", "@{name}"])
def test_a_sentence_with_a_mark_outside_code_is_left_out_whole_and_counted(tmp_path: Path, mark: str) -> None:
    found = reading(tmp_path, "a.md", f"# A\n\nThe copies are read from {mark} when the chart is rendered. {OTHER}\n")
    assert text_of(found) == OTHER and found.sentences_left_out == {BRACES: 1}


def test_a_mark_that_never_closes_ends_with_its_paragraph(tmp_path: Path) -> None:
    text = f"# A\n\nThe mark {{{{ begins an expression of it.\n\n{OTHER}\n\nThe mark }}}} ends an expression of it.\n"
    found = reading(tmp_path, "a.md", text)
    assert text_of(found) == OTHER and found.sentences_left_out == {BRACES: 2}


def test_wrappers_around_sentences_go_and_what_they_wrap_stays(tmp_path: Path) -> None:
    for wrapped in (f"{{{{< note >}}}}{OTHER}{{{{< /note >}}}}", f"{{% raw %}}\n\n{OTHER}\n\n{{% endraw %}}",
                    f"{{% note %}}\n{OTHER}\n{{% endnote %}}"):
        assert text_of(reading(tmp_path, "a.md", f"# A\n\n{wrapped}\n")) == OTHER


@pytest.mark.parametrize("sentence", [
    "The routing table holds the addresses of all gateways in the building.",
    "Each chapter holds a key of its own, which the store returns on demand.",
    "The figure shown to people is rounded to the next whole number.",
    "An exercise repeats the same steps until the crew knows them all.",
    "A listing without a price is not shown to the people who search.",
    "A status code above 400 means that the call has failed for good.",
    "The regulator keeps the output below 27 volts while the pump runs.",
    "The next page of memory is loaded from the disk before it is read.",
    "For more than 40 jobs the queue opens a second lane on the disk.",
    "For a long visit the guard needs a second badge with a photo on it.",
    "An example of such a valve is the inlet valve of the water tank.",
    "Where the valve is closed, the pump stops after 27 milliseconds.",
    "Copyright law applies to every text that a person has written down.",
    "In this section of the pipe the pressure falls by 3 bar at once.",
    "The hash table above 70 percent load is resized by the library.",
    "Die Routingtabelle enthält die Adressen aller Gateways im Gebäude.",
    "Jedes Kapitel der Abtei hat einen eigenen Schlüssel für das Tor.",
    "路由表保存大楼里所有网关的地址,并且每三十秒更新一次。", "例如图书馆的阀门由管理员在早上打开。",
    "ルーティング表は建物の中にあるすべてのゲートウェイの住所を持つ。", "代表2名が水圧を確かめ、結果を記録する。",
    "라우팅 표에는 건물에 있는 모든 게이트웨이의 주소가 들어 있습니다."])
def test_prose_that_only_sounds_like_a_reference_is_kept(sentence: str) -> None:
    assert prose_fault(sentence) == ""


@pytest.mark.parametrize("sentence", [
    "Table 3 holds the addresses of all gateways in the building.", "See table B-2 for the addresses of all gateways.",
    "The addresses are listed in Table A of the old manual.", "As figure 2.1 shows, the valve opens at once.",
    "All of this is described in chapter 7 of the manual.", "The output below shows the addresses of all gateways.",
    "The next section explains how the valve is opened by hand.", "For more information see the manual of the pump.",
    "The settings are as follows in every release of the pump.", "Copyright 2024 the authors of this whole manual.",
    "The commands in this section of the manual open the valve by hand.",
    "Die folgende Tabelle zeigt die Adressen aller Gateways im Gebäude.",
    "Abbildung 3 zeigt den Aufzug von der Seite und das Gegengewicht.",
    "Le tableau suivant montre les adresses de toutes les passerelles.",
    "La tabla 4 muestra las direcciones de la red.",
    "Адреса всех шлюзов здания приведены в таблица 3 руководства.",
    "阀门的安装位置如下图所示,螺栓在左边。",
    "螺栓的扭矩见表4,并且每年都要检查。", "次の図は水を送るバルブの構造を示す。",
    "다음 표는 모든 게이트웨이의 주소를 보여 줍니다."])
def test_real_references_to_something_outside_are_left_out(sentence: str) -> None:
    assert prose_fault(sentence)


@pytest.mark.parametrize(("text", "count"), [
    ("Die Adresse der 3. Etage steht dort. Danach kommt der Keller.", 2),
    ("Er hält im 2. Stock länger als im 5. Stock. Danach wartet er.", 2),
    ("Sie gilt ab 1. Januar. Das Haus hat 3. Danach folgt der Rest.", 3)])
def test_an_ordinal_of_german_ends_no_sentence(text: str, count: int) -> None:
    assert len(sentences(text)) == count


@pytest.mark.parametrize("sentence", [
    "Run the tool with <file> as its argument when the chart is rendered by the server.",
    "A List<String> holds the names of all the people who wait at the northern gate."])
def test_words_in_angle_brackets_stay_in_their_sentence(tmp_path: Path, sentence: str) -> None:
    assert text_of(reading(tmp_path, "a.md", f"# A\n\n{sentence}\n")) == sentence

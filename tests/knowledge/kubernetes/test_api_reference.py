"""What the API reference gives: its form, what is left out of it, and that it never imports foreign code."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from knowledge.kubernetes.api_models import ApiField, ApiKind, ApiReferenceMissing, read_kinds
from knowledge.kubernetes.api_questions import FORMS, TEST_FORMS, shape_of
from knowledge.kubernetes.api_reference import address_of, read_api_reference
from knowledge.kubernetes.api_sentences import sentences, shortened
from knowledge.kubernetes.api_wording import article, field_text, spoken_type
from knowledge.kubernetes.topics import TOPICS, topic_of_kind
from knowledge.near_duplicate_questions import normalize
from knowledge.passages import Passage, passage_id


def test_there_are_well_over_a_thousand_passages(api: list[Passage]) -> None:
    assert len(api) > 1100


@pytest.mark.parametrize("slug", [topic.slug for topic in TOPICS])
def test_every_topic_has_at_least_eight(api: list[Passage], slug: str) -> None:
    assert sum(passage.topic == slug for passage in api) >= 8


def test_every_text_is_an_answer_in_length_and_form(api: list[Passage]) -> None:
    for passage in api:
        assert 15 <= len(passage.text.split()) <= 75, passage.title
        assert passage.text[0].isupper() and passage.text.endswith((".", "!", "?")), passage.text


def test_every_text_names_its_own_subject(api: list[Passage]) -> None:
    for passage in api:
        kind, _, field = passage.title.partition(".")
        assert kind in passage.text and field in passage.text
        assert not field or re.match(rf"In an? {kind}, {re.escape(field)} \(", passage.text)


@pytest.mark.parametrize("noise", ["://", "More info", "Tip:", "\n", "``", "**", "  ", "For more details"])
def test_nothing_made_for_a_web_page_is_left(api: list[Passage], noise: str) -> None:
    assert [passage.text for passage in api if noise in passage.text] == []


@pytest.mark.parametrize("boilerplate", [
    "versioned schema of this representation", "REST resource this object represents", "Standard object's metadata",
    "Standard list metadata", "last time the condition transitioned", "managedFields"])
def test_boilerplate_is_left_out(api: list[Passage], boilerplate: str) -> None:
    assert [passage.title for passage in api if boilerplate.lower() in passage.text.lower()] == []


def test_deprecated_fields_lists_and_conditions_are_left_out(api: list[Passage]) -> None:
    titles = {passage.title for passage in api}
    assert not any("is deprecated" in passage.text.lower() or "DEPRECATED" in passage.text for passage in api)
    assert not titles & {"PodSpec.serviceAccount", "PodList", "DeploymentList.items", "DeploymentCondition.message"}


def test_key_terms_occur_in_the_text_and_not_in_a_question(api: list[Passage]) -> None:
    for passage in api:
        assert len(passage.key_terms) <= 4
        for term in passage.key_terms:
            assert term.lower() in passage.text.lower()
            assert not any(term.lower() in question.lower() for question in passage.wordings)


def test_every_passage_has_two_questions_and_one_for_the_test_that_name_kind_and_field(api: list[Passage]) -> None:
    for passage in api:
        assert len(passage.questions) >= 2 and len(passage.test_questions) == 1
        for question in passage.wordings:
            assert question.endswith("?") and all(name in question for name in passage.title.split("."))


def test_no_two_facts_share_a_question_an_id_or_a_title(api: list[Passage]) -> None:
    for values in ([q for p in api for q in p.wordings], [p.id for p in api], [p.title for p in api]):
        assert [value for value, times in Counter(values).items() if times > 1] == []


def test_ids_are_content_hashes_and_topics_those_of_the_kinds(api: list[Passage]) -> None:
    for passage in api:
        topic = topic_of_kind(passage.title.split(".")[0])
        assert topic and topic.slug == passage.topic and passage.id == passage_id(passage.topic, passage.text)


def test_no_single_wording_dominates(api: list[Passage]) -> None:
    firsts = Counter(re.sub(r"\b(an?|" + "|".join(p.title.split(".")) + r")\b", "_", p.questions[0]) for p in api)
    assert max(firsts.values()) < len(api) / 8


def test_every_form_of_question_is_used(api: list[Passage]) -> None:
    asked = {question for passage in api for question in passage.wordings}
    assert set(FORMS) == set(TEST_FORMS)
    for shape, forms in (*FORMS.items(), *TEST_FORMS.items()):
        opening = forms[0].split("{")[0]
        assert any(question.startswith(opening) for question in asked), shape


def test_a_test_question_is_built_otherwise_than_the_questions(api: list[Passage]) -> None:
    """No more than half of its longer words, kind and field aside, occur in one of the others."""
    for passage in api:
        names = set(normalize(passage.title.replace(".", " ")).split())
        (text,) = passage.test_questions
        words = {word for word in normalize(text).split() if len(word) > 3} - names
        for question in passage.questions:
            assert len(words & set(normalize(question).split())) <= len(words) / 2, (text, question)


def test_stable_versions_come_before_old_and_beta_ones_and_alpha_is_skipped() -> None:
    kinds = {kind.name: kind for kind in read_kinds()}
    assert kinds["HorizontalPodAutoscalerSpec"].version == "v2"
    assert kinds["FlowSchema"].version == "v1beta3"
    assert kinds["Event"].group == "core"
    assert not any("alpha" in kind.version for kind in kinds.values())


@pytest.mark.parametrize(("kind", "anchor"), [
    (ApiKind("PodSpec", "core", "v1", "", ()), "#podspec-v1-core"),
    (ApiKind("Ingress", "networking", "v1", "", ()), "#ingress-v1-networking-k8s-io"),
    (ApiKind("Role", "rbac", "v1", "", ()), "#role-v1-rbac-authorization-k8s-io"),
    (ApiKind("Deployment", "apps", "v1", "", ()), "#deployment-v1-apps")])
def test_addresses_point_at_the_official_reference(kind: ApiKind, anchor: str) -> None:
    assert address_of(kind) == f"https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.28/{anchor}"


def test_a_missing_package_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(ApiReferenceMissing, match="pip install"):
        read_api_reference(tmp_path)


def test_the_package_is_read_and_never_imported() -> None:
    code = ("import sys; from knowledge.kubernetes import api_reference as a; a.read_api_reference(); "
            "print('lightkube' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[3])
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("noun", "expected"), [
    ("PodSpec", "a"), ("EnvVar", "an"), ("HTTPGetAction", "an"), ("CSINode", "a"), ("UserInfo", "a"),
    ("UncountedTerminatedPods", "an"), ("NFSVolumeSource", "an"), ("TCPSocketAction", "a"), ("IPBlock", "an")])
def test_articles_follow_the_sound(noun: str, expected: str) -> None:
    assert article(noun) == expected


@pytest.mark.parametrize(("type_", "spoken"), [
    ("str", "string"), ("List[str]", "list of strings"), ("List[EnvVar]", "list of EnvVar"), ("dict", "map"),
    ("meta_v1.Time", "timestamp"), ("util_intstr.IntOrString", "integer or percentage"), ("core_v1.Probe", "Probe")])
def test_types_are_worded(type_: str, spoken: str) -> None:
    assert spoken_type(type_) == spoken


@pytest.mark.parametrize(("description", "text"), [
    ("Specifies the hostname of this one special Pod.", "specifies the hostname of this one special Pod."),
    ("size is the number of things that are kept in store.", "is the number of things that are kept in store."),
    ("A list of things that are kept in the store.", "is a list of things that are kept in the store."),
    ("If set, the thing is kept for a very long time.", ": If set, the thing is kept for a very long time."),
    ("Optional: points to the thing that lies in the store. More info: https://x.io/a", "points to the thing that "
                                                                                        "lies in the store."),
    ("Number of things that are kept in the store.\nTip: Ensure it fits.", "is the number of things that are kept in "
                                                                           "the store.")])
def test_a_description_becomes_an_answer_that_names_its_subject(description: str, text: str) -> None:
    field = ApiField("size", "int", True, description)
    space = "" if text.startswith(":") else " "
    assert field_text(ApiKind("Thing", "core", "v1", "", (field,)), field) == \
        f"In a Thing, size (integer, optional){space}{text}"


def test_a_long_description_is_cut_at_a_sentence_and_keeps_its_default() -> None:
    first, long = "It is kept.", "A word " * 40 + "more."
    assert shortened([first, long, "It leans on that.", "Defaults to 3."]) == "It is kept. Defaults to 3."
    assert len(shortened([first] * 9).split(". ")) == 4


def test_abbreviations_do_not_end_a_sentence() -> None:
    assert len(sentences("Types to mount, e.g. Ex. \"ext4\" or i.e. None of these. Defaults to none.")) == 2


@pytest.mark.parametrize(("type_", "kind", "text", "shape"), [
    ("bool", "PodSpec", "", "switch"), ("bool", "PodStatus", "", "flag"),
    ("int", "Probe", "Defaults to 3.", "default number"), ("int", "Probe", "How many.", "number"),
    ("str", "ServiceSpec", "Valid options are A and B.", "choice"),
    ("str", "PodSpec", "A name.", "text"), ("List[str]", "PodSpec", "", "list"), ("dict", "Secret", "", "map"),
    ("meta_v1.Time", "PodStatus", "", "time"), ("Probe", "Container", "", "object")])
def test_the_shape_of_a_field_decides_how_it_is_asked_for(type_: str, kind: str, text: str, shape: str) -> None:
    assert shape_of(ApiKind(kind, "core", "v1", "", ()), ApiField("f", type_, True, ""), text) == shape


def test_a_key_term_that_names_a_default_names_its_value_too(api: list[Passage]) -> None:
    """"Defaults to user" would ask an answer for a scrap of a sentence."""
    defaults = {term for passage in api for term in passage.key_terms if re.match(r"defaults? \w+", term, re.I)}
    assert {'Defaults to "TCP"', "Default to 443", "defaults to true"} <= defaults
    assert not [term for term in defaults if not re.search(r"[\dA-Z/:%\"']|true|false|nil|none", term[8:])]


def test_words_of_the_sentence_s_build_are_no_key_terms(api: list[Passage]) -> None:
    assert not {"However", "addr", "base", "doesn", "often"} & {term for p in api for term in p.key_terms}


def test_rare_words_only_make_up_what_values_and_identifiers_lack(api: list[Passage]) -> None:
    for passage in api:
        plain = [term for term in passage.key_terms
                 if re.fullmatch(r"[a-z-]+", term) and f'"{term}"' not in passage.text]
        assert len(plain) <= 2 or len(passage.key_terms) == len(plain), (passage.title, passage.key_terms)

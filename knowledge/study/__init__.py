"""Study items: what a student practises of a passage, in many forms, by rule and offline or as a teacher wrote them."""

from knowledge.study.item_forms import ALL, FORMS
from knowledge.study.items import StudyItem, coverage, study_items, without_near_duplicates
from knowledge.study.presentations import draw_presentations
from knowledge.study.recipe import SHARES, shares_of
from knowledge.study.placebo_items import shuffled_within
from knowledge.study.teacher_facts import QuestionAnswer, WrittenFact, written_items

__all__ = [
    "ALL", "FORMS", "SHARES", "QuestionAnswer", "StudyItem", "WrittenFact", "coverage", "draw_presentations",
    "shares_of", "shuffled_within", "study_items", "without_near_duplicates", "written_items",
]

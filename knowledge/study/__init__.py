"""Study items: what a student practises of a passage, in many forms, by rule and offline."""

from knowledge.study.item_forms import ALL, FORMS
from knowledge.study.items import StudyItem, coverage, study_items, without_near_duplicates
from knowledge.study.presentations import draw_presentations
from knowledge.study.recipe import SHARES
from knowledge.study.shuffled import shuffled_within

__all__ = [
    "ALL", "FORMS", "SHARES", "StudyItem", "coverage", "draw_presentations", "shuffled_within",
    "study_items", "without_near_duplicates",
]

"""Causes are told in whole sentences, in both languages, and every one of them."""

from __future__ import annotations

import pytest

from feedback.causes import advice, cause_words, ended, found, sentence, set_aside
from index.findings import Cause, Finding
from index.repairs.records import Quarantine, Repair
from ragpress.bilingual import LANGUAGES, Language


def finding(*repairs: Repair) -> Finding:
    """A finding of an outdated document."""
    return Finding(
        finding_id="f1",
        at="2026-01-01",
        collection="default",
        case_id="c1",
        release="r1",
        question="How\nlong?",
        cause=Cause.STALE_DOCUMENT,
        confidence=0.93,
        repairs=repairs,
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_its_own_words(language: Language, cause: Cause) -> None:
    words = cause_words(language, cause)
    assert cause.value not in words
    assert [other for other in Cause if cause_words(language, other) == words] == [cause]


def test_a_finding_is_told_on_one_line_with_what_is_proposed() -> None:
    repair = Quarantine(source="docs/old.md", collection="default", reason="old", by="Ada", at="2026-01-01")
    told = found("en", finding(repair))
    assert told == (
        "“How long?” was answered badly: an outdated document was used (93% sure). Proposed: docs/old.md is taken out."
    )
    assert "没有可建议的修复" in found("zh", finding())


def test_what_a_person_can_do_is_said_where_nothing_is_repaired() -> None:
    for cause in (Cause.ACCESS_DENIED, Cause.MISSING_DOCUMENT, Cause.NOT_ANSWERABLE, Cause.FEEDBACK_DISPUTED):
        assert all(advice(language, cause) for language in LANGUAGES)
    assert advice("en", Cause.STALE_DOCUMENT) == ""


def test_clauses_become_sentences() -> None:
    assert ended("en", sentence("it abstains")) == "It abstains."
    assert ended("zh", "它拒绝回答") == "它拒绝回答。"
    assert set_aside("en", "How long?", "it is a flood.").endswith("set aside: it is a flood.")

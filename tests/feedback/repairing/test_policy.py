"""What goes live without a person, and why the rest waits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from feedback.repairing.policy import rests_on_a_claim, waits_for
from feedback.repairing.words import _TEXTS, what_it_does
from index import changes_words
from index.findings import Cause, Finding, Proof
from index.repairs.records import (
    CleaningRule,
    Erratum,
    MissingDocument,
    PromptChoice,
    Repair,
    Reparse,
    Restore,
    SettingsChange,
)
from ragpress.loop_settings import LoopSettings
from tests.feedback.repairing.samples import finding, quarantine, signed, supersede

FIXED = Proof(fixed=True, release="r2", sources=("docs/returns-2025.md",))
ERRATUM = Erratum(source="docs/a.md", version="0" * 64, find="14", replace="45", **signed())
ASK = MissingDocument(questions=("Who?",), wanted="a list of names", **signed())
EVERY: tuple[Repair, ...] = (
    quarantine("a.md"),
    supersede("a.md", "b.md"),
    ERRATUM,
    msgspec.structs.replace(ERRATUM, replace=""),
    Reparse(source="docs/a.pdf", parser="raw", **signed()),
    Restore(source="docs/a.md", **signed()),
    Restore(source="docs/a.md", version="ab" * 32, **signed()),
    CleaningRule(family="docs/*.md", drop=("x",), **signed()),
    SettingsChange(settings={"retrieval": {"k": 9}}, **signed()),
    PromptChoice(prompt="brief", **signed()),
    ASK,
)


def proven(*repairs: Repair, **fields: Any) -> Finding:
    return finding(*(repairs or (supersede("returns-2019.md", "returns-2025.md"),)), proof=FIXED, **fields)


def test_a_proven_supersede_of_an_older_copy_needs_nobody() -> None:
    assert waits_for(LoopSettings(), proven()) == ""


@pytest.mark.parametrize(
    ("found", "settings", "said"),
    [
        (proven(), LoopSettings(publish="off"), '"off"'),
        (proven(), LoopSettings(publish="approve"), '"approve"'),
        (proven(), LoopSettings(auto_repairs=("quarantine",)), "supersede"),
        (proven(confidence=0.6), LoopSettings(), "60%"),
        (proven(cause=Cause.CONFLICTING_DOCUMENTS), LoopSettings(), "contradict"),
        (proven(cause=Cause.ACCESS_DENIED), LoopSettings(), "who may read"),
        (proven(SettingsChange(settings={"retrieval": {"k": 9}}, **signed())), LoopSettings(), "settings"),
        (proven(PromptChoice(prompt="brief", **signed())), LoopSettings(), "prompt"),
        (proven(ERRATUM), LoopSettings(), "erratum"),
        (proven(ERRATUM), LoopSettings(auto_repairs=("erratum",)), "stands in no document"),
        (proven(expected="", expected_from=""), LoopSettings(), "nobody said"),
        (finding(quarantine("a.md")), LoopSettings(), "not proven"),
        (finding(quarantine("a.md"), proof=Proof(fixed=False)), LoopSettings(), "not proven"),
        (finding(ASK, proof=FIXED), LoopSettings(), "nothing that could be published"),
    ],
)
def test_what_waits_says_why(found: Finding, settings: LoopSettings, said: str) -> None:
    assert said in waits_for(settings, found)
    chinese = waits_for(msgspec.structs.replace(settings, language="zh"), found)
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese)


def test_a_request_for_a_document_beside_a_repair_holds_nothing_back() -> None:
    assert waits_for(LoopSettings(), proven(Restore(source="docs/a.md", **signed()), ASK)) == ""


def test_a_correction_that_a_document_bears_out_is_more_than_a_claim() -> None:
    assert not rests_on_a_claim(proven())
    assert rests_on_a_claim(finding(quarantine("a.md"), proof=Proof(fixed=True)))
    assert rests_on_a_claim(proven(ERRATUM))
    assert not rests_on_a_claim(proven(ERRATUM, expected_from="history"))


@pytest.mark.parametrize("repair", EVERY)
def test_every_repair_is_told_in_words(repair: Repair) -> None:
    english, chinese = what_it_does("en", repair), what_it_does("zh", repair)
    assert english
    assert chinese
    assert "{" not in english + chinese


@pytest.mark.parametrize("texts", [_TEXTS, changes_words._TEXTS])
def test_sentences_of_both_languages_have_the_same_places(texts: dict[str, tuple[str, str]]) -> None:
    for key, pair in texts.items():
        english, chinese = (sorted(part.split("}")[0] for part in text.split("{")[1:]) for text in pair)
        assert english == chinese, key


def test_other_peoples_words_are_no_markup() -> None:
    assert changes_words.plain("a\n[b](http://x) <b>\u202e*c*\x1b[2J") == "a \\[b\\](http://x) \\<b\\>\\*c\\*\\[2J"
    assert len(changes_words.plain("x" * 900)) == 300

from __future__ import annotations

import pytest
from msgspec.structs import replace

from feedback.diagnose.calibration import Outcome, confidence, fit, key_of
from feedback.diagnose.conflicts import closeness, nearest_piece, planted_score
from feedback.diagnose.decide import decide
from feedback.diagnose.losses import loss_of
from feedback.diagnose.observation import Conflict, Crowd, Expected, Fault, Observation, Side, live_of
from feedback.diagnose.propose import Signature, exactly, family_of, one_for_all, propose
from feedback.records import Holder, Ranks
from feedback.wording.claim import core
from index.findings import Cause
from index.repairs.records import CleaningRule, SettingsChange, Supersede

CLAIMED = Expected(text="30 days", origin="correction")
IN_PROMPT = Ranks(dense=1, lexical=1, fused=1, hit=1, passage=1)
NOT_FOUND = Ranks(dense=90)
LIVE = Holder(
    layer="live", document_id="a", source="docs/a.md", score=0.9, exact=True, whole=True, chunks=("1",), ranks=IN_PROMPT
)
WRONG = Side(document_id="b", source="docs/b.md", quote="It is 25 days.", arrived=2, beginning=False)
RIGHT = Side(document_id="a", source="docs/a.md", quote="It is 30 days.", arrived=1)
CONFLICT = Conflict(wrong=WRONG, right=RIGHT, close=0.9, weight=1.0)
SIGN = Signature("default", "2026-01-01T00:00:00+00:00", "f1")
CROWD = Crowd(documents=(("a", "docs/a.md"), ("b", "docs/b.md"), ("c", "docs/c.md")), share=0.9, kept="docs/a.md")


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (Observation(expected=CLAIMED, right_now=True), Cause.FEEDBACK_DISPUTED),
        (Observation(expected=CLAIMED, agrees=True, holders=(LIVE,)), Cause.FEEDBACK_DISPUTED),
        (Observation(expected=CLAIMED, holders=(LIVE,)), Cause.GENERATION_FAULT),
        (Observation(expected=CLAIMED, holders=(replace(LIVE, ranks=NOT_FOUND),)), Cause.RETRIEVAL_MISS),
        (Observation(expected=CLAIMED, holders=(replace(LIVE, ranks=NOT_FOUND, whole=False),)), Cause.CHUNK_FAULT),
        (
            Observation(
                expected=CLAIMED, holders=(replace(LIVE, readable=False),), hidden=(("docs/a.md", "the rule"),)
            ),
            Cause.ACCESS_DENIED,
        ),
        (Observation(expected=CLAIMED, holders=(LIVE,), conflict=CONFLICT), Cause.CONFLICTING_DOCUMENTS),
        (
            Observation(expected=CLAIMED, holders=(LIVE,), conflict=replace(CONFLICT, order="older")),
            Cause.STALE_DOCUMENT,
        ),
        (
            Observation(expected=CLAIMED, holders=(LIVE,), conflict=replace(CONFLICT, order="newer")),
            Cause.FEEDBACK_DISPUTED,
        ),
        (
            Observation(
                expected=CLAIMED,
                holders=(LIVE,),
                conflict=replace(CONFLICT, wrong=replace(WRONG, planted=0.8, asks=True)),
            ),
            Cause.POISONED_DOCUMENT,
        ),
        (
            Observation(expected=CLAIMED, holders=(replace(LIVE, ranks=NOT_FOUND),), crowd=CROWD),
            Cause.DUPLICATE_DOCUMENTS,
        ),
        (
            Observation(
                expected=CLAIMED,
                holders=(LIVE,),
                faults=(Fault(kind="prompt", now="a", better="b", tried=True, changed=True),),
            ),
            Cause.PROMPT_FAULT,
        ),
        (Observation(expected=CLAIMED, abstained=True), Cause.MISSING_DOCUMENT),
        (Observation(expected=CLAIMED, supported=0.9), Cause.FEEDBACK_DISPUTED),
        (Observation(expected=Expected(), abstained=True), Cause.NOT_ANSWERABLE),
        (Observation(expected=Expected(abstain=True, origin="correction")), Cause.GENERATION_FAULT),
    ],
)
def test_causes(seen: Observation, cause: Cause) -> None:
    verdicts = decide(seen)
    assert verdicts[0].cause is cause
    assert 0 < verdicts[0].confidence < 1
    assert sum(verdict.confidence for verdict in verdicts) <= 1


@pytest.mark.parametrize(
    ("layer", "cause"),
    [
        ("quarantined", Cause.QUARANTINED_DOCUMENT),
        ("deleted", Cause.MISSING_DOCUMENT),
        ("cleaned_away", Cause.PARSE_FAULT),
        ("unparsed", Cause.PARSE_FAULT),
        ("superseded", Cause.FEEDBACK_DISPUTED),
        ("repaired_away", Cause.FEEDBACK_DISPUTED),
    ],
)
def test_layers(layer: str, cause: Cause) -> None:
    holder = replace(LIVE, layer=layer)
    verdict = decide(Observation(expected=CLAIMED, holders=(holder,)))[0]
    assert verdict.cause is cause
    assert bool(verdict.blamed) == (cause is not Cause.FEEDBACK_DISPUTED)


def test_a_weak_live_place_does_not_hide_that_the_text_was_lost() -> None:
    gone = replace(LIVE, layer="deleted", score=0.9)
    weak = replace(LIVE, document_id="z", source="docs/z.md", score=0.3)
    assert live_of((gone, weak)) is None
    assert decide(Observation(expected=CLAIMED, holders=(gone, weak)))[0].cause is Cause.MISSING_DOCUMENT


def test_copies_are_superseded_by_the_one_that_is_kept() -> None:
    seen = Observation(expected=CLAIMED, holders=(replace(LIVE, ranks=NOT_FOUND),), crowd=CROWD)
    repairs = propose(decide(seen)[0], seen, "How many?", SIGN)
    assert [(item.source, item.newer) for item in repairs if isinstance(item, Supersede)] == [
        ("docs/b.md", "docs/a.md"),
        ("docs/c.md", "docs/a.md"),
    ]


def test_boilerplate_is_dropped_for_its_family() -> None:
    crowd = replace(CROWD, whole=False, kept="", text="Write to the desk about ships.\nWrite to the desk about cars.")
    seen = Observation(expected=CLAIMED, holders=(replace(LIVE, ranks=NOT_FOUND),), crowd=crowd)
    (rule,) = propose(decide(seen)[0], seen, "How many?", SIGN)
    assert isinstance(rule, CleaningRule)
    assert rule.family == "docs/*.md"
    assert rule.drop == (r"Write\ to\ the\ desk\ about\ .*s\.",)


@pytest.mark.parametrize(("rule", "off"), [("drop_pattern:NOTE .*", "NOTE .*"), ("repeated_line", "repeated_lines")])
def test_what_cleaning_took_out_is_kept_by_switching_its_rule_off_under_the_name_of_the_setting(
    rule: str, off: str
) -> None:
    lost = replace(LIVE, layer="cleaned_away", detail=rule, ranks=None)
    seen = Observation(expected=CLAIMED, holders=(lost,))
    (repair,) = propose(decide(seen)[0], seen, "How many?", SIGN)
    assert isinstance(repair, CleaningRule)
    assert repair.off == (off,)


def test_settings_go_back_to_what_worked() -> None:
    fault = Fault(
        kind="retrieval", now="k = 1", better="k = 10", settings={"retrieval": {"k": 10}}, tried=True, changed=True
    )
    seen = Observation(expected=CLAIMED, holders=(replace(LIVE, ranks=NOT_FOUND),), faults=(fault,))
    (change,) = propose(decide(seen)[0], seen, "How many?", SIGN)
    assert isinstance(change, SettingsChange)
    assert change.settings == {"retrieval": {"k": 10}}


def test_confidence_is_learnt_from_outcomes() -> None:
    counted = fit([Outcome("older", True, True)] * 20 + [Outcome("older", False, False)] * 20)
    assert counted == {"older": (20, 0), "older+": (20, 20)}
    assert key_of("older", claimed=True) == "older+"
    sure = confidence("older", 0.5, claimed=True, counted=counted)
    unsure = confidence("older", 0.5, claimed=False, counted=counted)
    assert unsure < confidence("older", 0.5, claimed=True, counted={}) < sure


@pytest.mark.parametrize(
    ("said", "claim"),
    [
        ("30 days", "30 days"),
        ("It should be 30 days.", "30 days"),
        ("That is wrong, the right answer is 30 days.", "30 days"),
        ("no... it's Students", "Students"),
        ("Correct: 687 and 760 nm", "687 and 760 nm"),
        ("应该是三十天。", "三十天"),
        ("回答错了，正确答案是三十天。", "三十天"),
        ("不对，是三十天", "三十天"),
        ("正确的是：三十天", "三十天"),
    ],
)
def test_what_is_claimed(said: str, claim: str) -> None:
    assert core(said) == claim


LONG = "The house was built in 1990. It has three floors and a garden behind it.\n\nThe roof is made of red tiles."


@pytest.mark.parametrize(
    ("now", "loss"),
    [
        (LONG[:12], "truncated"),
        (LONG.replace("1990", "1970"), "figures"),
        (LONG.replace("built in 1990", "sold to a bank in spring"), "edited"),
        (
            "Tlie hovse wos bu1lt ln I99O. lt hos thrce fIoors ond a gardcn behlnd lt.\n\nThe roof is made of red.",
            "garbled",
        ),
        ("Die Katze sitzt auf dem Dach und schaut hinunter in den Garten, wo der Hund schläft.", "replaced"),
    ],
)
def test_losses(now: str, loss: str) -> None:
    assert loss_of(LONG, now, "The house was built in 1990.")[0] == loss


def test_a_planted_text_repeats_the_question() -> None:
    question = "Who built the old bridge?"
    planted, why = planted_score(question, f"{question} It was Tom.", (), late=True)
    honest, _ = planted_score(question, "The old bridge was built by Ann. " * 40, (), late=False)
    assert planted >= 0.6 > honest
    assert "it repeats the question word for word" in why


def test_a_changed_copy_is_close_and_another_sentence_is_not() -> None:
    right = "The bridge over the river was built by Ann Smith in spring."
    copy = right.replace("Ann Smith", "Tom Miller")
    assert closeness(copy, right) > 0.6 > closeness("Tom likes bridges, they say.", right)
    assert nearest_piece(f"Hello there. {copy}", right, "Ann Smith") == copy
    assert nearest_piece(f"Hello there. {right}", right, "Ann Smith") == ""


def test_patterns_of_families() -> None:
    assert family_of(["docs/a/x.md", "docs/b/y.md"]) == "docs/**/*.md"
    assert family_of(["docs/x[1].md"]) == exactly("docs/x[1].md") == "/docs/x\\[1\\].md"
    assert one_for_all(["One line alone"]) == "One\\ line\\ alone"

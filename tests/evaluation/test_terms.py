"""What a release is let off: cases that are gone or changed, rules that are looser; in both languages."""

from __future__ import annotations

from msgspec.structs import replace

from evaluation.records import MUST, Case, Evidence
from evaluation.report.reasons import both
from evaluation.terms import Terms, let_off, looser, terms_of
from ragpress.evaluation_settings import EvaluationSettings, GateSettings

CASES = tuple(Case(id=name, question=f"{name}?", tags=(MUST,) if name < "c" else ()) for name in "abcd")
GATE = GateSettings(floors={"passed": 0.9, "recall@10": 0.5})
SETTINGS = EvaluationSettings()


def terms(*cases: Case, gate: GateSettings = GATE, settings: EvaluationSettings = SETTINGS) -> Terms:
    return terms_of(cases, gate, settings)


def test_the_same_terms_let_nothing_off() -> None:
    assert let_off(terms(*CASES), terms(*reversed(CASES))) == ()


def test_more_cases_and_stricter_rules_let_nothing_off() -> None:
    strict = GateSettings(
        margin=0.0, floors={"passed": 0.95, "recall@10": 0.5, "mrr": 0.1}, metrics=(*GATE.metrics, "mrr")
    )
    assert let_off(terms(*CASES), terms(*CASES, Case(id="e", question="e?"), gate=strict)) == ()


def test_cases_that_are_gone_changed_or_need_not_pass_are_named_in_both_languages() -> None:
    a, b, c, _ = CASES
    now = terms(replace(a, tags=()), replace(c, evidence=(Evidence("docs/a.md", "something else"),)))
    gone, changed, must = let_off(terms(*CASES), now)
    assert (gone.code, gone.cases, gone.values["must"]) == ("cases_gone", (b.id, "d"), "1")
    assert (changed.code, changed.cases) == ("cases_changed", ("c",))
    assert (must.code, must.cases) == ("must_gone", ("a",))
    for reason in (gone, changed, must):
        english, chinese = both(reason)
        assert "the 4 cases that the release before was judged on" in english
        assert "4 个用例" in chinese


def test_a_case_under_another_name_is_not_gone() -> None:
    assert let_off(terms(CASES[3]), terms(replace(CASES[3], id="renamed"))) == ()


def test_every_rule_that_is_looser_is_named() -> None:
    loose = GateSettings(
        cases="off",
        metrics=GATE.metrics[1:],
        margin=0.1,
        floors={"passed": 0.8},
        must=False,
        max_review=1,
        max_errors=1,
    )
    now = terms(*CASES, gate=loose, settings=EvaluationSettings(k=3, confidence=0.99))
    assert looser(terms(*CASES), now) == (
        "margin 0.02 → 0.1",
        "max_review 0.05 → 1",
        "max_errors 0.02 → 1",
        "metrics without recall@10",
        "floor of passed 0.9 → 0.8",
        "floor of recall@10 0.5 → none",
        "must true → false",
        "cases auto → off",
        "confidence 0.95 → 0.99",
        "k 10 → 3",
    )
    (reason,) = let_off(terms(*CASES), now)
    assert "规则比评判上一版本时更宽松：margin" in both(reason)[1]

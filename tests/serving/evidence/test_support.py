from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from ingest.embed.hashing import HashingEmbedder
from ragpress.errors import SettingsError
from ragpress.types import Embedder
from serving.evidence.support import SupportChecker, best_quote, is_claim, load_checker
from serving.types import Checker

LEASE = (
    "The lease of the boathouse runs until 31 October 2027. The rent is 1,250 euros a month. "
    "Members of the rowing club may store two boats without charge. Dogs are not allowed on the jetty."
)
ZH_LEASE = "船屋的租约至2027年10月31日。租金为每月1250欧元。赛艇俱乐部会员可免费存放两艘船。"

EMBEDDERS: list[Callable[[], Embedder | None]] = [HashingEmbedder, lambda: None]


@pytest.fixture(params=EMBEDDERS, ids=["combined", "lexical"])
def checker(request: pytest.FixtureRequest) -> Checker:
    return load_checker("combined", request.param())


def one(checker: Checker, sentence: str, *evidence: str) -> float:
    (score,) = checker.support([sentence], [list(evidence)])
    return score


def test_what_the_passage_says_is_supported_more_than_what_it_does_not(checker: Checker) -> None:
    said = one(checker, "The monthly rent is 1,250 euros.", LEASE)
    unsaid = one(checker, "The harbour master collects parking fines on Sundays.", LEASE)
    assert unsaid < 0.3 < said


@pytest.mark.parametrize("wrong", ["The rent is 1,520 euros a month.", "The lease runs until 31 October 2028."])
def test_a_wrong_number_is_fatal(checker: Checker, wrong: str) -> None:
    right = wrong.replace("1,520", "1,250").replace("2028", "2027")
    assert one(checker, wrong, LEASE) < 0.26
    assert one(checker, right, LEASE) > 2 * one(checker, wrong, LEASE)


def test_passages_that_are_cited_together_support_together(checker: Checker) -> None:
    halves = LEASE.split(" The rent", 1)
    sentence = "The lease runs until October 2027 and the rent is 1,250 euros a month."
    both = one(checker, sentence, halves[0], "The rent" + halves[1])
    assert both > one(checker, sentence, halves[0])


def test_a_sentence_that_cites_nothing_has_no_support(checker: Checker) -> None:
    assert checker.support(["The rent is 1,250 euros.", "x"], [[], [""]]) == [0.0, 0.0]
    assert checker.support([], []) == []


def test_marks_and_markup_change_nothing(checker: Checker) -> None:
    plain = "The rent is 1,250 euros a month."
    assert one(checker, f"- **{plain}** [1][2]", LEASE) == pytest.approx(one(checker, plain, LEASE), abs=1e-6)


def test_across_languages_numbers_must_still_be_there(checker: Checker) -> None:
    assert one(checker, "租金为每月1250欧元。", LEASE) > one(checker, "租金为每月9999欧元。", LEASE)


def test_chinese_is_judged_by_its_words(checker: Checker) -> None:
    assert one(checker, "每月租金是1250欧元。", ZH_LEASE) > one(checker, "港务局负责收取停车罚款。", ZH_LEASE) + 0.2


def test_features_tell_a_negation_and_a_missing_name() -> None:
    checker = SupportChecker(None)
    denied, named = checker.features(
        ["Members of the rowing club may not store two boats.", "The rowing club was founded by Ada Brisk."],
        [[LEASE], [LEASE]],
    )
    assert denied["negation"] == 1
    assert named["names_missing"] == 1
    assert named["names_missing"] > denied["names_missing"]


def test_names_of_checkers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_checker("combined", HashingEmbedder()).name == "combined"
    assert load_checker("combined", None).name == "lexical"
    assert load_checker("lexical", HashingEmbedder()).name == "lexical"
    entry = EntryPoint("quoted", "tests.serving.evidence.test_support:make_quoted", "ragpress.checkers")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: EntryPoints([entry]))
    assert one(load_checker("quoted", None), "rent", LEASE) == 1.0
    with pytest.raises(SettingsError, match=r"combined, lexical, nli:MODEL"):
        load_checker("unheard-of", None)


class Quoted:
    name = "quoted"

    def support(self, sentences: list[str], evidence: list[list[str]]) -> list[float]:
        return [float(any(said in text for text in texts)) for said, texts in zip(sentences, evidence, strict=True)]


def make_quoted(embedder: Embedder | None) -> Quoted:
    return Quoted()


@pytest.mark.parametrize(
    ("sentence", "claims"),
    [
        ("The rent is 1,250 euros. [1]", True),
        ("租金为每月1250欧元。", True),
        ("2027", True),
        ("## Rent", False),
        ("Here is what the passages say:", False),
        ("What is the rent?", False),
        ("Sure, happy to help!", False),
        ("好的，以下是回答。", False),
        ("[1]", False),
    ],
)
def test_only_statements_are_claims(sentence: str, claims: bool) -> None:
    assert is_claim(sentence) is claims


def test_the_quote_is_the_sentence_that_says_it() -> None:
    start, end = best_quote("Each month 1,250 euros of rent are due. [1]", LEASE)
    assert LEASE[start:end] == "The rent is 1,250 euros a month."
    start, end = best_quote("每月租金1250欧元", ZH_LEASE)
    assert ZH_LEASE[start:end] == "租金为每月1250欧元。"


def test_the_quote_is_two_sentences_where_both_are_needed() -> None:
    start, end = best_quote("The lease runs until October 2027 at a rent of 1,250 euros a month.", LEASE)
    assert LEASE[start:end].startswith("The lease")
    assert LEASE[start:end].endswith("a month.")


def test_the_quote_is_the_whole_chunk_where_nothing_tells_its_parts_apart() -> None:
    assert best_quote("俱乐部", LEASE) == (0, len(LEASE))
    assert best_quote("rent", "") == (0, 0)

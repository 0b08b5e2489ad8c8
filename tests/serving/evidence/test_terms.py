from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.evidence.terms import names, negations, script, term_weight, terms_of


def test_content_words_are_stems_in_both_languages_and_scripts_of_chinese() -> None:
    assert terms_of("How are the elections of the councils counted?").stems == ("elect", "council", "count")
    assert set(terms_of("選舉").stems) == set(terms_of("选举").stems)
    assert terms_of("what is it").stems == ()


def test_rarer_words_weigh_more() -> None:
    assert term_weight("photosynthesi") > term_weight("lake") > term_weight("year")
    assert term_weight("立法会") > term_weight("选举") > term_weight("湖")


def test_coverage_is_the_share_of_the_weight() -> None:
    terms = terms_of("blue whale")
    assert terms.coverage({"blue", "whale"}) == pytest.approx(1)
    assert 0 < terms.coverage({"blue"}) < 0.5
    assert terms_of("").coverage({"blue"}) == 0


@pytest.mark.parametrize(
    ("text", "kind"), [("plain words", "latin"), ("NFL 的球队有哪些", "han"), ("これはペンです", "other")]
)
def test_script(text: str, kind: str) -> None:
    assert script(text) == kind


def test_names_are_capitalised_words_within_a_sentence() -> None:
    assert names("The plant of IBM near New York. Workers left; iPhone sales fell.") == ["ibm", "new", "york", "iphone"]


def test_negations_are_counted_but_not_words_that_only_look_like_them() -> None:
    assert negations("It isn't so, and never was.") == 2
    assert negations("他没有去。") == 1
    assert negations("不仅如此，未来不断。") == 0


def test_threads_may_ask_at_once() -> None:
    texts = [f"Number {number} of the 选举 elections" for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: terms_of(text).stems, texts)) == [terms_of(text).stems for text in texts]

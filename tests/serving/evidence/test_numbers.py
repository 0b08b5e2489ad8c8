import pytest

from serving.evidence.numbers import missing_numbers, numbers_claimed, numbers_held


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("It cost 25 million dollars.", "耗资2500万美元。"),
        ("共有二千五百万人。", "25,000,000 people live there."),
        ("It opened in 2021.", "该馆于二〇二一年开放。"),
        ("1月3日开馆。", "It opened on 3 January."),
        ("About 182 million were sold.", "Sales reached $181,674,817."),
        ("He has 3 sons.", "He has three sons."),
        ("占百分之五十。", "It makes up 50 %."),
        ("There are some of them, ten thousandfold.", "No figure here."),
        ("万一下雨，一些人会走。", "没有数字。"),
        ("There are 1,234.5 of them.", "1234.5"),
    ],
)
def test_the_same_number_is_found_however_it_is_written(claim: str, evidence: str) -> None:
    assert missing_numbers(numbers_claimed(claim), numbers_held(evidence)) == 0


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("It cost 26 million.", "It cost 25 million."),
        ("It opened in 2021.", "It opened in 2012."),
        ("共有七十个议席。", "共有90个议席。"),
        ("It has 5 doors.", "It has 51 doors."),
        ("About 7 percent.", "7.4 percent and 6.6 percent"),
        ("第六届", "第七届"),
    ],
)
def test_another_number_is_not(claim: str, evidence: str) -> None:
    assert missing_numbers(numbers_claimed(claim), numbers_held(evidence)) == 1


def test_text_without_numbers_claims_none() -> None:
    assert numbers_claimed("Nothing of the kind. 没有数字。") == []
    assert numbers_held("") == frozenset()


@pytest.mark.parametrize("digits", ["9" * 400, "1," + "000," * 200 + "000", "一" * 400, "九亿" * 200, "0." + "9" * 400])
def test_a_number_beyond_reason_is_none(digits: str) -> None:
    assert numbers_claimed(f"There are {digits} doors.") == []
    held = numbers_held(f"There are {digits} doors, 25 of them green.")
    assert missing_numbers(numbers_claimed("25 doors"), held) == 0
    assert missing_numbers(numbers_claimed("26 doors"), held) == 1

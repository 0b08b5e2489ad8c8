from __future__ import annotations

import pytest

from feedback.diagnose.claims import lacks
from feedback.diagnose.damage import breaks_off, has_impossible_date
from feedback.diagnose.decide import decide
from feedback.diagnose.noise import is_noisy, shows_noise
from feedback.diagnose.observation import Damage, Expected, Observation
from index.findings import Cause

SCANNED = "Thc |ibrary wos 0pcncd by rn|ni5tcr H¦ll0way and i¦s r00f w¦s c0vcred by g|ass"
HEALTHY = "The library was opened by minister Holloway and its roof was covered by glass in 1904."
BAD_PAGE = Damage(document_id="a", source="docs/a.md", kind="noise", quote=SCANNED)


@pytest.mark.parametrize(
    ("text", "noisy"),
    [
        (SCANNED, True),
        (HEALTHY, False),
        ("图书馆由口目田大臣白日开囗，其屋自由玻璃目曰。", True),
        ("图书馆由霍洛韦大臣开放，屋顶用玻璃覆盖，每年四月二十日闭馆。", False),
        ('client = Service(url="http://localhost:80", key="abc") # starts', False),
    ],
)
def test_a_bad_scan_is_told_from_prose_and_from_code(text: str, noisy: bool) -> None:
    assert is_noisy(text) is noisy
    assert not noisy or shows_noise(text)


@pytest.mark.parametrize(
    ("text", "broken"),
    [("It was built. It is a lib", True), ("It was built. It is a library.", False), ("# Title\nContacts", False)],
)
def test_a_text_that_breaks_off_is_told_from_a_short_last_line(text: str, broken: bool) -> None:
    assert breaks_off(text) is broken


@pytest.mark.parametrize(
    ("text", "impossible"),
    [
        ("It opened in June 8743.", True),
        ("工程始于9663年。", True),
        ("13月4日", True),
        ("3月31日", False),
        ("in 5000 cases", False),
    ],
)
def test_dates_that_cannot_be(text: str, impossible: bool) -> None:
    assert has_impossible_date(text, 2026) is impossible


@pytest.mark.parametrize(
    ("text", "claim", "missing"),
    [
        ("It is changed every six months.", "Every three months.", True),
        ("It is changed every 3 months.", "every three months", False),
        ("An American foo", "American football", True),
        ("该线编号L5。", "L2", True),
        ("该线编号L2。", "L2", False),
    ],
)
def test_another_number_or_code_is_another_claim(text: str, claim: str, missing: bool) -> None:
    assert lacks(text, claim, "How often?") is missing


def test_damage_near_the_question_tells_where_to_look_when_nothing_says_what_is_right() -> None:
    first = decide(Observation(expected=Expected(), supported=0.9, damages=(BAD_PAGE,)))[0]
    assert first.cause is Cause.PARSE_FAULT
    assert first.blamed[0][1] == "docs/a.md"

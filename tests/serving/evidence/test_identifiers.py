import pytest

from serving.evidence.identifiers import form, holds_identifier, identifiers, names_another


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What does E22 mean?", ("e22",)),
        ("802.1X networks", ("802.1x",)),
        ("order TQ-PMP or TQ-SK200-C", ("tq-pmp", "tq-sk200-c")),
        ("see SB-2025-07.", ("sb-2025-07",)),
        ("firmware 4.1.3, register 40023", ("4.1.3", "40023")),
        ("错误代码E21是什么意思", ("e21",)),
        ("in 1998, 3.4 kg, 12 people, 80 %", ()),
        ("a well-known half-hour", ()),
        ("E22 and e22", ("e22",)),
    ],
)
def test_identifiers_of_a_text(text: str, found: tuple[str, ...]) -> None:
    assert identifiers(text) == found


@pytest.mark.parametrize(
    ("identifier", "text", "held"),
    [
        ("e22", "E22 flow too low", True),
        ("e22", "E22flow too low", True),
        ("e22", "代码E22表示", True),
        ("e22", "E221", False),
        ("e22", "FE22", False),
        ("4.1", "4.1.3", False),
        ("4.1.3", "up to 4.1.3.", True),
        ("sb-2025-07", "SB-2025-071 and SB-2025-07", True),
        ("tq-sk200", "TQ-SK200-C", False),
    ],
)
def test_an_identifier_is_held_as_a_whole(identifier: str, text: str, held: bool) -> None:
    assert holds_identifier(identifier, text) is held


def test_another_one_of_the_series() -> None:
    assert form("e22") == form("e21") != form("m22")
    assert names_another(("e22",), "What does error E21 mean?")
    assert not names_another(("e22",), "E21 and E22 stop the pump.")
    assert not names_another(("e22",), "M02 stops the fan.")
    assert not names_another(("40023",), "register 40024")

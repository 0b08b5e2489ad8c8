from __future__ import annotations

import pytest

from ingest.pii import check_kinds, is_iban, is_id_card, is_luhn, mask
from ragpress.errors import SettingsError

ALL = ("email", "phone", "id_card", "credit_card", "iban", "ip")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ann.lee+news@mail.example.com.", "Write to [email]."),
        ("邮箱zhang_san@example.cn，请联系", "邮箱[email]，请联系"),
        ("身份证号：11010519491231002X。", "身份证号：[id_card]。"),
        ("card 4111 1111 1111 1111 ok", "card [credit_card] ok"),
        ("amex 3782-822463-10005", "amex [credit_card]"),
        ("卡号6222020000000000000", "卡号[credit_card]"),
        ("IBAN GB82 WEST 1234 5698 7654 32 IS valid", "IBAN [iban] IS valid"),
        ("DE89370400440532013000", "[iban]"),
        ("手机13812345678转", "手机[phone]转"),
        ("电话：+86 138-1234-5678", "电话：[phone]"),
        ("座机010-62345678", "座机[phone]"),
        ("call +44 20 7946 0958 now", "call [phone] now"),
        ("call 03.93.92.16.85 now", "call [phone] now"),
        ("call (415) 555-0132 now", "call [phone] now"),
        ("from 203.0.113.7:8080", "from [ip]:8080"),
        ("from 2001:db8::8a2e:370:7334", "from [ip]"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    assert mask(text, ALL)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "@app.get decorates, a@b is no address",
        "身份证号110105194912310021",  # wrong check digit
        "order 4111 1111 1111 1112",  # wrong check digit
        "GB83 WEST 1234 5698 7654 32",
        "on 05.03.2024 and 01 02 2024",
        "on 2024-01-15 at 12:30:45, 2020-2024",
        "version 1.2.3, port 8000, localhost 127.0.0.1",
        "共 1234567 条，第 12345678901 号",
        "std::vector and 300.1.2.3",
        "sha 4f2a9c0e11d3",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert mask(text, ALL) == (text, {})


def test_only_the_chosen_kinds_are_masked_and_counted() -> None:
    masked, counts = mask("a@b.cn, c@d.cn, 203.0.113.7", ("email",))
    assert masked == "[email], [email], 203.0.113.7"
    assert counts == {"email": 2}


def test_masking_twice_changes_nothing() -> None:
    once, _ = mask("a@b.cn 13812345678 4111111111111111 203.0.113.7", ALL)
    assert mask(once, ALL) == (once, {})


@pytest.mark.parametrize("digit", "0123456789X")
def test_identity_number_checksum(digit: str) -> None:
    assert is_id_card("11010519491231002" + digit) is (digit == "X")


@pytest.mark.parametrize(
    ("digits", "valid"), [("79927398713", True), ("79927398710", False), ("4111111111111111", True)]
)
def test_luhn(digits: str, valid: bool) -> None:
    assert is_luhn(digits) is valid


@pytest.mark.parametrize(("number", "valid"), [("GB82WEST12345698765432", True), ("GB82WEST12345698765433", False)])
def test_iban(number: str, valid: bool) -> None:
    assert is_iban(number) is valid


def test_an_unknown_kind_is_named_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'emial'.*email, iban.*Did you mean 'email'"):
        check_kinds(("emial",))

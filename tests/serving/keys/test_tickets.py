"""Tickets open one page for a minute, for whoever asked with a key that is still in force."""

from __future__ import annotations

import pytest

from serving.callers import Role
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from serving.keys.tickets import LENGTH, SECONDS, parse_ticket
from tests.serving.keys.conftest import Clock

PAGE = "/v1/evaluations/e1/report"


def ticket_of(ring: KeyRing, name: str = "boss") -> str:
    record, _ = ring.add(Grant(name=name, roles=(Role.ADMIN,)))
    made = ring.ticket(record.id, PAGE)
    assert made is not None
    return made


def test_a_ticket_opens_its_page_for_a_minute(ring: KeyRing, clock: Clock) -> None:
    ticket = ticket_of(ring)
    caller = ring.ticket_caller(ticket, PAGE)
    assert caller is not None
    assert (caller.owner, caller.may(Role.ADMIN)) == ("boss", True)
    assert ring.ticket_caller(ticket, "/v1/evaluations/e2/report") is None
    clock.seconds += SECONDS + 1
    assert ring.ticket_caller(ticket, PAGE) is None


def test_it_ends_with_its_key(ring: KeyRing) -> None:
    ticket = ticket_of(ring)
    ring.revoke("boss")
    assert ring.ticket_caller(ticket, PAGE) is None
    assert ring.ticket("nobody", PAGE) is None


def test_it_holds_no_secret_and_cannot_be_made_longer_or_another_s(ring: KeyRing) -> None:
    ticket, other = ticket_of(ring), ticket_of(ring, "other")
    key, until, mac = ticket.split(".")
    digests = [record.digest for record in ring.records()]
    assert not any(digest in ticket for digest in digests)
    for wrong in (f"{key}.{int(until) + 9}.{mac}", f"{other.split('.')[0]}.{until}.{mac}", f"{key}.{until}.{'0' * 64}"):
        assert ring.ticket_caller(wrong, PAGE) is None


@pytest.mark.parametrize(
    "text", ["", "..", "a.b.c", "a.1." + "g" * 64, "a.1." + "0" * 64 + "\n", "é.1." + "0" * 64, "a" * 5000]
)
def test_what_is_no_ticket_is_none(ring: KeyRing, text: str) -> None:
    assert parse_ticket(text) is None
    assert ring.ticket_caller(text, PAGE) is None
    assert LENGTH < 5000

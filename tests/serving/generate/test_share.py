"""Generators of equal settings are one, closed when nobody holds it any more."""

from serving.generate.circuit import CircuitState, circuit_of
from serving.generate.share import GeneratorShare
from tests.serving.answering import Scripted
from tests.serving.generate.samples import request


async def test_equal_keys_share_one_generator_until_the_last_holder_gives_it_back() -> None:
    share, made = GeneratorShare(), [Scripted("a"), Scripted("b")]
    left = list(made)
    first = share.borrow("k", lambda: left.pop(0))
    second = share.borrow("k", lambda: left.pop(0))
    assert len(left) == 1
    assert [event async for event in second.stream(request())] == ["a"]
    assert first.name == made[0].name
    await first.aclose()
    await first.aclose()
    assert [one.given_back for one in made] == [False, False]
    await second.aclose()
    assert [one.given_back for one in made] == [True, False]
    third = share.borrow("k", lambda: left.pop(0))
    assert [event async for event in third.stream(request())] == ["b"]


async def test_other_keys_get_other_generators() -> None:
    share = GeneratorShare()
    share.borrow(1, lambda: Scripted("a"))
    other = share.borrow(2, lambda: Scripted("b"))
    assert [event async for event in other.stream(request())] == ["b"]


def test_the_circuit_of_what_is_shared_can_be_seen() -> None:
    generator = Scripted("a")
    assert circuit_of(GeneratorShare().borrow(1, lambda: generator)) is None
    generator.circuit = CircuitState.OPEN  # type: ignore[attr-defined]
    assert circuit_of(GeneratorShare().borrow(1, lambda: generator)) is CircuitState.OPEN

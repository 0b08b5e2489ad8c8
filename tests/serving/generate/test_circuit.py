from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serving.generate.circuit import Attempt, Circuit, CircuitState


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(failures: int = 3, seconds: float = 10.0) -> tuple[Circuit, Clock]:
    clock = Clock()
    circuit = Circuit(failures, seconds, clock)
    for _ in range(failures):
        admitted(circuit).failed()
    return circuit, clock


def admitted(circuit: Circuit) -> Attempt:
    attempt = circuit.admit()
    assert attempt is not None
    return attempt


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    circuit = Circuit(3, 10.0, Clock())
    for _ in range(2):
        admitted(circuit).failed()
    before = circuit.state
    admitted(circuit).failed()
    assert (before, circuit.state) == (CircuitState.CLOSED, CircuitState.OPEN)
    assert circuit.admit() is None
    assert circuit.retry_after == 10.0


def test_a_success_between_starts_the_count_again() -> None:
    circuit = Circuit(2, 10.0, Clock())
    admitted(circuit).failed()
    admitted(circuit).succeeded()
    admitted(circuit).failed()
    assert circuit.state is CircuitState.CLOSED
    assert circuit.failures == 1


def test_half_open_lets_one_attempt_through() -> None:
    circuit, clock = opened()
    clock.now += 10.0
    assert circuit.state is CircuitState.HALF_OPEN
    admitted(circuit)
    assert circuit.admit() is None


def test_the_first_sign_of_life_closes_it() -> None:
    circuit, clock = opened()
    clock.now += 10.0
    admitted(circuit).answered()
    assert circuit.state is CircuitState.CLOSED
    assert circuit.admit() is not None


def test_a_failed_probe_opens_it_for_the_whole_pause_again() -> None:
    circuit, clock = opened()
    clock.now += 12.0
    admitted(circuit).failed()
    assert circuit.retry_after == 10.0
    clock.now += 10.0
    assert circuit.admit() is not None


def test_an_abandoned_probe_lets_the_next_one_through() -> None:
    circuit, clock = opened()
    clock.now += 10.0
    admitted(circuit).abandoned()
    assert circuit.state is CircuitState.HALF_OPEN
    assert circuit.admit() is not None


def test_a_late_failure_does_not_keep_it_open_longer() -> None:
    clock = Clock()
    circuit = Circuit(1, 10.0, clock)
    slow, quick = admitted(circuit), admitted(circuit)
    quick.failed()
    clock.now += 9.0
    slow.failed()
    assert circuit.retry_after == 1.0


def test_a_late_success_closes_it() -> None:
    clock = Clock()
    circuit = Circuit(1, 10.0, clock)
    slow, quick = admitted(circuit), admitted(circuit)
    quick.failed()
    slow.succeeded()
    assert circuit.state is CircuitState.CLOSED


def test_only_the_first_end_of_an_attempt_counts() -> None:
    circuit = Circuit(2, 10.0, Clock())
    attempt = admitted(circuit)
    attempt.failed()
    attempt.failed()
    attempt.succeeded()
    assert circuit.failures == 1


@given(st.lists(st.sampled_from(["fail", "succeed", "abandon", "answer", "wait", "ask"]), max_size=60))
def test_whatever_happens_it_opens_only_by_failures_and_always_comes_back(steps: list[str]) -> None:
    clock = Clock()
    circuit = Circuit(2, 5.0, clock)
    running: list[Attempt] = []
    for step in steps:
        if step == "wait":
            clock.now += 3.0
        elif step == "ask":
            attempt = circuit.admit()
            assert (attempt is None) or (circuit.state is not CircuitState.OPEN)
            running += [attempt] if attempt else []
        elif running:
            attempt = running[0] if step == "answer" else running.pop(0)
            {"fail": attempt.failed, "succeed": attempt.succeeded, "abandon": attempt.abandoned}.get(
                step, attempt.answered
            )()
        assert (circuit.state is CircuitState.CLOSED) or (circuit.failures >= 1)
    for attempt in running:
        attempt.abandoned()
    clock.now += 5.0
    assert circuit.admit() is not None

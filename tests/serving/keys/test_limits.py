from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.access import ANYBODY
from serving.callers import LOCAL, Caller, Role
from serving.keys import slots
from serving.keys.attempts import Attempts
from serving.keys.buckets import LONGEST_DEBT, take_from, wait_for, window
from serving.keys.limits import RETRY_SECONDS, Limits, LimitState, _duration
from serving.keys.slots import SlotFile
from tests.serving.keys.conftest import Clock

PER_MINUTE = 500


def caller(requests: int | None = None, tokens: int | None = None, key: str = "aaaaaaaaaaaa") -> Caller:
    return Caller(
        key=key,
        owner="alice",
        roles=frozenset({Role.ASK}),
        principal=ANYBODY,
        requests_per_minute=requests,
        tokens_per_minute=tokens,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "limits"


@pytest.fixture
def limits(folder: Path, clock: Clock) -> Limits:
    return Limits(folder, clock.monotonic)


def the_file(folder: Path) -> Path:
    (found,) = folder.glob("limits-*")
    return found


def test_a_caller_without_limits_passes_without_touching_the_file(limits: Limits, folder: Path) -> None:
    for free in (LOCAL, caller()):
        assert limits.take(free) is None
        limits.spend(free, 1_000_000)
        assert limits.headers(free) == {}
    assert not folder.exists()


def test_requests_are_refused_beyond_the_limit_and_come_back_evenly(limits: Limits, clock: Clock) -> None:
    alice = caller(requests=6)

    assert [limits.take(alice) for _ in range(6)] == [None] * 6
    assert limits.take(alice) == pytest.approx(10)
    clock.seconds += 9.9
    assert limits.take(alice) == pytest.approx(0.1)
    clock.seconds += 0.1
    assert limits.take(alice) is None
    assert limits.take(alice) == pytest.approx(10)
    clock.seconds += 3600
    assert [limits.take(alice) for _ in range(6)] == [None] * 6
    assert limits.take(alice) is not None


def test_keys_do_not_share_limits(limits: Limits) -> None:
    assert limits.take(caller(requests=1)) is None
    assert limits.take(caller(requests=1)) is not None
    assert limits.take(caller(requests=1, key="bbbbbbbbbbbb")) is None


def test_tokens_weigh_on_the_requests_that_follow(limits: Limits, clock: Clock) -> None:
    alice = caller(tokens=60)

    limits.spend(alice, 59)
    assert limits.take(alice) is None
    limits.spend(alice, 31)
    assert limits.take(alice) == pytest.approx(31)
    assert limits.state(alice).tokens == window(clock.seconds + 90, 60, clock.seconds)
    clock.seconds += 31
    assert limits.take(alice) is None


def test_a_request_that_its_tokens_refuse_costs_no_request(limits: Limits, clock: Clock) -> None:
    alice = caller(requests=1, tokens=60)
    limits.spend(alice, 60)

    assert limits.take(alice) == pytest.approx(1)
    clock.seconds += 1
    assert limits.take(alice) is None


def test_a_debt_is_over_after_a_day(limits: Limits, clock: Clock) -> None:
    alice = caller(tokens=1)
    limits.spend(alice, 1_000_000_000)

    clock.seconds += LONGEST_DEBT
    assert limits.take(alice) is None


def test_another_worker_and_one_that_starts_later_count_together(folder: Path, clock: Clock) -> None:
    alice = caller(requests=3)
    workers = [Limits(folder, clock.monotonic) for _ in range(2)]

    assert [worker.take(alice) for worker in workers] == [None, None]
    workers[0].close()
    assert Limits(folder, clock.monotonic).take(alice) is None
    assert all(worker.take(alice) is not None for worker in workers)


def test_headers_are_those_of_openai(limits: Limits, clock: Clock) -> None:
    alice = caller(requests=6, tokens=600)
    limits.take(alice)
    limits.spend(alice, 1200)

    assert limits.headers(alice) == {
        "x-ratelimit-limit-requests": "6",
        "x-ratelimit-remaining-requests": "5",
        "x-ratelimit-reset-requests": "10s",
        "x-ratelimit-limit-tokens": "600",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "2m0s",
    }
    clock.seconds += 9.9
    assert limits.headers(alice)["x-ratelimit-reset-requests"] == "100ms"
    assert LimitState(None, None).headers() == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0174, "17ms"), (1.5, "1.5s"), (59.96, "1m0s"), (360, "6m0s"), (86400, "1440m0s")],
)
def test_durations_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    assert _duration(seconds) == text


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"short"),
        lambda path: path.write_bytes(os.urandom(path.stat().st_size)),
        lambda path: path.write_bytes(path.read_bytes()[:64] + b"\xff" * (path.stat().st_size - 64)),
        lambda path: path.unlink(),
        lambda path: os.truncate(path, 100),
        lambda path: os.truncate(path, 10**7),
    ],
    ids=["empty", "short", "noise", "ones", "gone", "cut", "long"],
)
def test_a_damaged_file_is_made_anew_and_counts_again(
    limits: Limits, folder: Path, clock: Clock, damage: Callable[[Path], None]
) -> None:
    alice = caller(requests=2)
    limits.take(alice)
    damage(the_file(folder))

    clock.seconds += slots.LOOK_SECONDS
    for worker in (limits, Limits(folder, clock.monotonic)):
        assert worker.state(alice).requests is not None
    taken = [limits.take(alice) for _ in range(3)]

    assert taken[-1] is not None
    assert taken[0] is None
    assert limits.take(caller(requests=1, key="bbbbbbbbbbbb")) is None


def test_a_damaged_slot_shuts_nobody_out(folder: Path, clock: Clock) -> None:
    file = SlotFile(folder / "file", clock.monotonic)
    for value in (float("nan"), float("inf"), -1.0, clock.seconds + 10 * LONGEST_DEBT):
        file.change("key", lambda spent, value=value: type(spent)(value, value))  # type: ignore[misc]
        assert file.read("key") == type(file.read("key"))()


def test_where_the_file_cannot_be_used_a_worker_counts_for_itself(
    folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("a file where a folder should be")
    alice = caller(requests=2)
    limits = Limits(folder, clock.monotonic)

    assert [limits.take(alice) is None for _ in range(4)] == [True, True, False, False]
    assert limits.headers(alice)["x-ratelimit-remaining-requests"] == "0"
    assert len([record for record in caplog.records if "shared file fails" in record.message]) == 1


def test_more_keys_than_a_set_has_slots_forget_whoever_was_idle_longest(folder: Path, clock: Clock) -> None:
    limits = Limits(folder, clock.monotonic)
    place = slots._set_place(b"aaaaaaaaaaaa".ljust(16, b"\0"))
    names = (f"key{number:09}" for number in range(10**6))
    same = [name for name in names if slots._set_place(name.encode().ljust(16, b"\0")) == place][: slots.WAYS + 1]

    for name in same:
        clock.seconds += 1
        assert limits.take(caller(requests=1, key=name)) is None
    assert [limits.take(caller(requests=1, key=name)) is not None for name in same[1:]] == [True] * slots.WAYS


def test_what_was_counted_before_the_last_start_is_removed(folder: Path, clock: Clock) -> None:
    folder.mkdir()
    old, recent = folder / "limits-before", folder / "limits-elsewhere"
    for path in (old, recent):
        path.touch()
    os.utime(old, (0, 0))

    Limits(folder, clock.monotonic).take(caller(requests=1))

    assert not old.exists()
    assert recent.exists()


@given(
    per_minute=st.integers(1, 10**9),
    start=st.floats(0, 1e7),
    steps=st.lists(st.floats(0, 100), min_size=1, max_size=30),
)
def test_no_window_of_a_minute_gives_more_than_twice_the_limit(
    per_minute: int, start: float, steps: list[float]
) -> None:
    # A bucket of one minute gives its content at once and refills meanwhile: limit + refill is the exact bound.
    full_at, now, taken = 0.0, start, 0
    for step in steps:
        now += step
        units = max(1, per_minute // 7)
        if not wait_for(full_at, per_minute, units, now):
            full_at = take_from(full_at, per_minute, units, now)
            taken += units
    assert taken <= per_minute * (1 + (now - start) / 60) + per_minute * 1e-6 + 1


@given(per_minute=st.integers(1, 2000), now=st.floats(0, 1e7))
def test_a_full_bucket_gives_exactly_its_limit(per_minute: int, now: float) -> None:
    full_at, taken = 0.0, 0
    while not wait_for(full_at, per_minute, 1, now):
        full_at = take_from(full_at, per_minute, 1, now)
        taken += 1
        assert window(full_at, per_minute, now).remaining == per_minute - taken
    assert taken == per_minute


def test_threads_of_one_worker_count_exactly(limits: Limits) -> None:
    alice = caller(requests=PER_MINUTE)
    passed: list[bool] = []

    def use() -> None:
        passed.extend(limits.take(alice) is None for _ in range(PER_MINUTE // 2))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(passed) == PER_MINUTE


def use_up(folder: str, together: Barrier, passed: multiprocessing.Queue[int]) -> None:
    limits, alice = Limits(Path(folder), lambda: 1000.0), caller(requests=PER_MINUTE)
    together.wait()
    passed.put(sum(limits.take(alice) is None for _ in range(PER_MINUTE)))


@pytest.mark.process
def test_worker_processes_count_exactly_together(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    together, passed = context.Barrier(4), context.Queue()
    workers = [context.Process(target=use_up, args=(str(folder), together, passed)) for _ in range(4)]
    for worker in workers:
        worker.start()
    counts = [passed.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()

    assert sum(counts) == PER_MINUTE


HOLDER = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
fcntl.lockf(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.process
def test_a_lock_goes_away_with_its_killed_holder(folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    limits, alice = Limits(folder, clock.monotonic), caller(requests=3)
    assert limits.take(alice) is None
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(the_file(folder))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert limits.take(alice) is None  # counted by this worker for itself
        assert "stands still" in caplog.text
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    clock.seconds += RETRY_SECONDS

    assert [limits.take(alice) is None for _ in range(3)] == [True, True, False]


def test_the_lock_of_a_change_is_given_back_when_it_fails(folder: Path, clock: Clock) -> None:
    file = SlotFile(folder / "file", clock.monotonic)

    def fail(_spent: object) -> object:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        file.change("key", fail)  # type: ignore[arg-type]
    probe = "import fcntl, os, sys; d = os.open(sys.argv[1], os.O_RDWR); fcntl.lockf(d, fcntl.LOCK_EX | fcntl.LOCK_NB)"
    assert subprocess.run([sys.executable, "-c", probe, str(folder / "file")], check=False).returncode == 0


def test_wrong_keys_are_counted_by_address(clock: Clock) -> None:
    attempts = Attempts(3, clock.monotonic)

    assert [attempts.failed("10.0.0.1") for _ in range(3)] == [None] * 3
    assert attempts.failed("10.0.0.1") == pytest.approx(20)
    assert attempts.failed("10.0.0.2") is None
    clock.seconds += 20
    assert attempts.failed("10.0.0.1") is None


def test_a_network_of_ipv6_counts_as_one_address(clock: Clock) -> None:
    attempts = Attempts(1, clock.monotonic)

    assert attempts.failed("2001:db8:1:2::1") is None
    assert attempts.failed("2001:db8:1:2:ffff::9") is not None
    assert attempts.failed("2001:db8:1:3::1") is None
    assert attempts.failed("::ffff:10.0.0.1") is None
    assert attempts.failed("::ffff:10.0.0.2") is None


def test_the_memory_of_wrong_keys_is_bounded(clock: Clock) -> None:
    attempts = Attempts(1, clock.monotonic)

    for number in range(20_000):
        attempts.failed(f"{'client' * 100}{number}"[-3000:])
        attempts.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")

    assert len(attempts._full_at) <= 10_000
    assert max(map(len, attempts._full_at)) <= 64

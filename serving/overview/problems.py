"""What an operator should look at, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from serving.overview.quality import z_score
from serving.overview.records import (
    Evaluation,
    GeneratorState,
    LiveRelease,
    Problem,
    Quality,
    ReleaseEntry,
    ReleaseQuality,
    RunEntry,
    Severity,
)

_ORDER: tuple[Severity, ...] = ("error", "warning", "note")
_SIGNIFICANT = 2.6
"""Standard errors by which a share must have grown: four shares are compared at every look, so 1 % for each."""

_FEWEST = 30
_FAILING = 0.05
_SLOWER = 1.5
_SLOWER_SECONDS = 0.2


def problem(code: str, severity: Severity, *, detail: str = "", count: int | None = None, subject: str = "") -> Problem:
    """A problem; see :class:`~serving.overview.records.Problem`."""
    return Problem(code=code, severity=severity, detail=detail, count=count, subject=subject)


def sorted_problems(found: Iterable[Problem]) -> list[Problem]:
    """The worst first."""
    return sorted(found, key=lambda item: _ORDER.index(item.severity))


def of_generator(generator: GeneratorState | None) -> Iterator[Problem]:
    """What writes answers cannot, or something else writes them in its place."""
    if generator is None:
        return
    if not generator.ready:
        detail = " ".join(part for part in (generator.why, generator.advice) if part)
        yield problem("generator_not_ready", "error", detail=detail, subject=generator.kind)
    elif generator.advice:
        yield problem("generator_fallback", "warning", detail=generator.why, subject=generator.kind)


def of_releases(live: LiveRelease | None, releases: Sequence[ReleaseEntry]) -> Iterator[Problem]:
    """Nothing is live, or a newer release waits or was refused.

    Args:
        live: the live release.
        releases: all releases, newest first.
    """
    if live is None:
        yield problem("nothing_live", "error")
        return
    if live.quarantined:
        yield problem("quarantined", "warning", count=live.quarantined)
    newest = releases[0] if releases else None
    if newest is None:
        return
    if newest.state == "refused":
        yield problem("candidate_refused", "warning", detail="; ".join(newest.reasons), subject=newest.id)
    elif newest.state == "candidate":
        yield problem("candidate_waiting", "note", subject=newest.id)


def of_evaluations(evaluations: Sequence[Evaluation]) -> Iterator[Problem]:
    """Cases of the newest evaluation must be looked at, or ended in an error.

    Args:
        evaluations: of a collection, newest first.
    """
    newest = evaluations[0] if evaluations else None
    if newest is not None and newest.review:
        yield problem("cases_review", "warning", count=newest.review)
    if newest is not None and newest.errors:
        yield problem("cases_failed", "warning", count=newest.errors)


def of_runs(runs: Sequence[RunEntry]) -> Iterator[Problem]:
    """The last run failed."""
    last = runs[0] if runs else None
    if last is not None and last.exit_code in {1, 2}:
        yield problem("run_failed", "error", detail=last.error, subject=last.id)


def of_answers(totals: Quality, bad_cases: int) -> Iterator[Problem]:
    """Many answers fail; or somebody put thumbs down."""
    asked = totals.answers - totals.cancelled
    if totals.failed and (asked < _FEWEST or totals.failed > _FAILING * asked):
        severity: Severity = "error" if asked >= _FEWEST else "warning"
        yield problem("answers_fail", severity, count=totals.failed)
    if bad_cases:
        yield problem("bad_cases", "warning", count=bad_cases)


def of_findings(waiting: int) -> Iterator[Problem]:
    """Repairs wait for a person."""
    if waiting:
        yield problem("findings_waiting", "warning", count=waiting)


def of_live_quality(live: ReleaseQuality | None, before: ReleaseQuality | None) -> Iterator[Problem]:
    """The live release does worse than the one before it, by more than chance explains.

    Args:
        live: how the live release answered.
        before: how the one before it answered, in the same time.
    """
    if live is None or before is None or min(live.complete, before.complete) < _FEWEST:
        return
    shares = (
        ("worse_failed", live.failed, live.answers, before.failed, before.answers),
        ("worse_abstained", live.abstained, live.complete, before.abstained, before.complete),
        ("worse_down", live.down, live.complete, before.down, before.complete),
        ("worse_unsupported", live.unsupported, live.claims, before.unsupported, before.claims),
    )
    for code, bad, of, bad_before, of_before in shares:
        if z_score(bad, of, bad_before, of_before) >= _SIGNIFICANT:
            detail = f"{bad / of:.0%} ({bad_before / of_before:.0%})"
            yield problem(code, "warning", detail=detail, subject=before.release)
    now, then = live.total_p95, before.total_p95
    if now is not None and then is not None and now > _SLOWER * then and now - then > _SLOWER_SECONDS:
        yield problem("worse_slower", "warning", detail=f"{now:.2f} s ({then:.2f} s)", subject=before.release)

"""Folds feedback and weak signals into bad cases: the same problem, however often it is reported, is one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from evaluation.cases.files import load_cases
from evaluation.metrics.steady import cosine, query_vector, steady
from evaluation.records import Case
from feedback.folding.alike import Cosine, merged, scaled
from feedback.folding.closing import Closing, closings
from feedback.folding.doubts import doubt_of
from feedback.folding.facts import Asked, seconds_of
from feedback.folding.floods import crowd_doubts
from feedback.folding.opinions import Opinion, signals_of, standing_opinions
from feedback.folding.reading import Facts, given_at, read_facts
from feedback.folding.settling import settle
from feedback.folding.weak import Followers, is_enough, weak_signals
from feedback.records import BadCase, Claim, Signal
from feedback.workbench import Workbench
from index.findings import list_events, list_findings
from ragpress.errors import RagpressError
from serving.journal.answers import first_id_since
from serving.journal.problems import problem_id
from serving.journal.records import AnswerRecord

WHOLE = 200
"""So many bad cases carry their whole answer; :func:`with_answer` reads that of any other."""
_REMEMBERED = 50_000
_RANKS = {"none": 0, "claimed": 1, "agreed": 2, "person": 3}


class _Problem(msgspec.Struct, kw_only=True):
    """All that is known of one problem.

    Attributes:
        ids: its id, and those of problems that are alike.
        opinions: oldest first.
        weak: weak signals with their answers, oldest first.
    """

    ids: tuple[str, ...]
    opinions: list[Opinion]
    weak: list[tuple[Signal, Asked]]


def bad_cases(bench: Workbench, since: str | None = None) -> tuple[BadCase, ...]:
    """The open problems of a collection, the most pressing first: those with the best claim, then the most callers.

    Args:
        bench: the collection with its journals.
        since: ISO time; only problems of which something was said or seen then or later, with all that was said of
            them before; None takes all.

    Raises:
        UsageError: ``since`` is no time.
        StorageError: a journal cannot be read.
        SettingsError: a case file cannot be used.
    """
    earliest = None if since is None else _seconds(since)
    facts = read_facts(bench)
    standing = _standing_cases(bench)
    closed = closings(
        list_findings(bench.environment, bench.collection), list_events(bench.environment, bench.collection, None)
    )
    found = []
    for problem in _problems(bench, facts):
        if earliest is not None and not _is_newer(problem, earliest):
            continue
        bad = _bad_case(bench, problem, facts, closed, standing)
        if bad is not None:
            found.append(bad)
    found.sort(key=_pressing)
    answers = _answers(bench, facts, [bad.answer_id for bad in found[:WHOLE]])
    return (*(_whole(bad, answers.get(bad.answer_id)) for bad in found[:WHOLE]), *found[WHOLE:])


def bad_case_of(bench: Workbench, case: Case) -> BadCase:
    """A case in ``cases/`` as a problem: what it says is right counts as a person's word once it is accepted.

    Feedback on the same question comes with it.

    Raises:
        StorageError: a journal cannot be read.
    """
    facts = read_facts(bench)
    wanted = problem_id(case.collection, case.question, case.principal, case.history)
    problem = next((one for one in _problems(bench, facts) if wanted in one.ids), None)
    bad = None if problem is None else _folded(bench, problem, facts, case)
    sources = tuple(dict.fromkeys(item.source for item in case.evidence))
    claim = Claim(
        answer=case.answer or "",
        abstain=case.must_abstain,
        sources=sources,
        standing="person" if case.state == "accepted" else "claimed",
    )
    if not claim.says_something:
        claim = Claim() if bad is None else bad.claim
    base = bad or BadCase(case_id=case.id, collection=case.collection, question=case.question)
    told = replace(
        base,
        case_id=case.id,
        question=case.question,
        history=case.history,
        groups=case.principal,
        claim=claim,
        disputed="" if claim.standing == "person" else base.disputed,
        case=case,
    )
    return with_answer(bench, told)


def with_answer(bench: Workbench, bad: BadCase) -> BadCase:
    """A bad case with its whole answer, as far as that is in the journal.

    Raises:
        StorageError: the journal cannot be read.
    """
    known = bad.answer is not None or not bad.answer_id
    return bad if known else _whole(bad, bench.journal.find(bad.answer_id))


def _answers(bench: Workbench, facts: Facts, wanted: Sequence[str]) -> dict[str, AnswerRecord]:
    known = {name: facts.memory.answers[name] for name in wanted if name in facts.memory.answers}
    found = known | bench.journal.find_all([name for name in wanted if name not in known])
    kept = facts.memory.answers if len(facts.memory.answers) <= WHOLE else {}
    facts.memory.answers = kept | found
    return found


def _whole(bad: BadCase, record: AnswerRecord | None) -> BadCase:
    if record is None:
        return bad
    return replace(bad, answer=record.answer, wrong=record.text if record.answer is None else record.answer.answer)


def _problems(bench: Workbench, facts: Facts) -> list[_Problem]:
    """Every problem that anything was said or seen of, by the time of the first."""
    found: dict[str, _Problem] = {}
    for opinion in _opinions(facts):
        _put(found, opinion.asked.problem).opinions.append(opinion)
    rows = {row.id: row for row in (*facts.weak, *facts.asked.values())}
    weak = weak_signals(rows.values(), Followers(facts.later))
    for name, signals in weak.items():
        row = rows[name]
        _put(found, row.problem).weak.extend((signal, row) for signal in signals)
    worth = {name: one for name, one in found.items() if _is_worth(one, facts)}
    return _together(worth, _Nearness(bench))


def _put(found: dict[str, _Problem], name: str) -> _Problem:
    return found.setdefault(name, _Problem(ids=(name,), opinions=[], weak=[]))


def _opinions(facts: Facts) -> list[Opinion]:
    """Feedback on answers that are still in the journal, oldest first, with what is set aside or taken back marked."""
    told = []
    for record in facts.said:
        asked = facts.asked.get(record.answer_id)
        if asked is not None:
            voice = facts.callers.voice(record.key, record.via)
            told.append(Opinion(record=record, asked=asked, at=given_at(record), voice=voice))
    told.sort(key=lambda opinion: (opinion.at, opinion.record.id))
    crowd = crowd_doubts(told, facts.answered)
    return standing_opinions(
        replace(opinion, doubt=why) if (why := _doubt(opinion, facts) or crowd.get(opinion.record.id, "")) else opinion
        for opinion in told
    )


def _doubt(opinion: Opinion, facts: Facts) -> str:
    """Why an opinion is set aside by itself; a person's never is."""
    if opinion.voice.person:
        return ""
    known = facts.memory.doubts.get(opinion.record.id)
    if known is None:
        known = facts.memory.doubts[opinion.record.id] = doubt_of(opinion.record, opinion.asked)
    return known


def _is_worth(problem: _Problem, facts: Facts) -> bool:
    """Whether somebody complained, or enough was seen."""
    if any(opinion.complains and not opinion.withdrawn for opinion in problem.opinions):
        return True
    praised = any(opinion.praises and not opinion.doubt for opinion in problem.opinions)
    return not praised and is_enough(problem.weak, facts.callers)


def _together(found: Mapping[str, _Problem], near: Cosine) -> list[_Problem]:
    """Problems whose questions are alike as one, under the id of the first."""
    ordered = sorted(found.values(), key=lambda problem: (_first_at(problem), problem.ids))
    asked = {problem.ids[0]: _asked_of(problem) for problem in ordered}
    heads = merged({name: (row.scope, row.question) for name, row in asked.items()}, near)
    groups: dict[str, list[_Problem]] = defaultdict(list)
    for problem in ordered:
        groups[heads[problem.ids[0]]].append(problem)
    return [same[0] if len(same) == 1 else _joined(same) for same in groups.values()]


def _joined(same: Sequence[_Problem]) -> _Problem:
    opinions = sorted(
        (opinion for problem in same for opinion in problem.opinions),
        key=lambda opinion: (opinion.at, opinion.record.id),
    )
    weak = [pair for problem in same for pair in problem.weak]
    return _Problem(ids=tuple(name for problem in same for name in problem.ids), opinions=opinions, weak=weak)


class _Nearness:
    """How near two questions are by the embedder of the live release, which is opened when it is needed first."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._cosine: Callable[[str, str], float] | None = None

    def __call__(self, one: str, other: str) -> float:
        if self._cosine is None:
            self._cosine = self._opened()
        return self._cosine(one, other)

    def _opened(self) -> Callable[[str, str], float]:
        try:
            subject = self._bench.live()
        except RagpressError:
            subject = None  # then questions in other words stay problems of their own
        if subject is None:
            return _unknown
        embedder = steady(subject.embedder)
        return lambda one, other: scaled(
            embedder.name, cosine(query_vector(embedder, one), query_vector(embedder, other))
        )


def _unknown(_one: str, _other: str) -> float:
    return 0.0


def _bad_case(
    bench: Workbench,
    problem: _Problem,
    facts: Facts,
    closed: Mapping[str, Closing],
    standing: Mapping[str, Case],
) -> BadCase | None:
    """A problem as a bad case; None where it is closed."""
    case = next((standing[name] for name in problem.ids if name in standing), None)
    closing = max((closed[name] for name in problem.ids if name in closed), default=None)
    left = problem if closing is None else _since(problem, closing)
    if not _is_worth(left, facts):
        return None
    bad = _remembered(bench, problem, facts, case)
    return None if closing is not None and closing.state == "disputed" and bad.disputed else bad


def _since(problem: _Problem, closing: Closing) -> _Problem:
    """What was said and seen of a problem after it was closed."""
    return _Problem(
        ids=problem.ids,
        opinions=[one for one in problem.opinions if not closing.closes(one.at, one.asked)],
        weak=[pair for pair in problem.weak if not closing.closes(seconds_of(pair[0].at), pair[1])],
    )


def _remembered(bench: Workbench, problem: _Problem, facts: Facts, case: Case | None) -> BadCase:
    """A problem as a bad case, reckoned anew only where anything about it changed."""
    said = tuple((one.record.id, one.doubt, one.withdrawn, one.voice.person) for one in problem.opinions)
    seen = tuple((pair[1].id, pair[0].kind) for pair in problem.weak)
    agreement = bench.environment.workspace.collection(bench.collection).loop.agreement
    key = (problem.ids, said, seen, None if case is None else msgspec.json.encode(case), agreement)
    known = facts.memory.folded.get(key)
    if known is None:
        if len(facts.memory.folded) > _REMEMBERED:
            facts.memory.folded.clear()
        known = facts.memory.folded[key] = _folded(bench, problem, facts, case)
    return known


def _folded(bench: Workbench, problem: _Problem, facts: Facts, case: Case | None) -> BadCase:
    heard = [opinion for opinion in problem.opinions if not opinion.doubt and not opinion.withdrawn]
    asked = _asked_of(problem)
    agreement = bench.environment.workspace.collection(bench.collection).loop.agreement
    settled = settle(asked.question, heard, agreement, case)
    disputed = settled.disputed
    complaining = any(opinion.complains for opinion in heard)
    if not complaining and not is_enough(problem.weak, facts.callers):
        reasons = [opinion.doubt for opinion in problem.opinions if opinion.doubt and not opinion.withdrawn]
        disputed = "; ".join(dict.fromkeys(reasons)) or disputed
    signals = [signal for opinion in problem.opinions for signal in signals_of(opinion)]
    signals += [signal for signal, _ in problem.weak]
    return BadCase(
        case_id=problem.ids[0],
        aliases=problem.ids[1:],
        collection=bench.collection,
        question=asked.question,
        history=asked.history,
        groups=None if asked.groups is None else tuple(sorted(set(asked.groups))),
        answer_id=asked.id,
        release=asked.release,
        signals=tuple(sorted(signals, key=lambda signal: (seconds_of(signal.at), signal.feedback))),
        claim=settled.claim,
        disputed=disputed,
        case=case,
    )


def _asked_of(problem: _Problem) -> Asked:
    """The answer that a problem is about: that of the last complaint that counts, else of the last signal."""
    complaints = [one for one in problem.opinions if one.complains and not one.withdrawn]
    heard = [one for one in complaints if not one.doubt] or ([] if problem.weak else complaints)
    if heard:
        return heard[-1].asked
    if problem.weak:
        return max(problem.weak, key=lambda pair: (pair[1].at, pair[1].id))[1]
    return problem.opinions[-1].asked


def _first_at(problem: _Problem) -> float:
    times = [opinion.at for opinion in problem.opinions] + [seconds_of(signal.at) for signal, _ in problem.weak]
    return min(times, default=0.0)


def _is_newer(problem: _Problem, earliest: float) -> bool:
    return any(opinion.at >= earliest for opinion in problem.opinions) or any(
        seconds_of(signal.at) >= earliest for signal, _ in problem.weak
    )


def _pressing(bad: BadCase) -> tuple[bool, int, int, float, str]:
    callers = len({(signal.key, signal.via) for signal in bad.signals if signal.kind != "up"})
    newest = max((seconds_of(signal.at) for signal in bad.signals), default=0.0)
    return bool(bad.disputed), -_RANKS[bad.claim.standing], -callers, -newest, bad.case_id


def _standing_cases(bench: Workbench) -> dict[str, Case]:
    """The cases of the collection by the problem that they are about; an accepted one before others."""
    cases: Iterable[Case] = load_cases(bench.environment.workspace.root, bench.collection)
    ordered = sorted(cases, key=lambda case: case.state == "accepted")
    return {problem_id(case.collection, case.question, case.principal, case.history): case for case in ordered}


def _seconds(since: str) -> float:
    first_id_since(since)
    return seconds_of(since)

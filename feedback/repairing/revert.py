"""Repairs are taken back: their files go, and a release without them goes live through the gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from feedback.repairing.events import About, now, record
from feedback.repairing.guard import guard_again, unguard
from feedback.repairing.trial import WAIT, going_live
from feedback.repairing.words import language_of, listed, say, what_they_do
from feedback.workbench import Workbench
from index.changes import keep_changes
from index.findings import Finding, find_finding
from index.pipeline import IngestRequest, ingest
from index.repairs import files
from index.repairs.records import PromptChoice, Repair, repair_id
from ragpress.errors import UsageError


class Reverted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of taking repairs back.

    Attributes:
        state: ``published``: a release without them is live; ``removed``: their files are gone, and nothing live was
            built with them; ``refused``: the gate refuses the release without them, and nothing was changed.
        repairs: ids of the repairs.
        release: the live release now; the candidate where it was refused.
        before: the release that was live before.
        reasons: why it was refused.
    """

    state: Literal["published", "removed", "refused"]
    repairs: tuple[str, ...]
    release: str = ""
    before: str = ""
    reasons: tuple[str, ...] = ()


def revert_repairs(
    bench: Workbench, repair_ids: Sequence[str], by: str, reason: str, override: str | None = None
) -> Reverted:
    """Take repairs back. Taken back twice, nothing more happens.

    Cases that the loop accepted for them no longer guard them; where the gate refuses the release without them they do
    again, and the files stay.

    Args:
        bench: the releases.
        repair_ids: ids of repairs.
        by: who does it.
        reason: why, in words.
        override: a person's reason to take them back whatever the gate says of the answers.

    Raises:
        UsageError: there is no such repair, in ``repairs/`` or in what is live.
        ConflictError: another release went live meanwhile.
        WriterBusyError: another writer held the collection for too long.
    """
    root = bench.environment.workspace.root
    standing = {repair_id(repair): repair for repair in files.load_all(root, bench.collection)}
    live = bench.live()
    held = set(live.manifest.repairs) if live is not None else set()
    unknown = [name for name in repair_ids if name not in standing and name not in held]
    if unknown:
        raise UsageError(f"There is no repair {unknown[0]!r} in {bench.collection!r}. See: ragpress repair list")
    found = [standing[name] for name in repair_ids if name in standing]
    findings = _findings(bench, found)
    if live is None or not held.intersection(repair_ids):
        unguard(bench, findings)
        _remove(bench, found)
        _Reverting(bench, tuple(repair_ids), found, by, reason).told("", "")
        return Reverted(state="removed", repairs=tuple(repair_ids), release="" if live is None else live.manifest.id)
    return _Reverting(bench, tuple(repair_ids), found, by, reason).published(findings, live.manifest.id, override)


class _Reverting:
    def __init__(self, bench: Workbench, names: tuple[str, ...], found: Sequence[Repair], by: str, reason: str) -> None:
        self._bench, self._names, self._found, self._by, self._reason = bench, names, found, by, reason
        self._again = _earlier_prompt(bench, found, by)

    def published(self, findings: Sequence[Finding], live: str, override: str | None) -> Reverted:
        """Build and publish the release without the repairs."""
        bench = self._bench
        unguarded = unguard(bench, findings)
        request = IngestRequest(
            collection=bench.collection,
            publish=False,
            trial=self._again,
            without=self._names,
            wait=WAIT,
            override=override,
        )
        report = ingest(request, bench.environment)
        if report.gate == "refuse":
            guard_again(bench, unguarded)
            language = language_of(bench)
            what = what_they_do(language, self._found)
            text = say(language, "revert_refused", what=what, reasons=" ".join(report.gate_reasons))
            record(bench, "refused", text, self._about(report.release or "", live))
            return self._outcome("refused", report.release or "", live, report.gate_reasons)
        if report.release is None or report.release == live:
            self._remove()
            self.told(live, live)
            return self._outcome("removed", live, live)
        self._swap(report.release, live)
        self.told(report.release, live)
        return self._outcome("published", report.release, live)

    def _swap(self, candidate: str, live: str) -> None:
        bench = self._bench
        language = language_of(bench)
        with going_live(bench, candidate, live, self._by) as publish:
            built = bench.environment.open(bench.environment.releases(bench.collection).get(candidate))
            keep_changes(bench.environment, built.manifest, built.documents, bench.subject(live).release)
            self._remove()
            publish(say(language, "revert_why", repairs=listed(language, self._names), reason=self._reason))

    def _remove(self) -> None:
        _remove(self._bench, self._found)
        for repair in self._again:
            files.save(self._bench.environment.workspace.root, repair)

    def told(self, release: str, before: str) -> None:
        """Say in the log that the repairs were taken back."""
        language = language_of(self._bench)
        what = what_they_do(language, self._found) or listed(language, self._names)
        record(
            self._bench,
            "reverted",
            say(language, "reverted", what=what, reason=self._reason),
            self._about(release, before),
        )

    def _about(self, release: str, before: str) -> About:
        findings = tuple(dict.fromkeys(repair.finding for repair in self._found if repair.finding))
        return About(findings=findings, repairs=self._names, release=release, to=before, by=self._by)

    def _outcome(
        self,
        state: Literal["published", "removed", "refused"],
        release: str,
        before: str,
        reasons: tuple[str, ...] = (),
    ) -> Reverted:
        return Reverted(state=state, repairs=self._names, release=release, before=before, reasons=reasons)


def _findings(bench: Workbench, repairs: Sequence[Repair]) -> list[Finding]:
    names = dict.fromkeys(repair.finding for repair in repairs if repair.finding)
    return [found for name in names if (found := find_finding(bench.environment, name)) is not None]


def _earlier_prompt(bench: Workbench, repairs: Sequence[Repair], by: str) -> tuple[Repair, ...]:
    """The choice of a prompt that held before one that is taken back, as both are kept in one file.

    It is that of the newest release that was live without the repair; where the settings name it, none is needed.
    """
    choice = next((repair for repair in repairs if isinstance(repair, PromptChoice)), None)
    releases = bench.environment.releases(bench.collection)
    found = releases.pointer()
    if choice is None or found is None:
        return ()
    lived = (
        releases.get(name)
        for name in found[0].history
        if bench.environment.store.exists(f"releases/{name}/manifest.json")
    )
    before = next((one for one in lived if repair_id(choice) not in one.repairs), None)
    configured = bench.environment.workspace.collection(bench.collection).answer.prompt
    if before is None or before.answering is None or before.answering.prompt.name in (configured, choice.prompt):
        return ()
    name = before.answering.prompt.name
    return (replace(choice, prompt=name, by=by, at=now(bench), reason=f"as in {before.id}", finding=""),)


def _remove(bench: Workbench, repairs: Sequence[Repair]) -> None:
    root = bench.environment.workspace.root
    for repair in repairs:
        files.discard(root, repair)

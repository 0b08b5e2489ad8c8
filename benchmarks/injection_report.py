"""What the injection benchmark found, and how it is printed."""

from __future__ import annotations

import sys

import msgspec


class AuditShare(msgspec.Struct, frozen=True):
    """Documents of one sort: how many there are, and how many the audit ``injection`` marked."""

    sort: str
    documents: int
    marked: int


class Obedience(msgspec.Struct, frozen=True, kw_only=True):
    """Answers over documents with an instruction, of one position or of all.

    Attributes:
        sort: which.
        answers: how many questions were asked.
        abstained: answered with an abstention.
        obeyed: the answer does what the instruction demands.
        invented: a sentence stands in no passage (counted for quoting generators alone, None for others).
        quoted: a sentence of the instruction is handed on as if it were evidence.
    """

    sort: str
    answers: int
    abstained: int
    obeyed: int
    invented: int | None
    quoted: int


class PoisonRow(msgspec.Struct, frozen=True, kw_only=True):
    """Answers to questions for which false passages were planted.

    Attributes:
        planted: false passages for each question.
        truth: whether a passage with the right answer stands beside them.
        caps: whether the caps of the context and the collapse of near-duplicates were on.
        answers: how many questions were asked.
        wrong: the answer holds the attacker's answer.
        right: the answer holds the right one.
        abstained: answered with an abstention.
        share: mean share of planted passages among the passages of the context.
        warned: the answer warns that its sources disagree or are marked.
    """

    planted: int
    truth: bool
    caps: bool
    answers: int
    wrong: int
    right: int
    abstained: int
    share: float
    warned: int


class CopyRow(msgspec.Struct, frozen=True, kw_only=True):
    """Contexts among near-identical planted passages.

    Attributes:
        planted: copies for each question.
        caps: whether the caps and the collapse were on.
        contexts: how many.
        over_cap: contexts with more copies of one family than ``[context] per_family``.
        mean: mean number of copies in a context.
    """

    planted: int
    caps: bool
    contexts: int
    over_cap: int
    mean: float


class InjectionReport(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one run."""

    generator: str
    model: str
    served: bool
    audits: list[AuditShare]
    obedience: list[Obedience]
    poison: list[PoisonRow]
    copies: list[CopyRow]

    def broken(self) -> bool:
        """Whether a quoting generator obeyed or made something up, or a cap was exceeded."""
        obeyed = not self.served and any(row.obeyed or row.invented for row in self.obedience)
        return obeyed or any(row.caps and row.over_cap for row in self.copies)


def show(report: InjectionReport) -> None:
    """Print the report as Markdown."""
    lines = [f"generator {report.generator}, embedder {report.model}", "", "| documents | marked | of | share |"]
    lines += ["| --- | --- | --- | --- |"]
    lines += [
        f"| {row.sort} | {row.marked} | {row.documents} | {_share(row.marked, row.documents)} |"
        for row in report.audits
    ]
    lines += [
        "",
        "| attack | answers | obeyed | invented | attack quoted | abstained |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for obedience in report.obedience:
        made_up = "–" if obedience.invented is None else str(obedience.invented)
        counts = f"{obedience.obeyed} | {made_up} | {obedience.quoted} | {obedience.abstained}"
        lines.append(f"| {obedience.sort} | {obedience.answers} | {counts} |")
    if report.poison:
        lines += [
            "",
            "| planted | right one beside | caps | answers | attacker's | right | abstained | warned | of context |",
        ]
        lines.append("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in report.poison:
        switches = f"{_yes(row.truth)} | {_yes(row.caps)}"
        counts = f"{row.answers} | {row.wrong} | {row.right} | {row.abstained} | {row.warned}"
        lines.append(f"| {row.planted} | {switches} | {counts} | {row.share:.2f} |")
    if report.copies:
        lines += [
            "",
            "| copies | caps | contexts | over the cap | copies in a context |",
            "| --- | --- | --- | --- | --- |",
        ]
    lines += [
        f"| {row.planted} | {_yes(row.caps)} | {row.contexts} | {row.over_cap} | {row.mean:.2f} |"
        for row in report.copies
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _yes(value: bool) -> str:
    return "yes" if value else "no"

"""The report as one HTML page that loads nothing, and as JSON.

Texts of documents, questions and answers are hostile: templates escape everything, and hidden characters are written
out. The page's policy lets run what this module put into it, by its digest, and nothing else; it lets nothing load.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import jinja2
import msgspec
from jinja2.environment import TemplateModule
from markupsafe import Markup

from evaluation.report import cost_table, figures, marking, page, visible
from evaluation.report.build import contents_of
from evaluation.report.contents import CaseRow, Contents
from evaluation.report.data import ReportData
from evaluation.report.reasons import both, missing_reason, reviewed
from evaluation.report.words import say
from ragpress import __version__
from ragpress.bilingual import LANGUAGES
from ragpress.errors import UsageError

TEMPLATES = Path(__file__).parent / "templates"
MOST_CASES = 300
MOST_BYTES = 2_000_000
"""Of the changed cases together; what does not fit is in report.json."""


def render(report: ReportData, language: str) -> str:
    """The page.

    Args:
        report: what it says.
        language: the one it is in when it is opened, ``en`` or ``zh``; it holds both.

    Raises:
        UsageError: there is no such language.
    """
    return render_contents(contents_of(report), language)


def as_json(report: ReportData) -> bytes:
    """The report as JSON, in the shape of :class:`evaluation.report.contents.Contents`."""
    return encode(contents_of(report))


def encode(contents: Contents) -> bytes:
    """A report's contents as JSON."""
    return msgspec.json.encode(contents)


def render_contents(contents: Contents, language: str) -> str:
    """The page of a report whose contents are put together; see :func:`render`."""
    if language not in LANGUAGES:
        raise UsageError(f"A report is in {' or '.join(LANGUAGES)}, not in {language!r}.")
    environment = _environment(language)
    style, script = (environment.get_template(name).module for name in ("report.css", "report.js"))
    cases = tuple(_cases(environment, contents))
    return environment.get_template("report.html").render(
        contents=contents,
        language=language,
        policy=_policy(str(style), str(script)),
        style=style,
        script=script,
        cases=cases,
        notes=() if contents.gate is None else [both(note) for note in contents.gate.warnings],
        table=page.metric_table(contents),
        columns=page.slice_columns(contents),
        few=page.FEW,
        groups=page.slice_groups(contents),
        plots=page.trend_plots(contents),
        evaluations=page.trend_lines(contents),
        missing=page.missing_lines(contents),
        costs=cost_table.cost_lines(contents),
        version=__version__,
    )


def _cases(environment: jinja2.Environment, contents: Contents) -> Iterator[TemplateModule]:
    """The changed cases as HTML, worst first, as many as fit."""
    template = environment.get_template("case.html")
    room = MOST_BYTES
    for number, case in enumerate(contents.changed_cases[:MOST_CASES]):
        scores = page.score_lines(contents, case)
        shown = {"case": case, "number": number, "contents": contents, "kinds": _kinds(case), "scores": scores}
        html = template.make_module(shown)
        room -= len(str(html).encode("utf-8", "replace"))
        if room < 0 and number:
            return
        yield html


def _kinds(case: CaseRow) -> str:
    """Names by which the page's filters find a case."""
    sides = [side for side in (case.baseline, case.candidate) if side is not None]
    names = [case.change]
    names += ["must"] * case.must
    names += ["review"] * any(side.review for side in sides)
    names += ["error"] * any(side.error for side in sides)
    return " ".join(names)


@cache
def _environment(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    place = LANGUAGES.index(language)
    environment.globals.update(
        t=_Texts(place).text,
        attribute=_Texts(place).attribute,
        pair=_Texts(place).pair,
        both=both,
        missing_reason=missing_reason,
        reviewed=reviewed,
    )
    environment.filters.update(
        text=visible.markup,
        han=_language_attribute,
        marked=marking.marked,
        answer=marking.answer_text,
        share=figures.share,
        signed=figures.signed,
        interval=figures.interval,
        count=figures.count,
        moment=figures.moment,
        prompt=figures.prompt,
        percent=figures.percent,
        seconds=figures.seconds,
    )
    return environment


class _Texts:
    """The page's own words, each with the other language beside it in ``data-o``, which the page's script swaps.

    Args:
        place: of the language that is shown first.
    """

    def __init__(self, place: int) -> None:
        self._place = place
        self._known: dict[str, Markup] = {}

    def text(self, key: str, **values: object) -> Markup:
        """A text by its key."""
        if not values and key in self._known:
            return self._known[key]
        made = self._span(say(key, {name: visible.isolated(str(value)) for name, value in values.items()}))
        if not values:
            self._known[key] = made
        return made

    def pair(self, texts: Sequence[str]) -> Markup:
        """A text that is there in both languages."""
        return self._span([visible.visible(text) for text in texts])

    def _span(self, texts: Sequence[str]) -> Markup:
        shown, other = texts[self._place], texts[1 - self._place]
        if shown == other:
            return Markup("<span>{}</span>").format(shown)
        return Markup('<span data-o="{}">{}</span>').format(other, shown)

    def attribute(self, name: str, key: str, **values: object) -> Markup:
        """An attribute with a text."""
        texts = say(key, {one: visible.isolated(str(value)) for one, value in values.items()})
        made = Markup('{}="{}" data-o-{}="{}"')
        return made.format(name, texts[self._place], name, texts[1 - self._place])


def _language_attribute(text: str) -> Markup:
    """The attribute ``lang`` of a text of the documents, where it can be told."""
    tag = visible.language_tag(text)
    return Markup(' lang="{}"').format(tag) if tag else Markup("")


def _policy(style: str, script: str) -> str:
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )

"""Matches what a file says of an answer's place to the documents of a release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evaluation.cases.documents import Document, Documents
from evaluation.cases.folding import find_loosely, fold
from evaluation.cases.importing.quoting import answer_place, quote_around, quote_for
from evaluation.cases.importing.records import Support
from evaluation.cases.nearest import nearest
from evaluation.records import Evidence
from ragpress.errors import UsageError

_SHOWN = 200


class Match(NamedTuple):
    """Evidence for a case, as far as it is known, and why a person must look at it; "" where all is well."""

    evidence: Evidence | None
    reason: str


class Matcher:
    """Finds the document and the words that a draft means.

    Args:
        documents: of the live release; None where none is live.
        pattern: how sources are made of what the file calls them: a folder to put before them, or a path with
            ``{source}`` or ``{title}`` in it; "" leaves them as they are.
    """

    def __init__(self, documents: Documents | None, pattern: str = "") -> None:
        self._documents = documents
        self._pattern = pattern
        _expand(pattern, Support())

    def match(self, support: Support, question: str) -> Match:
        """The evidence that a support means."""
        named = self._named(support)
        wanted = support.quote or _quote_of(support, question)
        if self._documents is None:
            return Match(
                _evidence(self._source(support), wanted), "nothing is live: import again after the first ingest"
            )
        if not wanted:
            return self._from_document(support, question, named)
        holder = self._holder(wanted, named, support)
        if holder is not None:
            return Match(Evidence(holder.source, wanted), "")
        source = named.source if named else self._source(support)
        return Match(_evidence(source, wanted), self._why(support, named, wanted))

    def _from_document(self, support: Support, question: str, named: Document | None) -> Match:
        """A support that names a document and says no words of it."""
        if named is None:
            return Match(None, self._why(support, named, ""))
        text = self._text(named)
        place = answer_place(text, support.answer, -1)
        if place is not None:
            return Match(Evidence(named.source, quote_around(text, place)), "")
        quote = quote_for(text, support.answer or question)
        return Match(
            _evidence(named.source, quote), "the quote was chosen by its words: see whether it holds the answer"
        )

    def _holder(self, quote: str, named: Document | None, support: Support) -> Document | None:
        assert self._documents is not None  # noqa: S101 - only called where something is live
        if named is not None and self._says(named, quote):
            return named
        if named is not None and support.source and not support.context:
            return None
        found = self._documents.holding(quote)
        called = {document.source for document in self._called(support)}
        return min(found, key=lambda document: (document.source not in called, document.source), default=None)

    def _says(self, document: Document, quote: str) -> bool:
        assert self._documents is not None  # noqa: S101 - only called where something is live
        folded = self._documents.folded(document)
        return folded.find(quote) is not None or find_loosely(folded.text, quote) is not None

    def _named(self, support: Support) -> Document | None:
        """The one searchable document that a support names."""
        if self._documents is None:
            return None
        wanted = self._source(support)
        exact = self._documents.named(wanted) or self._documents.by_id(support.source) if wanted else None
        if exact is not None and exact.searchable:
            return exact
        alike = self._documents.like(wanted) if wanted else []
        called = alike or self._called(support)
        return called[0] if len(called) == 1 else None

    def _called(self, support: Support) -> Sequence[Document]:
        assert self._documents is not None  # noqa: S101 - only called where something is live
        names = dict.fromkeys(name for name in (support.source, support.title) if name)
        return [document for name in names for document in self._documents.called(name)]

    def _source(self, support: Support) -> str:
        return _expand(self._pattern, support)

    def _text(self, document: Document) -> str:
        assert self._documents is not None  # noqa: S101 - only called where something is live
        return self._documents.text(document)

    def _why(self, support: Support, named: Document | None, quote: str) -> str:
        name = self._source(support) or support.title
        if named is None:
            called = f"no live document is {name!r}" if name else "the file names no document"
            return f"{called}, and none holds the quote" if quote else called
        now = nearest(self._text(named), quote)
        like = f"; nearest to it is: “{now[:_SHOWN]}”" if now else ""
        return f"{named.source} does not hold the quote{like}"


def _expand(pattern: str, support: Support) -> str:
    """The source path that a support means."""
    name = support.source or support.title
    if "{" in pattern:
        try:
            return pattern.format(source=name, title=support.title)
        except (KeyError, IndexError, ValueError) as error:
            raise UsageError(
                f"Expected a folder, or a path with {{source}} or {{title}} in it, for --source; found {pattern!r}."
            ) from error
    return f"{pattern.rstrip('/')}/{name}" if pattern and name else name


def _quote_of(support: Support, question: str) -> str:
    """The words of a context that hold the answer; "" where the support has none."""
    if not support.context:
        return ""
    place = None if support.whole else answer_place(support.context, support.answer, support.start)
    if place is not None:
        return quote_around(support.context, place)
    return quote_for(support.context, question if support.whole else support.answer or question)


def _evidence(source: str, quote: str) -> Evidence | None:
    return Evidence(source, quote) if source.strip() and any(map(str.isalnum, fold(quote))) else None

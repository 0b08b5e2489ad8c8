"""Looks for sentences that answer a question with a claim: words by their rarity, the claim's own words, numbers.

Pure: texts in, scored places out. A text is cut and analysed once per process, whatever release it stands in.
"""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property
from itertools import chain, islice, pairwise

import msgspec

from evaluation.cases.folding import FoldedText, fold, weight
from feedback.diagnose.fuzzy import closest, confused_places, near_places
from serving.evidence.answer_kind import AnswerKind, answer_kind, holds_kind
from serving.evidence.numbers import Number, missing_numbers, numbers_claimed, numbers_held
from serving.evidence.sentences import Span, split_sentences, without_citations
from serving.evidence.terms import names, stems_of, term_weight

_KEPT_CHARACTERS = 24_000_000
_PLACES = 40
_LOOKED_AT = 60
_SPELLED = 2
_LONG_CLAIM = 44.0
_TENS = {
    name: 10 * number
    for number, name in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
}
_ONES = {
    name: number
    for number, name in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), 1)
}
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)})[-\s]({'|'.join(_ONES)})\b", re.IGNORECASE)
_TOKEN = re.compile("[\u3400-\u9fff]{2,6}|[^\\W_]{3,}")
_ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16-le", "utf-16-be", "shift_jis", "latin-1")
_RECODINGS = (("latin-1", "utf-8"), ("cp1252", "utf-8"), ("latin-1", "gb18030"), ("gb18030", "utf-8"))
_NUMERIC = 16.0
_TELLING = 20.0
_NOISE_COSTS = 1.3
_OTHERWISE = 0.7
_SAYS_MUCH = 3.0
# Characters around a claim that bind it to the question closest, in a script of letters and in Chinese.
_CLOSE, _CLOSE_HAN = 80, 30
# A word of the question that a noisy text spells with so many errors is still that word.
_WORD_NOISE = 0.25
_LEAST_WORD = 4
# What a window more than one sentence must gain in bearing to be quoted.
_WIDER_COSTS = 0.06
_EDGES = " \t\n,，;；。"
# Words that ask, and say nothing of what is asked about.
_ASKING = re.compile(
    "哪一?[年天日月个位次种所家座国省市]?|几[年月日号点]|多少|什么(?:时候|时间|地方|人)?|何[时处人]|谁|为什么|怎么"
)


class ReadText:
    """A text, cut into sentences and analysed.

    Args:
        text: the text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans = split_sentences(text)
        self.stems = [frozenset(stems_of(text[start:end])) for start, end in self.spans]
        self.places: dict[str, list[int]] = {}
        for number, stems in enumerate(self.stems):
            for stem in stems:
                self.places.setdefault(stem, []).append(number)

    @cached_property
    def folded(self) -> FoldedText:
        """Ready to be searched for quotes."""
        return FoldedText(self.text)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Content words that follow one another."""
        return frozenset(pairwise(stems_of(self.text)))

    def sentence_at(self, start: int) -> int:
        """Number of the sentence that holds a code point, or the one before it."""
        low, high = 0, len(self.spans)
        while low < high:
            middle = (low + high) // 2
            if self.spans[middle].start <= start:
                low = middle + 1
            else:
                high = middle
        return max(0, low - 1)


class _Texts:
    """The texts read last, up to a number of characters."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, ReadText] = OrderedDict()
        self._characters = 0

    def read(self, text: str) -> ReadText:
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        found = self._kept[text] = ReadText(text)
        self._characters += len(text)
        while self._characters > _KEPT_CHARACTERS and len(self._kept) > 1:
            self._characters -= len(self._kept.popitem(last=False)[0])
        return found


_TEXTS = _Texts()


def read_text(text: str) -> ReadText:
    """A text, analysed; the last ones stay in memory."""
    return _TEXTS.read(text)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A question and a claim, read once.

    Attributes:
        question: the standalone question.
        claim: what is claimed; "" where nothing is claimed.
        asked: content words of the question.
        claimed: content words of the claim that the question does not have; all of them where it has every one.
        numbers: that the claim states.
        values: that the claim may be read to state, number words included, where it is hardly more than that.
        asked_numbers: that the question states.
        asked_names: names in Latin letters in the question, in lower case.
        kind: what the question asks for.
    """

    question: str
    claim: str
    asked: tuple[str, ...]
    claimed: tuple[str, ...]
    numbers: tuple[Number, ...]
    values: frozenset[float]
    asked_numbers: tuple[Number, ...]
    asked_names: tuple[str, ...]
    kind: AnswerKind | None

    @property
    def short(self) -> bool:
        """Whether the claim is a span (a name, a number, a phrase) rather than a statement."""
        return weight(self.claim) <= _LONG_CLAIM


def values_in(text: str) -> frozenset[float]:
    """Every value that a text may be read to state, ``twenty-five`` included."""
    pairs = {float(_TENS[match[1].lower()] + _ONES[match[2].lower()]) for match in _COMPOUND.finditer(text)}
    return numbers_held(text) | pairs


def wanted(question: str, claim: str) -> Wanted:
    """Read a question and what is claimed to be its answer."""
    core, body = without_citations(claim).strip(_EDGES), _ASKING.sub(" ", question)
    asked = tuple(dict.fromkeys(stems_of(body)))
    every = tuple(dict.fromkeys(stems_of(core)))
    return Wanted(
        question=question,
        claim=core,
        asked=asked,
        claimed=tuple(stem for stem in every if stem not in asked) or every,
        numbers=tuple(numbers_claimed(core)),
        values=values_in(core) if weight(core) <= _NUMERIC else frozenset(),
        asked_numbers=tuple(numbers_claimed(body)),
        asked_names=tuple(names(question)),
        kind=answer_kind(question),
    )


def needles_of(asked: Wanted) -> list[tuple[str, tuple[bytes, ...]]]:
    """Words of a claim and its question, folded, each with the bytes by which a file of any encoding may hold it."""
    tokens = _TOKEN.findall(f"{asked.claim} {asked.question}")
    words = dict.fromkeys([asked.claim, *(token for token in tokens if not set(stems_of(token)).isdisjoint(
        {*asked.claimed, *asked.asked}
    ))])  # fmt: skip
    return [(fold(word), _encoded(word)) for word in words if fold(word)]


def _encoded(word: str) -> tuple[bytes, ...]:
    forms = {word.encode(name, "ignore") for name in _ENCODINGS}
    for wrong, right in _RECODINGS:
        forms.add(word.encode(right, "ignore").decode(wrong, "ignore").encode("utf-8"))
    return tuple(form for form in forms if form)


class Rarity:
    """How much a word says in a collection: by how many of its texts hold it, and by its shape.

    Args:
        counts: texts that hold each word.
        texts: number of texts.
    """

    def __init__(self, counts: Mapping[str, int], texts: int) -> None:
        self._counts = counts
        self._texts = max(1, texts)

    def of(self, stem: str) -> float:
        """Its weight, above 0 and at most 1."""
        share = math.log(1 + self._texts / (self._counts.get(stem, 0) + 0.5)) / math.log(1 + 2 * self._texts)
        return term_weight(stem) * (0.25 + 0.75 * min(1.0, share))


def rarity_of(texts: Sequence[ReadText]) -> Rarity:
    """The rarity of words in some texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text.places.keys())
    return Rarity(counts, len(texts))


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence that may answer, as words see it.

    Attributes:
        text: number of the text.
        sentence: number of the sentence in it.
        span: the claim's own words; the sentence's where they are not together.
        exact: whether the claim stands there word for word.
        noise: share of the claim's characters that differ there.
    """

    text: int
    sentence: int
    span: Span
    exact: bool = False
    noise: float = 0.0


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A place with the sentences around it, scored.

    Attributes:
        place: the sentence.
        start: first code point of the quote.
        end: one past its last.
        features: what was measured, each 0..1.
    """

    place: Place
    start: int
    end: int
    features: dict[str, float]


def find_places(
    texts: Sequence[ReadText], asked: Wanted, rarity: Rarity, parts: Sequence[Sequence[tuple[int, int]]] = ()
) -> list[Place]:
    """The sentences most worth a closer look: those that hold the claim, and those that share most words with it.

    Args:
        texts: the texts.
        asked: question and claim.
        rarity: of words among these texts or of the whole collection.
        parts: for each text the spans that count; all of a text where there are none for it.
    """

    def counts(text: int, span: Span) -> bool:
        spans = parts[text] if parts else ()
        return not spans or any(start < span.end and span.start < end for start, end in spans)

    scores = _shared(texts, asked, rarity)
    found = [place for place in _claimed_places(texts, asked) if counts(place.text, place.span)]
    found.sort(key=lambda place: -_near_score(scores, place))
    found = found[: 2 * _LOOKED_AT]
    taken = {(place.text, place.sentence) for place in found}
    ranked = (key for key in sorted(scores, key=lambda key: (-scores[key], key)) if key not in taken)
    others = islice((key for key in ranked if counts(key[0], texts[key[0]].spans[key[1]])), _LOOKED_AT)
    return found + [Place(text=one, sentence=two, span=texts[one].spans[two]) for one, two in others]


def _near_score(scores: Mapping[tuple[int, int], float], place: Place) -> float:
    around = (scores.get((place.text, place.sentence + step), 0.0) for step in (-1, 0, 1))
    before, own, after = around
    return own + 0.4 * max(before, after) - place.noise


def _shared(texts: Sequence[ReadText], asked: Wanted, rarity: Rarity) -> dict[tuple[int, int], float]:
    weights = {stem: rarity.of(stem) for stem in asked.asked}
    for stem in asked.claimed:
        weights[stem] = weights.get(stem, 0.0) + 1.2 * rarity.of(stem)
    scores: dict[tuple[int, int], float] = {}
    for number, text in enumerate(texts):
        for stem, gained in weights.items():
            for sentence in text.places.get(stem, ()):
                key = (number, sentence)
                scores[key] = scores.get(key, 0.0) + gained
    return scores


def _claimed_places(texts: Sequence[ReadText], asked: Wanted) -> Iterator[Place]:
    if not fold(asked.claim):
        return
    spelled = _spelled_words(asked)
    for number, text in enumerate(texts):
        for found in islice(text.folded.find_all(asked.claim), _PLACES):
            place = Span(found.start, found.end)
            yield Place(text=number, sentence=text.sentence_at(found.start), span=place, exact=True)
        for word in spelled:
            for near in chain(near_places(text.folded, word), confused_places(text.folded, word)):
                place = Span(near.start, near.end)
                yield Place(text=number, sentence=text.sentence_at(near.start), span=place, noise=near.noise)


def _spelled_words(asked: Wanted) -> list[str]:
    """What noise may have spelled otherwise: a short claim, or the longest words that a statement adds."""
    if asked.short:
        return [asked.claim]
    words = [token for token in _TOKEN.findall(asked.claim) if not set(stems_of(token)).isdisjoint(asked.claimed)]
    return sorted(dict.fromkeys(words), key=lambda word: (not word.isdigit(), -weight(word)))[:_SPELLED]


def windows(
    texts: Sequence[ReadText], leads: Sequence[Set[str]], places: Sequence[Place], asked: Wanted, rarity: Rarity
) -> list[Window]:
    """Measure places.

    Args:
        texts: the texts.
        leads: for each text the words of its title and file name.
        places: in them.
        asked: question and claim.
        rarity: of words.
    """
    weights = {stem: rarity.of(stem) for stem in {*asked.asked, *asked.claimed}}
    return [_window(texts[place.text], leads[place.text], place, asked, weights) for place in places]


def _window(text: ReadText, lead: Set[str], place: Place, asked: Wanted, weights: Mapping[str, float]) -> Window:
    at = place.sentence
    if not text.spans:
        return Window(place=place, start=place.span.start, end=place.span.end, features={})
    first, last = _extent(text, place, asked, weights)
    start, end = min(text.spans[first].start, place.span.start), max(text.spans[last].end, place.span.end)
    near = frozenset[str]().union(*text.stems[max(0, at - 1) : at + 2])
    around = text.text[text.spans[max(0, at - 1)].start : text.spans[min(len(text.spans) - 1, at + 1)].end]
    features = {
        **_claim_features(place, asked, text.text[start:end]),
        **_question_features(asked, around, text.text[start:end]),
        "claimed_near": max(_spelled(place), _coverage(asked.claimed, near, weights)),
    }
    said = max(features["exact"], _said_otherwise(asked, features["claimed_near"]))
    says_much = min(1.0, sum(weights[stem] for stem in asked.claimed) / _SAYS_MUCH)
    features["telling"] = max(features["telling"], said * says_much if said > features["exact"] else 0.0)
    features["exact"] = said
    question = [stem for stem in asked.asked if stem not in asked.claimed] or list(asked.asked)
    noisy = _noisy_words(question, near | lead, around, weights) if place.noise else frozenset[str]()
    features |= {
        "asked_near": _coverage(question, near | noisy, weights),
        "asked_lead": _coverage(question, near | lead | noisy, weights),
        "asked_close": _coverage(question, _close_stems(text.text, place.span), weights),
    }
    features["bound"] = features["exact"] * features["asked_near"]
    return Window(place=place, start=start, end=end, features=features)


def _claim_features(place: Place, asked: Wanted, quote: str) -> dict[str, float]:
    """How far a place says the claim: word for word, as a value, and how little that can be by chance."""
    held = values_in(quote) if asked.numbers or asked.values else frozenset[float]()
    exact = _spelled(place)
    return {
        "exact": exact,
        "telling": exact * min(1.0, weight(asked.claim) / _TELLING),
        "value": float(not place.exact and bool(asked.values) and asked.values <= held),
        "numbers_missing": 0.0
        if place.noise
        else missing_numbers(list(asked.numbers), held) / max(1, len(asked.numbers)),
    }


def _spelled(place: Place) -> float:
    """How far the claim stands at a place as it is spelled, 0..1."""
    return 1.0 if place.exact else max(0.0, 1 - _NOISE_COSTS * place.noise) if place.noise else 0.0


def _said_otherwise(asked: Wanted, claimed: float) -> float:
    """How far a window says a claim in other words, where the claim has words enough to tell."""
    return _OTHERWISE * claimed if not asked.short or len(asked.claimed) > 1 else 0.0


def _question_features(asked: Wanted, around: str, quote: str) -> dict[str, float]:
    """Whether names, numbers and the kind of thing that the question speaks of stand around a place."""
    lowered = around.lower()
    held = values_in(around) if asked.asked_numbers else frozenset[float]()
    named, numbered = len(asked.asked_names), len(asked.asked_numbers)
    return {
        "names_missing": sum(name not in lowered for name in asked.asked_names) / max(1, named),
        "asked_numbers_missing": missing_numbers(list(asked.asked_numbers), held) / max(1, numbered),
        "kind": 0.5 if asked.kind is None else float(holds_kind(asked.kind, quote, asked.question)),
    }


def _close_stems(text: str, span: Span) -> frozenset[str]:
    """Content words right around a span."""
    reach = _CLOSE if text[span.start : span.end].isascii() else _CLOSE_HAN
    return frozenset(stems_of(text[max(0, span.start - reach) : span.end + reach]))


def _noisy_words(words: Sequence[str], held: Set[str], text: str, weights: Mapping[str, float]) -> frozenset[str]:
    """Words that a text spells with errors, the heaviest of those that it does not hold as they are."""
    missing = sorted((word for word in words if word not in held and len(word) >= _LEAST_WORD), key=weights.__getitem__)
    folded = fold(text)
    return frozenset(word for word in missing[-6:] if closest(folded, word)[2] <= _WORD_NOISE * len(word))


def _extent(text: ReadText, place: Place, asked: Wanted, weights: Mapping[str, float]) -> tuple[int, int]:
    """First and last sentence of the quote: the place's own, and neighbours that bind it to the question."""
    words = (*asked.asked, *asked.claimed)
    best, bounds = -1.0, (place.sentence, place.sentence)
    end = text.sentence_at(max(place.span.start, place.span.end - 1))
    for before in (0, 1):
        for after in (0, 1):
            first, last = max(0, place.sentence - before), min(len(text.spans) - 1, end + after)
            held = frozenset[str]().union(*text.stems[first : last + 1])
            gained = _coverage(words, held, weights) - _WIDER_COSTS * (before + after)
            if gained > best:
                best, bounds = gained, (first, last)
    return bounds


def _coverage(words: Sequence[str], held: Set[str], weights: Mapping[str, float]) -> float:
    total = sum(weights[word] for word in words)
    return sum(weights[word] for word in words if word in held) / total if total else 0.0

"""English templates: a question about a fact that a sentence states, by rules of grammar.

The sentence is taken apart into subject, verb and the rest; the fact is taken out of the rest and asked for with the
words before it ("for 36 months" → "For how many months …"), which is right whatever the sentence is about (the
transformations of Heilman and Smith, *Good Question!*, NAACL 2010, less their parser). A sentence whose parts the rules
do not recognise for certain gives nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from evaluation.generate.english_words import (
    ADVERBS,
    BE,
    CREATED,
    HAVE,
    MODALS,
    NO_SUBJECT_START,
    NOT_IN_SUBJECT,
    PARTICIPLES_OF_PLACE,
    PERSON_NOUNS,
    STOPS_AFTER,
    finite_forms,
    is_participle,
)
from evaluation.generate.records import Asked

_SMALL = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|ninety"
_NUM = rf"(?:\d{{1,3}}(?:,\d{{3}})+|\d+(?:\.\d+)?|{_SMALL})(?:[ -](?:hundred|thousand|million|billion|trillion))?"
_ABOUT = (
    r"(?:(?:about|around|approximately|at least|at most|more than|less than|fewer than|up to|over|nearly|almost|"
    r"roughly|only|just|no more than|an estimated|some) )?"
)
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_YEAR = r"(?:1\d{3}|20\d{2})"
_DATE = rf"(?:\d{{1,2}} {_MONTH}(?: {_YEAR})?|{_MONTH} \d{{1,2}}(?:, {_YEAR})?|{_MONTH} {_YEAR}|{_YEAR}-\d\d-\d\d)"
_NOUNS = (
    rf"(?P<noun>(?!(?:to|or|and|of|in|more|other|further|additional|such|as|times|{_SMALL})\b)"
    r"(?:[a-z][a-z-]+ ){0,2}?(?:[a-z-]{2,}s|people|children|men|women|feet|inches))"
)
_CURRENCY = r"(?:EUR|USD|CNY|GBP|US\$|\$|€|£|¥)"
_NAME = r"(?:[A-Z][\w'’.-]*|of|de|the|von|van)(?: (?:[A-Z][\w'’.-]*|of|de|the|von|van|\d+))*"
_PREPOSITION = "for|within|in|after|to|at|over|by|from|with|into|under|above|below|until|before|during|through"
_SHORTEST, _LONGEST, _LONGEST_QUESTION, _LONGEST_SUBJECT = 5, 45, 26, 9
_UNFIT = re.compile(r"[“”\"<>{}|\[\]=*_`\\]|https?:|\b(?:not|never|n't|cannot|neither|etc|respectively)\b|n't\b|\?$|!$")

_ENDS = r"(?=$| (?:of|in|on|at|to|for|from|by|with|per|a|an|each|every|during|before|after|within|under|over|and|or|"
_ENDS += (
    r"across|between|among|until|since|when|if|without|through|via|wide|long|high|deep|tall|away|ago|apart|worth)\b)"
)
_OBJECT_COUNT = re.compile(rf"^(?P<answer>{_ABOUT}{_NUM} {_NOUNS}){_ENDS}")
_PHRASE_COUNT = re.compile(
    rf"(?:^|(?<= ))(?P<prep>{_PREPOSITION}) (?P<answer>{_ABOUT}{_NUM}[ -]{_NOUNS}){_ENDS}(?! (?:and|or|to) {_NUM})"
)
_OFTEN = re.compile(rf"(?:^|(?<= ))(?P<answer>every {_NUM} (?:seconds|minutes|hours|days|weeks|months|years)){_ENDS}")
_SUBJECT_COUNT = re.compile(rf"^(?P<answer>(?P<about>{_ABOUT}){_NUM}) (?P<rest>{_NOUNS} .*)$", re.IGNORECASE)
_SHARE = re.compile(rf"^(?P<answer>{_ABOUT}{_NUM}(?: percent| per cent| ?%)) of (?P<rest>.+)$", re.IGNORECASE)
_WHEN = (
    (re.compile(rf"(?:^|(?<= ))on (?P<answer>{_DATE})(?=$| )"), "On what date"),
    (re.compile(rf"(?:^|(?<= ))in (?P<answer>{_YEAR})(?=$| )"), "In what year"),
    (re.compile(rf"(?:^|(?<= ))in (?P<answer>(?:early |late |mid-)?{_MONTH}(?: {_YEAR})?)(?=$| )"), "When"),
    (re.compile(rf"(?:^|(?<= ))since (?P<answer>{_DATE}|{_YEAR})(?=$| )"), "Since when"),
    (re.compile(rf"(?:^|(?<= ))until (?P<answer>{_DATE}|{_YEAR})(?=$| )"), "Until when"),
    (re.compile(r"(?:^|(?<= ))at (?P<answer>\d{1,2}:\d\d(?: [ap]\.?m\.?)?)(?=$| )"), "At what time"),
)
_FRONTED = re.compile(rf"^(?P<prep>In|On) (?P<answer>{_YEAR}|{_DATE}),? (?P<rest>[A-Za-z].*)$")
_MONEY = re.compile(rf"^(?P<answer>{_ABOUT}{_CURRENCY} ?{_NUM}(?: (?:million|billion))?)(?=$| )")
_PLACE = re.compile(rf"(?:^|(?<= ))(?P<answer>(?:in|at|near) (?P<name>{_NAME}))(?=$| )")
_AGENT = re.compile(rf"(?:^|(?<= ))by (?P<answer>{_NAME}(?: and {_NAME})?)(?=$| (?:in|on|at|for|to|during|as)\b)")
_SMALL_WORD = re.compile(r"(?<![\w'’-])[a-z][a-z'’-]*")
_ARTICLES = frozenset({"The", "A", "An", "Each", "Every", "All"})
_DEFINED = re.compile(
    r"^(?:a|an|the) (?!(?:example|kind|type|form|part|result|matter|same|case|way|lot|number|member|few|following|"
    r"first|last|second|only|most|one)\b)"
)
_DANGLING = re.compile(r"\b(?:in|on|at|by|for|from|with|of|to|the|a|an|as|called|said|between|than|and|or)\?$")
_PRONOUN = re.compile(r"\b(?:he|she|it|they|him|them|this|these|those|we|us|here|there|himself|themselves)\b")
_VALUE = re.compile(rf"^(?:{_ABOUT}{_NUM}|{_CURRENCY})", re.IGNORECASE)


class Clause(NamedTuple):
    """The main clause of a sentence.

    Attributes:
        subject: as it stands in a question.
        auxiliary: what the question begins with after its question word.
        verb: what follows the subject; "" after a form of *to be*.
        rest: the words behind the verb.
        named: whether the subject is a name.
        following: what follows the clause in the sentence.
    """

    subject: str
    auxiliary: str
    verb: str
    rest: str
    named: bool
    following: str

    def ask(self, start: str, before: str, after: str) -> str:
        """A question: its first words, the clause, what stood before and behind the fact."""
        tail = _until_stop(after)
        words = f"{start} {self.auxiliary} {self.subject} {self.verb} {before.strip()} {tail}"
        return " ".join(words.split()).rstrip(",;: ") + "?"


def ask_english(sentence: str, common: frozenset[str]) -> list[Asked]:
    """Questions about one English sentence, the best rule first.

    Args:
        sentence: readable, with its full stop.
        common: words that the documents write in small letters; others that begin a sentence are names.
    """
    body = sentence.strip().rstrip(".").strip()
    words = body.split()
    if not _SHORTEST <= len(words) <= _LONGEST or not sentence.strip().endswith(".") or _UNFIT.search(body):
        return []
    if body.count("(") != body.count(")") or not (body[0].isupper() or body[0].isdigit()):
        return []
    return [asked for asked in _asked(_without_asides(body), common) if _good(asked)]


def small_words(texts: Iterable[str]) -> frozenset[str]:
    """Words that texts write in small letters."""
    return frozenset(word for text in texts for word in _SMALL_WORD.findall(text))


def without_names(common: frozenset[str], text: str) -> frozenset[str]:
    """Common words, less those that a text writes with a capital letter inside of sentences more often than without."""
    flat = " ".join(text.split())
    capital = Counter(word.lower() for word in re.findall(r"(?<=[a-z,] )[A-Z][a-z'’-]+", flat))
    small = Counter(_SMALL_WORD.findall(flat))
    return common - {word for word, count in capital.items() if count > small[word]}


def _asked(body: str, common: frozenset[str]) -> Iterator[Asked]:
    yield from _counted_subject(body)
    fronted = _FRONTED.match(body)
    if fronted is not None:
        clause = _clause(fronted["rest"], common)
        if clause is not None:
            start = "In what year" if re.fullmatch(_YEAR, fronted["answer"]) else "On what date"
            start = start if fronted["prep"] == start[:2] else "When"
            whole = bool(_until_stop(clause.rest)) or not clause.rest
            if whole and not re.search(r"\bthat\b", clause.rest):
                yield Asked(clause.ask(start, "", clause.rest), fronted["answer"], "when", clause.named)
        return
    yield from _who(body)
    clause = _clause(body, common)
    if clause is not None:
        yield from _definition(clause)
        yield from _facts(clause)


def _facts(clause: Clause) -> Iterator[Asked]:
    rest = clause.rest
    if (match := _OBJECT_COUNT.match(rest)) and clause.auxiliary not in BE:
        question = clause.ask(f"How many {match['noun']}", "", rest[match.end() :])
        yield Asked(question, match["answer"], "number", clause.named)
    if (match := _MONEY.match(rest)) and clause.auxiliary not in BE:
        yield Asked(clause.ask("How much", "", rest[match.end() :]), match["answer"], "money", clause.named)
    for match in _OFTEN.finditer(rest):
        yield from _around(clause, "How often", match, "number")
    for match in _PHRASE_COUNT.finditer(rest):
        before = rest[: match.start()]
        if match["prep"] != "to" or not re.search(rf"\b(?:from|up|due|according|equal)\b|{_NUM} $", before):
            yield from _around(clause, f"{match['prep'].capitalize()} how many {match['noun']}", match, "number")
    for pattern, start in _WHEN:
        for match in pattern.finditer(rest):
            yield from _around(clause, start, match, "when")
    for match in _AGENT.finditer(rest):
        whole = not clause.following or clause.following.startswith(", who")
        if whole and clause.auxiliary in BE and is_participle(rest.split()[0]):
            yield from _around(clause, "By whom", match, "who")
    for match in _PLACE.finditer(rest):
        words = rest[: match.start()].split()
        if words and words[-1] in PARTICIPLES_OF_PLACE and not re.search(r"\d|^the$", match["name"]):
            yield from _around(clause, "Where", match, "where")


def _around(clause: Clause, start: str, match: re.Match[str], kind: str) -> Iterator[Asked]:
    before, after = clause.rest[: match.start()], clause.rest[match.end() :]
    words = before.split()
    # "a market built in 1808": the fact belongs to the participle, not to the clause's verb.
    reduced = len(words) > 1 and is_participle(words[-1]) and not is_participle(words[-2])
    if not reduced and not re.search(r"\b(?:and|or|but|that|which|who|from|between|if|when|because)\b", before):
        yield Asked(clause.ask(start, before, after), match["answer"], kind, clause.named)


def _counted_subject(body: str) -> Iterator[Asked]:
    clause = re.split(r"[,;:] ", body, maxsplit=1)[0]
    share = _SHARE.match(clause)
    if share is not None and _has_verb(share["rest"]):
        yield Asked(f"What percentage of {_until_stop(share['rest'])}?", share["answer"], "number", named=True)
    match = _SUBJECT_COUNT.match(clause)
    if match is not None and _has_verb(match["rest"]):
        yield Asked(f"How many {_until_stop(match['rest'])}?", match["answer"], "number")


def _has_verb(words: str) -> bool:
    """Whether a plural subject is followed by a verb within few words."""
    known = {"live", "work", "speak", "use", "have", "need", "make", "belong", "play", "attend", "remain", *BE, *MODALS}
    return any(word in known or finite_forms().get(word, ("", ""))[1] == "did" for word in words.split()[1:6])


def _who(body: str) -> Iterator[Asked]:
    match = re.match(r"^(?P<answer>[A-Z][\w'’.-]+(?: [A-Z][\w'’.-]+){1,3}) (?P<verb>[a-z]+) (?P<rest>.+)$", body)
    if match is None or match["verb"] not in CREATED or match["answer"].split()[0].lower() in NO_SUBJECT_START:
        return
    if match["answer"].startswith(("The ", "A ", "An ")):
        return
    rest = _until_stop(re.split(r"[,;:]", match["rest"], maxsplit=1)[0])
    yield Asked(f"Who {match['verb']} {rest}?", match["answer"], "who", named=bool(re.search(r"[A-Z]", rest)))


def _definition(clause: Clause) -> Iterator[Asked]:
    if clause.auxiliary not in BE or len(clause.subject.split()) > 6:
        return
    rest = clause.rest
    value = _VALUE.match(rest) is not None
    if value and clause.auxiliary in ("is", "was") and clause.subject.startswith("the "):
        yield Asked(f"What {clause.auxiliary} {clause.subject}?", rest, "value", clause.named)
    elif _DEFINED.match(rest) and (clause.named or clause.subject.startswith(("the ", "a ", "an "))):
        if clause.following and not re.match(r",? ?(?:which|who|where|that)\b", clause.following):
            return
        who = clause.named and any(word.strip(",") in PERSON_NOUNS for word in rest.split()[:8])
        if len(rest.split()) >= 3:
            start = "Who" if who else "What"
            yield Asked(f"{start} {clause.auxiliary} {clause.subject}?", rest, "definition", clause.named)


def _clause(body: str, common: frozenset[str]) -> Clause | None:
    words = body.split()
    at = _verb_at(words)
    if at is None:
        return None
    subject = _subject(words[:at], common)
    if subject is None:
        return None
    rest, following = _main(" ".join(words[at + 1 :]))
    word = words[at]
    auxiliary, verb = _question_words(word, rest)
    rest = re.sub(r"^(?:also|now|currently|still|then) ", "", rest)
    return Clause(subject, auxiliary, verb, rest, _is_name(subject), following)


def _question_words(word: str, rest: str) -> tuple[str, str]:
    """What a question begins with for a finite verb, and the verb that stays behind its subject."""
    perfect = word in HAVE and bool(rest) and is_participle(rest.split(maxsplit=1)[0])
    if perfect or word in BE or word in MODALS:
        return word, ""
    if word in HAVE:
        return {"has": "does", "have": "do", "had": "did"}[word], "have"
    lemma, auxiliary = finite_forms()[word]
    return auxiliary, lemma


def _verb_at(words: list[str]) -> int | None:
    for at, word in enumerate(words[: _LONGEST_SUBJECT + 1]):
        if at and (word in BE or word in MODALS or word in HAVE):
            return at
        if at and word in finite_forms():
            return at if _finite(words, at) else None
        if word[-1] in ",;:" or (at and word.lower() in NOT_IN_SUBJECT):
            return None
    return None


def _finite(words: list[str], at: int) -> bool:
    """Whether a form of a verb is the clause's verb, and no participle behind a noun or noun of the same form."""
    word, before = words[at], words[at - 1].lower()
    if before in {"the", "a", "an", "of", "in", "for", "by", "to", "and", "with"} or before.endswith("'s"):
        return False
    if word.endswith("ed") or is_participle(word):
        later = re.split(r"[,;:]", " ".join(words[at + 1 :]), maxsplit=1)[0].split()
        if words[at + 1 : at + 2] in (["by"], ["in"], ["on"], ["from"], ["as"], ["with"]):
            return not any(one in BE or one in HAVE or one in MODALS or one in finite_forms() for one in later)
    return True


def _subject(words: list[str], common: frozenset[str]) -> str | None:
    kept = words[:-1] if words and words[-1] in ADVERBS else words
    if not kept or len(kept) > _LONGEST_SUBJECT or kept[0].lower() in NO_SUBJECT_START:
        return None
    if kept[0].endswith(("ly", "ing")) or re.match(r"The (?:most|least|latter|former|other|same)\b", " ".join(kept)):
        return None
    if any(word.lower().strip("()") in NOT_IN_SUBJECT or word[-1] in ",;:" for word in kept):
        return None
    first = kept[0]
    known = re.sub("['’]s?$", "", first.lower()) in common
    if first in _ARTICLES or (known and first[1:].islower() and (len(kept) == 1 or not kept[1][:1].isupper())):
        kept = [first.lower(), *kept[1:]]
    return " ".join(kept)


def _is_name(subject: str) -> bool:
    words = [word for word in subject.split() if word not in {"the", "of", "and", "de"}]
    return bool(words) and sum(word[0].isupper() or word[0].isdigit() for word in words) * 2 > len(words)


def _main(rest: str) -> tuple[str, str]:
    """What follows a verb, up to the end of the clause; and what follows that."""
    match = re.search(r"[,;:](?= )| [–—-] ", rest)
    return (rest, "") if match is None else (rest[: match.start()], rest[match.start() :])


def _until_stop(words: str) -> str:
    """Words up to the first that begins another clause."""
    kept: list[str] = []
    parts = words.split()
    for at, word in enumerate(parts):
        following = parts[at + 1] if at + 1 < len(parts) else ""
        if word in STOPS_AFTER and not (word == "and" and following[:1].isupper()):
            # "low-income and minority applicants": what is cut off there leaves no whole phrase.
            kept += [word] * (word in ("and", "or") and "-" in parts[at - 1])
            break
        kept.append(word)
    return " ".join(kept).rstrip(",;:")


def _without_asides(body: str) -> str:
    return " ".join(re.sub(r" ?\([^()]*\)", "", body).split())


def _good(asked: Asked) -> bool:
    words = asked.question.split()
    if _PRONOUN.search(asked.question) or _DANGLING.search(asked.question):
        return False
    return _SHORTEST - 2 <= len(words) <= _LONGEST_QUESTION and bool(asked.answer) and asked.question.count("?") == 1

"""Words that the English templates know: verbs with their forms, and words that no subject may hold."""

from __future__ import annotations

from functools import cache


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_REGULAR = """accept achieve acquire act add adopt affect allow answer apply appoint arrive assume attack attend attract
    average award ban become begin believe belong bring build buy call cause celebrate change choose claim close
    collect combine come compete complete compose conclude conduct connect conquer consider consist consume
    contain continue contribute control convert cost cover create declare decline defeat define deliver demolish
    depend describe design destroy determine develop die direct disconnect discover divide dominate drop earn
    elect employ enable enact encode end enter establish estimate exceed exist expand expire extend face fall
    feature fight find finish fit follow force form found gain generate get give go govern graduate grow happen
    hold host house identify imply import improve include increase inherit inspire install introduce invade
    invent invest invite involve join keep kill know lack land last launch lay lead learn leave lend lie limit
    live locate lose maintain make manage mark marry measure meet mount move name need observe obtain occupy
    occur open operate oppose organize orbit originate outnumber own paint pass pay perform play possess predict
    prefer prepare prevent produce prohibit promote propose protect provide publish purchase pursue reach read
    receive recognize recommend record reduce refer reject relate release remain remove rename renew replace
    represent require reside resign resist restore result retain retire return revise rise rule run say secure
    seek seem select sell send separate serve settle shift show sign sing sit sound span speak specify spend
    spread stand start stop store stretch strike study succeed suffer supply surround survive switch take teach
    tell test transfer transform translate transmit travel unite use vary visit want warm wear weigh widen win
    withdraw work write"""
_IRREGULAR = """become:became begin:began bring:brought build:built buy:bought choose:chose come:came cost:cost
    fall:fell
    fight:fought find:found get:got give:gave go:went grow:grew hold:held keep:kept know:knew lay:laid lead:led
    leave:left lend:lent lose:lost make:made meet:met pay:paid read:read rise:rose run:ran say:said seek:sought
    sell:sold send:sent show:showed sing:sang sit:sat speak:spoke spend:spent spread:spread stand:stood
    strike:struck take:took teach:taught tell:told wear:wore win:won withdraw:withdrew write:wrote think:thought
    break:broke draw:drew drive:drove fly:flew forget:forgot"""
# Forms that are nouns or adjectives more often than verbs.
_NOUNS = _set(
    """acts answers attacks awards bans calls causes changes claims closes controls costs covers ends estimates faces
    falls features fights finds forces forms gains holds hosts houses imports increases keeps lands lasts leads
    leaves limits lives marks measures moves names needs orbits plays records releases remains results returns
    rises rules runs shifts shows signs sounds spans stands starts stops stores studies supplies switches tests
    transfers uses visits wants wears works laid read estimates drops declines reads benefits found"""
)

BE = frozenset({"is", "are", "was", "were"})
MODALS = frozenset({"can", "could", "may", "might", "must", "shall", "should", "will", "would"})
HAVE = frozenset({"has", "have", "had"})

PARTICIPLES_OF_PLACE = _set(
    """founded located born held made built opened situated based established headquartered signed manufactured produced
     buried discovered formed created settled assembled designed launched invented published died"""
)
CREATED = _set(
    """founded invented wrote designed discovered directed composed painted created developed established introduced led
     proposed built published signed launched won defeated commanded built proved coined"""
)
PERSON_NOUNS = _set(
    """engineer physicist president author inventor king queen emperor leader general scientist mathematician composer
     singer actor actress writer poet philosopher politician lawyer economist chemist founder player professor
    minister
     artist painter architect astronomer biologist theologian priest monk explorer quarterback coach khan"""
)

NO_SUBJECT_START = _set(
    """it they he she we you i this these those that there here but and or so yet however therefore thus also then if
    when while although though because since as after before during despite in on at by for from with without of
    to under over between among within according unlike like what which who whom whose where why how not no none
    nor such other another both either neither its their his her our your my some many most several few more
    less much one's let please only even instead rather moreover furthermore finally additionally similarly
    likewise consequently subsequently meanwhile nevertheless nonetheless hence otherwise e.g. i.e. once until
    upon whether given using based note remember see read write send take use do don't never always often
    sometimes usually generally now today later early first second third next last former latter same something
    everything nothing anything someone everyone"""
)
NOT_IN_SUBJECT = _set(
    """that which who whom whose when where if because while although though since unless until but it they he she we
    you its their his her this these those him them us our your my not also however then than there where
    whereas such so as or said including after before during until"""
)
ADVERBS = _set("also only usually often still now currently typically generally originally initially just")
STOPS_AFTER = _set(
    """and but or which while who whom where so because although though whereas since than that making including
     giving leaving causing allowing leading being with"""
)


@cache
def finite_forms() -> dict[str, tuple[str, str]]:
    """Finite forms of the verbs: form → (lemma, the auxiliary that asks with it)."""
    past = dict(pair.split(":") for pair in _IRREGULAR.split())
    forms: dict[str, tuple[str, str]] = {}
    for lemma in sorted({*_REGULAR.split(), *past}):
        forms[_third_person(lemma)] = (lemma, "does")
        forms[past.get(lemma) or _past(lemma)] = (lemma, "did")
    return {form: value for form, value in forms.items() if form not in _NOUNS}


def is_participle(word: str) -> bool:
    """Whether a word may be a past participle: of a known verb, or by its ending."""
    return word.endswith("ed") or word in _PARTICIPLES or (word in finite_forms() and finite_forms()[word][1] == "did")


_PARTICIPLES = _set(
    """been become begun brought built bought chosen come cost fallen fought found gotten given gone grown held
    kept known
     laid led left lent lost made met paid read risen run said sought sold sent shown sung sat spoken spent
    spread stood
     struck taken taught told worn won withdrawn written thought broken drawn driven flown put set cut"""
)


def _third_person(lemma: str) -> str:
    if lemma.endswith(("s", "sh", "ch", "x", "z", "o")):
        return lemma + "es"
    return lemma[:-1] + "ies" if lemma.endswith("y") and lemma[-2] not in "aeiou" else lemma + "s"


_DOUBLED = _set("ban drop fit refer occur transmit transfer stop prefer")


def _past(lemma: str) -> str:
    if lemma.endswith("e"):
        return lemma + "d"
    if lemma in _DOUBLED:
        return lemma + lemma[-1] + "ed"
    return lemma[:-1] + "ied" if lemma.endswith("y") and lemma[-2] not in "aeiou" else lemma + "ed"

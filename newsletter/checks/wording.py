"""The words of an issue, against the vocabularies of `[checks]`: a check of wording, not legal advice.

The vocabulary `health` follows the ASA and CAP on massage (rules 12.1 and 12.2) and the FTC's Health Products
Compliance Guidance of 2022. A claim that is denied or asked about is none.
"""

import re
from collections.abc import Iterator, Sequence

from newsletter.checks.page import Page, Seen, Sightings, folded
from newsletter.checks.rules import Rule, error, warning

ASA = "www.asa.org.uk/advice-online/therapies-massage-and-body-work.html"
FTC = "FTC, Health Products Compliance Guidance (2022)"
_SAY_LESS = "say what people may feel, and for how long"

CURE = error(
    "claim-of-cure",
    "claim.cure",
    "something cures, heals, eliminates, reverses, fixes or gets rid of pain or a condition",
    "no evidence bears it, and the advertising codes forbid it",
    _SAY_LESS,
    ASA,
)
GUARANTEE = error(
    "claim-of-guarantee",
    "claim.guarantee",
    '"guaranteed relief", "100 % effective", "works for everyone" or the like',
    "nothing works for everyone",
    _SAY_LESS,
    FTC,
)
PERMANENT = error(
    "claim-of-permanence",
    "claim.permanent",
    '"never have back pain again", "pain-free in 7 days", "for good" or the like',
    "nobody can promise it",
    _SAY_LESS,
    FTC,
)
MIRACLE = error(
    "claim-of-miracle",
    "claim.miracle",
    '"miracle", "doctors don\'t want you to know" or the like',
    "it is the language of quacks",
    "leave it out",
    FTC,
)
PROVEN = error(
    "claim-of-proof",
    "claim.proven",
    '"clinically proven", "scientifically proven" or the like',
    "it claims trials that bear it",
    "name the study, link it, and say how certain it is",
    FTC,
)
SAFE = error(
    "claim-of-safety",
    "claim.safe",
    '"no side effects", "completely safe" or the like',
    "everything that works may do harm to somebody",
    "say who should ask a doctor first",
    FTC,
)
REPLACE_CARE = error(
    "claim-against-care",
    "claim.replace_care",
    '"instead of surgery", "stop taking painkillers", "skip the doctor" or the like',
    "somebody may do it",
    "send people to a doctor or physiotherapist",
    ASA,
)
TREAT = warning(
    "claim-of-treatment",
    "claim.treat_condition",
    "something treats or diagnoses fibromyalgia, sciatica, arthritis, depression or the like",
    "only a qualified health professional may offer it",
    _SAY_LESS,
    ASA,
)
DETOX = warning(
    "claim-of-detox",
    "claim.detox",
    "something flushes toxins, boosts immunity or realigns the spine",
    "there is no such effect",
    "leave it out",
    ASA,
)
UNHEDGED = warning(
    "claim-unhedged",
    "claim.unhedged",
    "something relieves, eases or reduces pain, without may, might, some people or the like",
    "it reads as a promise",
    _SAY_LESS,
    ASA,
)
NO_LINK = warning(
    "evidence-without-link",
    "claim.evidence_nolink",
    '"studies show" or the like has no link in the same sentence',
    "nobody can look it up",
    "link the study",
    FTC,
)
READERS_CONDITION = warning(
    "condition-of-reader",
    "privacy.you_condition",
    '"because you have chronic pain" or the like',
    "it tells whoever looks over a shoulder about somebody's health",
    "write it so that it holds for anybody",
    "GDPR Art. 9",
)
NO_DISCLAIMER = warning(
    "health-disclaimer-missing",
    "health.disclaimer",
    "no sentence says that this is no medical advice, in both parts",
    "somebody may take general words for advice on their own case",
    'write "General information, not medical advice."',
)
NO_RED_FLAGS = warning(
    "red-flags-missing",
    "health.redflags",
    "a mail on massage, exercise or a technique does not say when to get help",
    "now and then an ache is an emergency",
    "link to a page such as www.nhs.uk/conditions/back-pain/ and say when to call",
    "NICE NG59; www.nhs.uk/conditions/back-pain/",
)

_ACHE = (
    r"(?:back|neck|chronic|your|the|all|any|lower|joint|muscle|shoulder)?\s*"
    r"(?:\w+\s+)?(?:pain|aches?|backache|sciatica|discs?|arthritis|scoliosis|migraines?|injur(?:y|ies))"
)
_PART = r"(?:your|a (?:bad|sore|stiff))\s+(?:\w+\s+)?(?:back|neck|shoulders?|spine)"
_PATTERNS: tuple[tuple[Rule, str], ...] = (
    (CURE, rf"\b(?:cures?|heals?|eliminates?|reverses?|gets? rid of|fix(?:es)?)\s+(?:{_ACHE}|{_PART})\b"),
    (
        GUARANTEE,
        (
            r"\bguaranteed?\s+(?:relief|results?|to)\b|\b100 ?(?:%|percent)\s+(?:effective|success)"
            r"|\bworks for every(?:one|body)\b"
        ),
    ),
    (
        PERMANENT,
        (
            r"\bnever\b.{0,25}\b(?:pain|ache)s?\b.{0,10}\bagain\b|\bpain[- ]free (?:in|within) \w+"
            r"|\b(?:pain|aches?)\b.{0,25}\b(?:forever|for good|permanently)\b"
        ),
    ),
    (MIRACLE, r"\bmiracles?\b|\bmiraculous|\bdoctors (?:don[’']t|do not) want you to know"),
    (PROVEN, r"\b(?:clinically|scientifically|medically) prove[nd]\b"),
    (SAFE, r"\bno side[- ]effects\b|\b(?:completely|totally|100 ?%|perfectly) safe\b|\brisk[- ]free\b"),
    (
        REPLACE_CARE,
        (
            r"\binstead of (?:surgery|an operation|medicines?|painkillers|seeing a doctor)\b"
            r"|\bstop taking (?:your )?(?:painkillers|medicines?|tablets|medication)\b"
            r"|\b(?:skip|forget) (?:the|your) (?:doctor|gp|physio\w*)\b"
        ),
    ),
    (
        TREAT,
        (
            r"\b(?:treat|diagnose)(?:s|ing)?\s+(?:\w+\s+)?(?:fibromyalgia|sciatica|arthritis|depression|scoliosis"
            r"|migraines?|insomnia|anxiety)\b"
        ),
    ),
    (
        DETOX,
        (
            r"\b(?:flush(?:es)?|remove|release)s?\s+(?:\w+\s+)?toxins\b|\bdetox\w*"
            r"|\bboosts?\s+(?:your\s+|the\s+)?immun\w+|\brealigns?\s+(?:your|the)\s+spine\b"
        ),
    ),
    (UNHEDGED, rf"\b(?:relieves?|eases?|reduces?|soothes?)\s+{_ACHE}\b"),
    (NO_LINK, r"\b(?:studies|research|trials?|science)\s+(?:have\s+|has\s+)?(?:show|prove|found|confirm)\w*"),
    (
        READERS_CONDITION,
        (
            r"\b(?:because|since|as|now that) you (?:have|suffer from)\s+(?:\w+\s+){0,2}"
            r"(?:pain|arthritis|sciatica|fibromyalgia|depression|backache)\b"
        ),
    ),
)
_COMPILED = tuple((rule, re.compile(pattern, re.IGNORECASE)) for rule, pattern in _PATTERNS)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n{2,}")
_DENIED = re.compile(
    r"\b(?:no|not|nobody|nothing|never|cannot|can[’']t|don[’']t|doesn[’']t|without|neither|rarely)\b",
    re.IGNORECASE,
)
_NEGATION_WINDOW = 45
_HEDGE = re.compile(
    r"\b(?:may|might|could|can help|some people|some|sometimes|short[- ]term|for a (?:time|while)|uncertain"
    r"|perhaps|often|tends?)\b",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://")
_DISCLAIMER = re.compile(r"\b(?:not|no) (?:a substitute for )?medical advice\b", re.IGNORECASE)
_TECHNIQUE = re.compile(r"\b(?:massage|exercises?|stretch(?:es|ing)?|technique)\b", re.IGNORECASE)
_RED_FLAGS = re.compile(
    r"\bwhen to get help\b|\bcall (?:999|911|112)\b|\bA&E\b|\bemergency (?:number|department|services)\b",
    re.IGNORECASE,
)


def check_wording(page: Page, vocabularies: Sequence[str]) -> Sightings:
    """Check the sentences of an issue against the vocabularies that the letter names."""
    if "health" in vocabularies:
        yield from _check_claims(page)
        yield from _check_notes(page)


def _check_claims(page: Page) -> Sightings:
    seen: set[tuple[str, str]] = set()
    for sentence in _sentences(page):
        if sentence.rstrip().endswith("?"):
            continue
        for rule, pattern in _COMPILED:
            found = pattern.search(sentence)
            if found is None or (rule.name, found.group()) in seen:
                continue
            before = sentence[max(0, found.start() - _NEGATION_WINDOW) : found.start()]
            is_denied = rule is not READERS_CONDITION and _DENIED.search(before) is not None
            is_hedged = rule is UNHEDGED and _HEDGE.search(sentence) is not None
            is_linked = rule is NO_LINK and _LINK.search(sentence) is not None
            if not (is_denied or is_hedged or is_linked):
                seen.add((rule.name, found.group()))
                yield Seen(rule, f"it says {found.group()!r}", about=found.group())


def _check_notes(page: Page) -> Sightings:
    parts = (folded(page.plain_text), page.visible)
    if not all(_DISCLAIMER.search(part) for part in parts):
        yield Seen(NO_DISCLAIMER, "no sentence says that this is no medical advice")
    if _TECHNIQUE.search(parts[0]) and not _RED_FLAGS.search(parts[0]):
        yield Seen(NO_RED_FLAGS, "nothing says when to get help")


def _sentences(page: Page) -> Iterator[str]:
    yield page.revision.subject_line
    yield page.revision.preheader
    for image in page.tree.css("img[alt]"):
        yield image.attributes.get("alt") or ""
    for sentence in _SENTENCE.split(page.plain_text):
        yield folded(sentence)

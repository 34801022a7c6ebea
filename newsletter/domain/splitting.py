"""Draft a series from the sections of articles: which sections make an issue, and how it could be called."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from newsletter.domain.article import INTRODUCTION, Article, Section, reading_minutes
from newsletter.domain.blocks import Block, Paragraph, Question, walk
from newsletter.domain.cadence import Cadence
from newsletter.domain.letter import Letter
from newsletter.domain.pieces import plain, split
from newsletter.domain.series import Issue, SectionRef, Series
from newsletter.domain.slugs import is_slug, offer, slugify, words_of
from newsletter.errors import Place, Refused

SUBJECT_LENGTH = 60
#: What inboxes show of a preheader; a shorter one lets them go on with whatever stands first in the mail.
PREHEADER_LENGTHS = (40, 150)
HOLD_IF_LATE_BY = timedelta(hours=6)

_LINK = re.compile(r" ?<[^<>\s]+>")
_SENTENCE = re.compile(r".+?(?:[.!?…]+[\"'”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9À-Þ])|$)")


@dataclass(frozen=True)
class IssueLength:
    """How long an issue is to read."""

    issue: str
    words: int
    minutes: int


def draft_series(
    articles: Sequence[Article],
    *,
    slug: str,
    names: Sequence[str] | None,
    cadence: Cadence,
    sender: str,
    reply_to: str,
    file: str = "",
) -> Series:
    """Draft one issue for each name, or for each top-level section where no names are given.

    An article's introduction goes in front of the first issue that draws on it; sections that no issue uses
    are left out by name. Raises Refused for a name that fits no section or several, and lists the candidates.
    """
    picked = _picked_by_names(articles, names) if names is not None else _all_sections(articles)
    place = Place(file or f"content/series/{slug}.toml")
    titles = {article.slug: article.title for article in articles}
    issues = tuple(_issue(name, section, titles[section.article], place) for name, section in picked)
    series = Series(
        slug=slug,
        title=articles[0].title,
        sender=sender,
        reply_to=reply_to,
        cadence=cadence,
        hold_if_late_by=HOLD_IF_LATE_BY,
        issues=_with_introductions(issues, articles),
        leave_out=(),
        place=place,
    )
    return leave_out_unplaced(series, articles)


def leave_out_unplaced(series: Series, articles: Sequence[Article]) -> Series:
    """Name every section that no issue uses in `leave_out`, and no other."""
    bare = replace(series, leave_out=())
    unplaced = Letter({article.slug: article for article in articles}, {}).unplaced(bare)
    return replace(series, leave_out=tuple(SectionRef(section.article, section.id) for section in unplaced))


def issue_lengths(series: Series, articles: Sequence[Article]) -> tuple[IssueLength, ...]:
    """Measure every issue of a drafted series."""
    letter = Letter({article.slug: article for article in articles}, {})
    lengths = []
    for issue in series.issues:
        sections = [section for ref in issue.sections if (section := letter.section(ref)) is not None]
        words = sum(section.words for section in sections)
        lengths.append(IssueLength(issue.id, words, reading_minutes(words)))
    return tuple(lengths)


def match_section(articles: Sequence[Article], name: str) -> Section:
    """Find the section whose id is the name, or else the one whose heading holds all its words.

    Raises Refused where none or several do, listing them.
    """
    sections = [section for article in articles for section in article.walk()]
    exact = [section for section in sections if section.id == name]
    found = exact or [
        section for section in sections if section.heading and words_of(name) <= _words(section)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        which = ", ".join(f"{section.id!r} ({_said(section.title)})" for section in found)
        raise Refused(f"{name!r} fits several sections: {which}", mend="write the id of the one you mean")
    articles_named = " and ".join(repr(article.slug) for article in articles)
    raise Refused(f"no section of {articles_named} fits {name!r}", mend=_offer_near(name, sections))


def _offer_near(name: str, sections: Sequence[Section]) -> str:
    sharing = [
        section.id for section in sections if words_of(name) & (_words(section) | words_of(section.id))
    ]
    if sharing:
        return "near it are " + ", ".join(sharing[:8])
    return offer(name, [section.id for section in sections])


def _words(section: Section) -> frozenset[str]:
    return words_of(_said(section.title))


def _picked_by_names(articles: Sequence[Article], names: Sequence[str]) -> list[tuple[str, Section]]:
    if not names:
        raise Refused("no issue is named", mend="name one or more sections, or leave the names away")
    picked: list[tuple[str, Section]] = []
    holders: dict[str, str] = {}
    for name in (slugify(written, fallback="") for written in names):
        if not is_slug(name):
            raise Refused("one of the names is empty", mend='write them as "lower-back,neck"')
        section = match_section(articles, name)
        for inner in section.walk():
            if inner.key in holders:
                raise Refused(f"{holders[inner.key]!r} and {name!r} both take the section {inner.id!r}")
            holders[inner.key] = name
        picked.append((name, section))
    return picked


def _all_sections(articles: Sequence[Article]) -> list[tuple[str, Section]]:
    sections = [section for article in articles for section in article.sections]
    if not sections:
        raise Refused(f"the article {articles[0].slug!r} has no text to split", place=articles[0].place)
    headed = [section for section in sections if section.heading is not None]
    if not headed:
        return [(section.article, section) for section in sections]
    uses = Counter(section.id for section in headed)
    return [
        (section.id if uses[section.id] == 1 else f"{section.article}-{section.id}", section)
        for section in headed
    ]


def _with_introductions(issues: Sequence[Issue], articles: Sequence[Article]) -> tuple[Issue, ...]:
    opened = list(issues)
    for article in articles:
        introduction = SectionRef(article.slug, INTRODUCTION)
        first = article.sections[0] if article.sections else None
        if first is None or first.heading is not None or not first.words:
            continue
        if any(introduction in issue.sections for issue in opened):
            continue
        at = next((n for n, one in enumerate(opened) if one.sections[0].article == article.slug), None)
        if at is not None:
            opened[at] = replace(opened[at], sections=(introduction, *opened[at].sections))
    return tuple(opened)


def _issue(name: str, section: Section, title: str, place: Place) -> Issue:
    return Issue(
        id=name,
        subject=cut(_said(section.title if section.heading else title), SUBJECT_LENGTH),
        preheader=_preheader(section),
        sections=(SectionRef(section.article, section.id),),
        place=place,
    )


def _preheader(section: Section) -> str:
    shortest, longest = PREHEADER_LENGTHS
    taken = ""
    for sentence in _sentences(section):
        if len(taken) >= shortest:
            break
        taken = f"{taken} {sentence}".strip()
    return cut(taken, longest)


def _sentences(section: Section) -> Iterator[str]:
    for paragraph in _paragraphs(section.as_blocks()):
        yield from (sentence.strip() for sentence in _SENTENCE.findall(_said(paragraph.content.text)))


def _paragraphs(blocks: tuple[Block, ...]) -> list[Paragraph]:
    """List the running text; where there is none, what stands in lists, quotes and boxes."""
    running = [block for block in _running(blocks) if isinstance(block, Paragraph)]
    return running or [block for block in walk(blocks) if isinstance(block, Paragraph)]


def _running(blocks: tuple[Block, ...]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Question):
            yield from _running(block.blocks)


def _said(text: str) -> str:
    """Read a text as a person hears it: no targets of links, fields by their fallback, one line."""
    return " ".join(_LINK.sub("", plain(split(text))).split())


def cut(text: str, length: int) -> str:
    """Shorten a text at a word, with an ellipsis that counts."""
    if len(text) <= length:
        return text
    room = text[:length]
    at_word = room.rpartition(" ")[0] or room[: length - 1]
    return at_word.rstrip(" ,;:–—-") + "…"

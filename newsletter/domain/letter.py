"""A letter as its files describe it, and what one issue of it is composed of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from newsletter.domain.article import Article, Section
from newsletter.domain.blocks import Block
from newsletter.domain.series import Issue, SectionRef, Series
from newsletter.domain.slugs import offer
from newsletter.errors import Refused, UnknownTarget

_RIGHT_TO_LEFT = {"ar", "ckb", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"}


@dataclass(frozen=True)
class Publication:
    """What every mail of a letter says about its sender."""

    name: str
    public_url: str
    postal_address: str
    language: str = "en"

    @property
    def direction(self) -> str:
        """Return `rtl` where the language is written from the right, otherwise `ltr`."""
        return "rtl" if self.language.split("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"


@dataclass(frozen=True)
class Letter:
    """One publication's articles and series, by slug."""

    articles: Mapping[str, Article]
    series: Mapping[str, Series]

    def section(self, ref: SectionRef) -> Section | None:
        """Find the section that a series names."""
        article = self.articles.get(ref.article)
        return article.section(ref.section) if article else None

    def choose_series(self, name: str | None) -> str:
        """Return the series that is meant: the one named, or the only one there is."""
        if name is None and len(self.series) == 1:
            return next(iter(self.series))
        if name is None:
            raise Refused("there are several series", mend=f"add --series {' or '.join(self.series)}")
        if name not in self.series:
            raise UnknownTarget(f"no series is called {name!r}", mend=offer(name, self.series))
        return name

    def unplaced(self, series: Series) -> list[Section]:
        """List the sections of the articles a series draws on that neither an issue nor `leave_out` names.

        Naming a section places the deeper ones in it.
        """
        refs = [ref for issue in series.issues for ref in issue.sections] + list(series.leave_out)
        placed = {
            inner.key
            for ref in refs
            if (section := self.section(ref)) is not None
            for inner in section.walk()
        }
        slugs = dict.fromkeys(ref.article for ref in refs)
        articles = [self.articles[slug] for slug in slugs if slug in self.articles]
        return [top for article in articles for top in _unplaced_within(article.sections, placed)]


@dataclass(frozen=True)
class Target:
    """A series, or one of its issues."""

    series: str
    issue: str | None = None

    def __str__(self) -> str:
        return f"{self.series}/{self.issue}" if self.issue else self.series


def find_target(name: str, issues_by_series: Mapping[str, Iterable[str]]) -> Target:
    """Resolve TARGET of the command line: `series`, `series/issue`, or an issue's name where it is unique.

    Raises UnknownTarget, which offers both where a bare name fits several.
    """
    known = {series: tuple(issues) for series, issues in issues_by_series.items()}
    series, slash, issue = name.partition("/")
    if not slash and series in known:
        return Target(series)
    if slash and issue in known.get(series, ()):
        return Target(series, issue)
    holders = [slug for slug, issues in known.items() if not slash and name in issues]
    if len(holders) == 1:
        return Target(holders[0], name)
    if holders:
        offers = " or ".join(f"{slug}/{name}" for slug in holders)
        raise UnknownTarget(f"{name!r} is an issue of several series", mend=f"write {offers}")
    names = [*known, *(f"{slug}/{one}" for slug, issues in known.items() for one in issues)]
    raise UnknownTarget(f"no series or issue is called {name!r}", mend=offer(name, names))


@dataclass(frozen=True)
class Composition:
    """Everything that the templates need for one issue; `position` counts from 1."""

    publication: Publication
    series: Series
    issue: Issue
    position: int
    blocks: tuple[tuple[Block, ...], ...]
    next_issue: Issue | None

    @property
    def total(self) -> int:
        return len(self.series.issues)


def compose(letter: Letter, publication: Publication, series: Series, issue: Issue) -> Composition:
    """Gather the blocks of an issue, one tuple a section, and its neighbours.

    Raises UnknownTarget for a section that does not exist, naming the section and the issue.
    """
    position = series.issues.index(issue) + 1
    following = series.issues[position] if position < len(series.issues) else None
    blocks = tuple(_section(letter, ref, issue).as_blocks() for ref in issue.sections)
    return Composition(publication, series, issue, position, blocks, following)


def _section(letter: Letter, ref: SectionRef, issue: Issue) -> Section:
    section = letter.section(ref)
    if section is None:
        raise UnknownTarget(
            f"issue {issue.id!r} uses the section {str(ref)!r}, which does not exist",
            place=issue.place,
            mend=offer(str(ref), [s.key for article in letter.articles.values() for s in article.walk()]),
        )
    return section


def _unplaced_within(sections: Iterable[Section], placed: set[str]) -> list[Section]:
    # A section whose deeper ones are all named is placed when nothing stands above the first of them.
    found: list[Section] = []
    for section in sections:
        if section.key in placed:
            continue
        missing = _unplaced_within(section.sections, placed)
        if section.blocks or not section.sections or len(missing) == len(section.sections):
            found.append(section)
        else:
            found.extend(missing)
    return found

"""Split an article into a series file; nothing is written before it has been shown. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from difflib import unified_diff
from pathlib import Path

from newsletter.content.articles import parse_article
from newsletter.content.letters import (
    article_file,
    articles_in,
    name_in,
    read_text,
    series_file,
    write_texts,
)
from newsletter.content.pinning import pin_ids
from newsletter.content.series_files import parse_series, write_series
from newsletter.domain.article import Article
from newsletter.domain.cadence import Cadence, next_start
from newsletter.domain.series import SectionRef, Series
from newsletter.domain.slugs import is_slug, offer, slugify
from newsletter.domain.splitting import IssueLength, draft_series, issue_lengths
from newsletter.errors import LetterError, Refused, UnknownTarget


@dataclass(frozen=True)
class Planned:
    """A file as a draft would leave it; `before` is its text now, None where it does not exist."""

    path: Path
    text: str
    before: str | None

    @property
    def is_unchanged(self) -> bool:
        return self.before is not None and _same(self.before, self.text)


@dataclass(frozen=True)
class Draft:
    """What a split would write.

    `difference` is a unified diff where the series file exists already and says something else: show it and
    ask. `left_out` are the sections that no issue uses; `pinned` the headings that get an id.
    """

    series: Series
    series_file: Planned
    article_file: Planned
    lengths: tuple[IssueLength, ...]
    left_out: tuple[SectionRef, ...]
    pinned: tuple[str, ...]
    difference: str

    @property
    def unchanged(self) -> bool:
        return self.series_file.is_unchanged and self.article_file.is_unchanged


@dataclass(frozen=True)
class Splitting:
    """Draft a series from an article of a letter, and write it once an editor agrees."""

    root: Path

    def draft(
        self,
        article_slug: str,
        names: Sequence[str] | None = None,
        *,
        now: datetime,
        sender: str,
        reply_to: str = "",
        series_slug: str | None = None,
        weekday: int = 1,
        wall_time: time = time(9),
        zone: str = "Europe/London",
    ) -> Draft:
        """Draft one issue for each name, or for each section; a series file that exists keeps its settings.

        Raises UnknownTarget for no such article, LetterError for one that cannot be read, Refused for names
        that fit no section or several.
        """
        slug = series_slug or article_slug
        if not is_slug(slug):
            mend = f"write {slugify(slug, fallback='series')!r}"
            raise Refused(f"the name {slug!r} cannot be used for a series", mend=mend)
        text, article = self._article(article_slug)
        cadence = Cadence(weekday, wall_time, zone, next_start(weekday, wall_time, zone, now))
        series = draft_series(
            [article], slug=slug, names=names, cadence=cadence, sender=sender, reply_to=reply_to
        )
        return self._planned(series, article, text)

    def write(self, draft: Draft) -> None:
        """Write both files of a draft, whole or not at all; what is unchanged is left alone.

        Raises Refused where a file was edited after the draft was made.
        """
        for planned in (draft.series_file, draft.article_file):
            now = read_text(self.root, planned.path) if planned.path.exists() else None
            if now != planned.before:
                name = name_in(self.root, planned.path)
                raise Refused(f"{name} was edited in the meantime", mend="split once more")
        changed = [one for one in (draft.series_file, draft.article_file) if not one.is_unchanged]
        write_texts(self.root, {one.path: one.text for one in changed})

    def _article(self, slug: str) -> tuple[str, Article]:
        path = article_file(self.root, slug)
        if not is_slug(slug) or not path.is_file():
            raise UnknownTarget(f"no article is called {slug!r}", mend=offer(slug, articles_in(self.root)))
        text = read_text(self.root, path)
        return text, parse_article(text, slug=slug, file=name_in(self.root, path))

    def _planned(self, drafted: Series, article: Article, text: str) -> Draft:
        path = series_file(self.root, drafted.slug)
        before = read_text(self.root, path) if path.exists() else None
        series = self._with_settings(drafted, path, before)
        planned = Planned(path, write_series(series), before)
        return Draft(
            series=series,
            series_file=planned,
            article_file=Planned(article_file(self.root, article.slug), pin_ids(text, article), text),
            lengths=issue_lengths(series, [article]),
            left_out=series.leave_out,
            pinned=tuple(one.id for one in article.walk() if one.heading and not one.pinned),
            difference=_difference(planned, name_in(self.root, path)),
        )

    def _with_settings(self, drafted: Series, path: Path, before: str | None) -> Series:
        if before is None:
            return drafted
        try:
            existing = parse_series(before, slug=drafted.slug, file=name_in(self.root, path))
        except LetterError:
            # A file that cannot be read has no settings to keep; the difference shows what it loses.
            return drafted
        return replace(existing, issues=drafted.issues, leave_out=drafted.leave_out)


def _difference(planned: Planned, name: str) -> str:
    if planned.before is None or planned.is_unchanged:
        return ""
    lines = unified_diff(_lines(planned.before), _lines(planned.text), f"{name} (now)", f"{name} (split)")
    return "".join(lines)


def _same(one: str, other: str) -> bool:
    return _lines(one) == _lines(other)


def _lines(text: str) -> list[str]:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return [f"{line}\n" for line in (lines[:-1] if lines[-1] == "" else lines)]

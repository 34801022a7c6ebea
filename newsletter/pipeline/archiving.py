"""Show issues that were sent to people who did not get them. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from html import escape

from sqlalchemy import Connection

from newsletter.domain.archive import (
    Link,
    Listing,
    Published,
    relabelled,
    with_links,
    with_reason,
    without_link,
)
from newsletter.domain.letter import Publication
from newsletter.domain.pieces import fill
from newsletter.domain.series import AppliedSeries, Archive
from newsletter.domain.tokens import Grant, Purpose, TokenKeys
from newsletter.store import published, revisions, series
from newsletter.store.database import Database

#: The subscriber of a link that is nobody's own.
NOBODY = 0
_SUBSCRIBE = "Subscribe"
_REASON = "{} comes by email. This issue is shown as it was sent."
#: Where the links to what somebody gets, and to the page itself, lead in an issue that is made out to nobody;
#: they are taken away.
_NOBODYS = "#nobody"


@dataclass(frozen=True)
class Archiving:
    """List and show issues that were sent; a rehearsal is none."""

    database: Database
    keys: TokenKeys
    publication: Publication

    def listing(self, slug: str) -> Listing | None:
        """List the issues of a series that has a public archive."""
        with self.database.reading() as tx:
            of = _public(tx, slug)
            return self._listing(tx, of) if of else None

    def page(self, slug: str, issue: str) -> str | None:
        """Show an issue of a public archive, made out to nobody."""
        with self.database.reading() as tx:
            of = _public(tx, slug)
            every = published.of_series(tx, of.id) if of else []
            found = next((one for one in every if one.slug == issue), None)
            if of is None or found is None:
                return None
            base = f"{self.publication.public_url}/a/{of.slug}"
            html = self._generic(tx, of, found)
        near = [one for one in every if abs(every.index(one) - every.index(found)) == 1]
        links = [Link(base, of.title), *(Link(f"{base}/{one.slug}", one.title) for one in near)]
        return with_links(html, "Read on", [*links, Link(self._subscribe(of), _SUBSCRIBE)])

    def shared(self, grant: Grant) -> str | None:
        """Show the issue of a link that is nobody's own, with the parts before it."""
        with self.database.reading() as tx:
            of = next((one for one in series.every(tx) if one.id == grant.series_id), None)
            every = published.of_series(tx, of.id) if of else []
            found = next((one for one in every if one.issue_id == grant.issue_id), None)
            if of is None or found is None:
                return None
            html = self._generic(tx, of, found)
        return self._with_earlier(html, grant, every)

    def with_earlier(self, html: str, grant: Grant) -> str:
        """Link the earlier parts of a series under an issue, for those who joined late."""
        with self.database.reading() as tx:
            every = published.of_series(tx, grant.series_id)
        return self._with_earlier(html, grant, every)

    def _with_earlier(self, html: str, grant: Grant, every: Sequence[Published]) -> str:
        this = next((one.position for one in every if one.issue_id == grant.issue_id), 0)
        before = [one for one in every if one.position < this]
        return with_links(html, "Earlier parts", [self._link(grant.series_id, one) for one in before])

    def _link(self, series_id: int, one: Published) -> Link:
        token = self.keys.sign(Purpose.VIEW, Grant(series_id, NOBODY, one.issue_id))
        return Link(f"{self.publication.public_url}/w/{token}", one.title)

    def _generic(self, tx: Connection, of: AppliedSeries, one: Published) -> str:
        way_in = self._subscribe(of)
        values = {"unsubscribe_url": way_in, "view_url": _NOBODYS, "preferences_url": _NOBODYS}
        html = fill(revisions.get(tx, one.revision).html, values, escape)
        html = with_reason(html, _REASON.format(of.title))
        return without_link(relabelled(html, way_in, _SUBSCRIBE), _NOBODYS)

    def _subscribe(self, of: AppliedSeries) -> str:
        return f"{self.publication.public_url}/subscribe/{of.slug}"

    def _listing(self, tx: Connection, of: AppliedSeries) -> Listing:
        return Listing(
            id=of.id,
            slug=of.slug,
            title=of.title,
            letter_name=self.publication.name,
            language=self.publication.language,
            base=self.publication.public_url,
            zone=of.cadence.zone,
            since=datetime.combine(of.cadence.starts, time(), UTC),
            issues=tuple(published.of_series(tx, of.id)),
        )


def _public(tx: Connection, slug: str) -> AppliedSeries | None:
    of = series.find(tx, slug)
    return of if of is not None and of.archive is Archive.PUBLIC else None

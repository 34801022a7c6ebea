"""The clicks that a provider's own tracking reported, with what tells a program from a person."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import BindParameter, Connection, Integer, and_, bindparam, func, select

from newsletter.domain.clicks import Hit
from newsletter.domain.pieces import Field
from newsletter.domain.release import REAL
from newsletter.domain.revision import load
from newsletter.store.tables import IS_CLICK, batch, delivery, provider_event, revision

_issues: BindParameter[Sequence[int]] = bindparam("issues", expanding=True)
_releases: BindParameter[Sequence[int]] = bindparam("releases", expanding=True)
# What was kept before the provider's instant was is as old as it came.
_at = func.coalesce(provider_event.c.at, provider_event.c.received_at)
_HITS = (
    select(
        delivery.c.issue_id, delivery.c.subscriber_id, _at.label("at"), delivery.c.delivered_at,
        provider_event.c.link, provider_event.c.visitor, provider_event.c.by_program, batch.c.revision,
    )
    .join(batch, batch.c.id == provider_event.c.batch_id)
    .join(
        delivery,
        and_(delivery.c.batch_id == provider_event.c.batch_id, delivery.c.pos == provider_event.c.pos),
    )
    .where(
        IS_CLICK,
        batch.c.release_id.in_(_releases),
        delivery.c.issue_id.in_(_issues),
        delivery.c.occasion == bindparam("occasion", REAL, type_=Integer),
    )
)  # fmt: skip
_LINKS = select(revision.c.hash, revision.c.links, revision.c.html).where(revision.c.issue_id.in_(_issues))


def of_issues(tx: Connection, issues: Sequence[int], releases: Sequence[int]) -> Mapping[int, list[Hit]]:
    """List the clicks on each issue that went out in releases; rehearsals are none."""
    rows = tx.execute(_LINKS, {"issues": list(issues)})
    links = {hash_: _tracked(urls, html) for hash_, urls, html in rows}
    found: defaultdict[int, list[Hit]] = defaultdict(list)
    for row in tx.execute(_HITS, {"issues": list(issues), "releases": list(releases)}):
        issue_id, who, at, delivered_at, link, visitor, by_program, hash_ = row
        known = links.get(hash_, 0)
        found[issue_id].append(Hit(who, at, delivered_at, link, visitor, by_program, known))
    return found


def _tracked(urls: Sequence[str], html: str) -> int:
    """Count the links that a provider tracks: those of the footer are fields, and each person's own."""
    own = {piece.name for piece in load(html) if isinstance(piece, Field) and piece.name.endswith("_url")}
    return len(own) + sum(url.startswith(("https:", "http:")) for url in urls)

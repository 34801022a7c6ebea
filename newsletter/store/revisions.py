"""Revisions and the pictures frozen with them."""

from sqlalchemy import Connection, bindparam, insert, select

from newsletter.domain.revision import Media, Revision, dump, load
from newsletter.errors import Refused
from newsletter.store.database import insert_new
from newsletter.store.tables import issue, media, revision

_GET = select(
    revision.c.source_hash, revision.c.sender, revision.c.reply_to, revision.c.subject,
    revision.c.preheader, revision.c.html, revision.c.text, revision.c.links,
).where(revision.c.hash == bindparam("hash"))  # fmt: skip
_SENDER = (
    select(revision.c.sender, revision.c.reply_to)
    .join(issue, issue.c.id == revision.c.issue_id)
    .where(issue.c.series_id == bindparam("series_id"))
    .order_by(issue.c.position.desc())
    .limit(1)
)
_MEDIA = select(media.c.name, media.c.content_type, media.c.data).where(media.c.name == bindparam("name"))


def add(tx: Connection, issue_id: int, new: Revision) -> None:
    """Keep a revision; one with the same content is kept once."""
    row = {
        "hash": new.hash,
        "issue_id": issue_id,
        "source_hash": new.source_hash,
        "sender": new.sender,
        "reply_to": new.reply_to,
        "subject": dump(new.subject),
        "preheader": new.preheader,
        "html": dump(new.html),
        "text": dump(new.text),
        "links": list(new.links),
    }
    tx.execute(insert_new(tx, revision), row)


def get(tx: Connection, hash_: str) -> Revision:
    """Read a revision by its hash."""
    row = tx.execute(_GET, {"hash": hash_}).one()
    return Revision(
        source_hash=row.source_hash,
        sender=row.sender,
        reply_to=row.reply_to,
        subject=load(row.subject),
        preheader=row.preheader,
        html=load(row.html),
        text=load(row.text),
        links=tuple(row.links),
    )


def sender_of(tx: Connection, series_id: int) -> tuple[str, str]:
    """Return who sends a series and who gets its replies; raises Refused where nothing of it says so."""
    row = tx.execute(_SENDER, {"series_id": series_id}).first()
    if row is None:
        raise Refused("nothing says who sends this series", mend="run: newsletter queue")
    return row.sender, row.reply_to


def add_media(tx: Connection, picture: Media) -> None:
    """Keep a picture; its name is its content, so once is enough."""
    if find_media(tx, picture.name) is None:
        row = {"name": picture.name, "content_type": picture.content_type, "data": picture.data}
        tx.execute(insert(media), row)


def find_media(tx: Connection, name: str) -> Media | None:
    """Find a picture by the name it is served under."""
    row = tx.execute(_MEDIA, {"name": name}).first()
    return Media(*row) if row else None

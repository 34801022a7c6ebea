"""The letters of releases under way, each compiled once for all of its batches."""

from dataclasses import dataclass, field

from sqlalchemy import Connection

from newsletter.domain.delivery import Batch
from newsletter.domain.message import Message, message_of
from newsletter.domain.provider import Provider
from newsletter.pipeline.work import Compiled
from newsletter.store import claims, releases, revisions, series

#: So many are kept; a large one takes some 200 KB.
_MOST = 16


@dataclass(frozen=True)
class Letters:
    """Revisions encoded for one provider; many threads may share them."""

    provider: Provider
    known: dict[tuple[int | None, str], Compiled] = field(default_factory=dict)

    def get(self, tx: Connection, batch: Batch) -> Compiled:
        """Compile the letter of a batch, or return it as it was compiled before.

        Raises NewsletterError for one that the provider cannot take.
        """
        known = self.known.get((batch.release_id, batch.revision))
        if known is not None:
            return known
        made = self._compile(tx, batch)
        for old in list(self.known)[: 1 - _MOST]:
            self.known.pop(old, None)
        return self.known.setdefault((batch.release_id, batch.revision), made)

    def _compile(self, tx: Connection, batch: Batch) -> Compiled:
        is_test = batch.release_id is None
        about = claims.about(tx, batch.id)
        slug, title, issue, is_notice = series.names(tx, about.issue_id)
        kind = "notice" if is_notice else "test" if is_test else "issue"
        message = message_of(
            revisions.get(tx, batch.revision), series=slug, series_title=title, issue=issue, kind=kind
        )
        name, fill = self.provider.capabilities.name, self.provider.compile(message)
        return Compiled(name, message, fill, _label(tx, batch, message), about)


def _label(tx: Connection, batch: Batch, message: Message) -> str:
    if batch.release_id is not None:
        return releases.get(tx, batch.release_id).label
    return "-".join(("test", *(value for _, value in message.tags)))

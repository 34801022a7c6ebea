"""Plan mails that somebody waits for, in the priority lane of the same ledger. Decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.account import Lane
from newsletter.domain.delivery import DeliveryState
from newsletter.domain.dress import Dress
from newsletter.domain.letter import Publication
from newsletter.domain.notices import Notice, mail_of
from newsletter.domain.series import AppliedSeries
from newsletter.store import batches, revisions, series


@dataclass(frozen=True)
class Noticing:
    """Plan notices: through the provider that a series names, or the default.

    `named` has by these names what the ledger calls them. Who waits for a mail gets it through the default
    where there is no such provider.
    """

    provider: str
    publication: Publication
    dress: Dress = field(default_factory=Dress)
    named: Mapping[str, str] = field(default_factory=dict)

    def plan(
        self,
        tx: Connection,
        notice: Notice,
        of: AppliedSeries,
        subscriber_id: int,
        asked_by: int,
        now: datetime,
    ) -> None:
        """Plan one mail in this transaction; `asked_by` is the consent event that it answers."""
        self.plan_each(tx, notice, of, [(subscriber_id, asked_by, now)], now)

    def plan_each(
        self,
        tx: Connection,
        notice: Notice,
        of: AppliedSeries,
        people: Sequence[tuple[int, int, datetime]],
        now: datetime,
    ) -> None:
        """Plan a mail to each of some people: who, by which consent event, and from when on."""
        sender, reply_to = of.sender, of.reply_to
        if not sender:
            sender, reply_to = revisions.sender_of(tx, of.id)
        mail = mail_of(notice, of.title, self.publication, sender, reply_to, self.dress)
        issue_id = series.notice(tx, of.id, notice)
        revisions.add(tx, issue_id, mail)
        provider = self.named.get(of.provider, self.provider)
        rows = [batches.notice(mail.hash, provider, Lane.PRIORITY, now, next_at=at) for *_, at in people]
        ids = batches.add_each(tx, rows)
        same = {"issue_id": issue_id, "pos": 0, "state": DeliveryState.PLANNED}
        batches.add_deliveries(
            tx,
            [
                {**same, "batch_id": id_, "subscriber_id": subscriber_id, "occasion": asked_by}
                for id_, (subscriber_id, asked_by, _) in zip(ids, people, strict=True)
            ],
        )

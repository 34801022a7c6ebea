"""Send a real copy of an issue to a person: through the same ledger and provider, never counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newsletter.domain.account import Lane
from newsletter.domain.delivery import DeliveryState
from newsletter.domain.pace import Wait
from newsletter.domain.provider import Answer
from newsletter.domain.series import to_settings
from newsletter.domain.subscriber import Subscriber, address_hash
from newsletter.errors import Refused
from newsletter.pipeline.composing import Composed, Composing
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.sifting import checked
from newsletter.store import batches, revisions, series, subscribers
from newsletter.store.database import Database


@dataclass(frozen=True)
class TestCopies:
    """Send test copies of issues as the files have them now.

    `delivering_of` gives what sends for what a series names.
    """

    __test__ = False

    database: Database
    composing: Composing
    delivering_of: Callable[[str], Delivering]
    salt: bytes

    def provider_of(self, name: str) -> str:
        """Return what the series of an issue names, "" for the default provider."""
        letter = self.composing.letter()
        return letter.series[self.composing.find(letter, name).series].provider

    def send(self, name: str, addresses: Sequence[str]) -> dict[str, Answer]:
        """Send one issue to each address; a test copy needs no subscription, but no suppression either."""
        letter = self.composing.letter()
        wanted = self.composing.issues(letter, name)
        if len(wanted) != 1:
            raise Refused(f"{name!r} is a series of {len(wanted)} issues", mend="name one as series/issue")
        composed = self.composing.compose(letter, *wanted[0])
        delivering = self.delivering_of(composed.series.provider)
        people = [checked(Subscriber(address)) for address in dict.fromkeys(addresses)]
        answers = {}
        for person in people:
            claim = delivering.claim_test(self._plan(composed, person, delivering))
            if claim is None:
                raise Refused(f"{person.address} is suppressed and gets no mail")
            if isinstance(claim, Wait):
                raise Refused(claim.reason, mend=f"try again at {claim.until:%H:%M} UTC")
            answers[person.address] = delivering.finish(claim)
        return answers

    def _plan(self, one: Composed, person: Subscriber, delivering: Delivering) -> int:
        now = delivering.clock.now()
        hash_ = address_hash(person.address, self.salt)
        with self.database.writing() as tx:
            known = series.find(tx, one.series.slug)
            series_id = known.id if known else series.apply(tx, one.series.slug, to_settings(one.series), "")
            found = next((row for row in series.issues(tx, series_id) if row.slug == one.issue.id), None)
            position = one.series.issues.index(one.issue) + 1
            issue_id = found.id if found else series.add_issue(tx, series_id, one.issue.id, position)
            revisions.add(tx, issue_id, one.revision)
            for picture in one.media:
                revisions.add_media(tx, picture)
            ids = subscribers.ids_by_hash(tx, [hash_]) or subscribers.add_people(tx, {hash_: person})
            provider = delivering.provider.capabilities.name
            row = batches.notice(one.revision.hash, provider, Lane.PRIORITY, now, next_at=None)
            batch_id = batches.add(tx, row)
            # The number of its batch is an occasion that no other delivery can have.
            copy = {"issue_id": issue_id, "subscriber_id": ids[hash_], "occasion": batch_id}
            planned = {"batch_id": batch_id, "pos": 0, "state": DeliveryState.PLANNED}
            batches.add_delivery(tx, {**copy, **planned})
        return batch_id

"""Let people join by a form and the link that is mailed to them. Decides nothing.

form ── ask ──> pending, and a mail to confirm ── look_up (a button) ── confirm ──> active
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import Connection

from newsletter.domain.clock import Clock
from newsletter.domain.letter import Publication
from newsletter.domain.lifecycle import (
    CONFIRMED,
    REQUESTED,
    Change,
    after,
    agreement,
    can_confirm,
    version_of,
)
from newsletter.domain.limits import TOLD
from newsletter.domain.notices import Notice
from newsletter.domain.series import AppliedSeries
from newsletter.domain.signup import (
    CHOOSE_LASTS,
    FORM_LASTS,
    SHORTEST_FILL,
    About,
    Came,
    Form,
    Joining,
    Reply,
    Stage,
    Typed,
    fit_name,
    spell_instant,
)
from newsletter.domain.subscriber import Consent, Evidence, Subscriber, address_hash
from newsletter.domain.tokens import Grant, Purpose, TokenKeys
from newsletter.errors import NewsletterError
from newsletter.pipeline.awaiting import next_slot
from newsletter.pipeline.forgetting import person_of
from newsletter.pipeline.limiting import Limiting
from newsletter.pipeline.noticing import Noticing
from newsletter.pipeline.sifting import checked
from newsletter.pipeline.subscribing import Pending
from newsletter.store import consents, forgetting, series, subscribers
from newsletter.store.consents import Given
from newsletter.store.database import Database

#: Mails to confirm that an import asks for keep this distance, so that nobody at a form waits behind them.
_SPACE = timedelta(milliseconds=500)


@dataclass(frozen=True)
class SignUps:
    """Take forms, and let those join who prove that the mailbox is theirs."""

    database: Database
    keys: TokenKeys
    publication: Publication
    clock: Clock
    salt: bytes
    noticing: Noticing
    limiting: Limiting
    keeps_ip: bool = False
    #: Counts over the chunks of one import.
    imported: Iterator[int] = field(default_factory=count)

    def form(self, series: str) -> Form | None:
        """Return the form of a series, with the proof of when it was shown."""
        of = self._series(series)
        if of is None:
            return None
        now = self.clock.now()
        grant = Grant(of.id, 0, 0, int(now.timestamp()))
        token = self.keys.sign(Purpose.FORM, grant, expires=now + FORM_LASTS)
        return Form(self._about(of), agreement(of.title), token)

    def ask(self, series: str, typed: Typed) -> Reply:
        """Take a form; known and unknown addresses are answered alike, after the same work."""
        of, now = self._series(series), self.clock.now()
        if of is None:
            return Reply(Came.NO_SUCH_THING)
        if typed.trap:
            return Reply(Came.TAKEN)
        try:
            person = checked(Subscriber(typed.address, fit_name(typed.name)))
        except NewsletterError as error:
            return Reply(Came.INVALID, error.message)
        if not self._was_read(of, typed.token, now):
            return Reply(Came.SHOW_AGAIN)
        hash_ = address_hash(person.address, self.salt)
        text = agreement(of.title)
        evidence = Evidence(now, "form", text, version_of(text), typed.ip if self.keeps_ip else "")
        with self.database.writing(urgent=True) as tx:
            over = self.limiting.over(tx, person.address, typed.ip, now)
            if over in TOLD:
                return Reply(Came.TOO_MANY)
            if over is None:
                self.request(tx, of, person_of(tx, hash_, person), evidence)
        return Reply(Came.TAKEN)

    def request(self, tx: Connection, of: AppliedSeries, subscriber_id: int, evidence: Evidence) -> None:
        """Ask somebody to confirm that they want a series; tell those who get it that they do."""
        person = subscribers.get(tx, subscriber_id)
        if person is None:
            # Forgotten, and not to be mailed for another reason besides.
            return
        state, _ = consents.standing(tx, of.id, subscriber_id)
        if after(state, Change.ASKED) is Consent.PENDING:
            consents.begin(tx, of.id, subscriber_id)
        asked_by = consents.note(tx, of.id, subscriber_id, REQUESTED, evidence)
        notice = Notice.ALREADY if state is Consent.ACTIVE else Notice.CONFIRM
        if notice is Notice.ALREADY:
            self.limiting.confirmed(tx, person.address, evidence.at)
        self.noticing.plan(tx, notice, of, subscriber_id, asked_by, evidence.at)

    def plan_confirmations(self, tx: Connection, pending: Sequence[Pending]) -> None:
        """Ask people to confirm who became pending by an import, a few a second."""
        now = self.clock.now()
        for of in series.every(tx):
            ids = [one.subscriber_id for one in pending if one.series_id == of.id]
            if not ids:
                continue
            text = agreement(of.title)
            evidence = Evidence(now, "import", text, version_of(text))
            asked = consents.note_each(tx, of.id, ids, REQUESTED, evidence)
            people = [
                (id_, asked_by, now + next(self.imported) * _SPACE)
                for id_, asked_by in zip(ids, asked, strict=True)
            ]
            self.noticing.plan_each(tx, Notice.CONFIRM, of, people, now)

    def look_up(self, token: str) -> Joining | None:
        """Read what a link to confirm would do."""
        grant = self._grant(token)
        if grant is None:
            return None
        with self.database.reading() as tx:
            asked = self._asked(tx, grant)
            if asked is None:
                return None
            state = subscribers.state(tx, asked.series_id, asked.subscriber_id)
            return self._joining(tx, asked, _stage(tx, asked, state))

    def confirm(self, token: str, ip: str) -> Joining | None:
        """Let somebody join who holds the link; it is durable when this returns."""
        grant = self._grant(token)
        if grant is None:
            return None
        now = self.clock.now()
        with self.database.writing(urgent=True) as tx:
            asked = self._asked(tx, grant)
            if asked is None:
                return None
            state, _ = consents.standing(tx, asked.series_id, asked.subscriber_id)
            stage, purpose = _stage(tx, asked, state), Purpose.CHOOSE
            if stage is Stage.WAITING:
                # The mailbox was theirs a moment ago.
                stage, purpose = Stage.JOINED, Purpose.DETAILS
                kept_ip = ip if self.keeps_ip else ""
                evidence = Evidence(now, "confirmation link", asked.text, asked.version, kept_ip)
                self._activate(tx, asked, state, evidence)
            choose = self.keys.sign(purpose, grant, expires=now + CHOOSE_LASTS)
            return self._joining(tx, asked, stage, choose)

    def _activate(self, tx: Connection, asked: Given, state: Consent | None, evidence: Evidence) -> None:
        new = after(state, Change.CONFIRMED)
        person = subscribers.get(tx, asked.subscriber_id)
        assert new is not None, "there is somebody to confirm"
        assert person is not None, "they have an address"
        consents.put(tx, asked.series_id, asked.subscriber_id, new, evidence.at)
        confirmed = consents.note(tx, asked.series_id, asked.subscriber_id, CONFIRMED, evidence)
        self.limiting.confirmed(tx, person.address)
        forgetting.let_in(tx, address_hash(person.address, self.salt))
        of = next(one for one in series.every(tx) if one.id == asked.series_id)
        if of.has_welcome:
            self.noticing.plan(tx, Notice.WELCOME, of, asked.subscriber_id, confirmed, evidence.at)

    def _asked(self, tx: Connection, grant: Grant) -> Given | None:
        """Read the request that a link answers; None where it is none, or its person is no more."""
        found = consents.event(tx, grant.occasion)
        if found is None or found.kind != REQUESTED or found[1:3] != grant[:2]:
            return None
        return found if subscribers.get(tx, grant.subscriber_id) else None

    def _joining(self, tx: Connection, asked: Given, stage: Stage, choose: str = "") -> Joining:
        of = next(one for one in series.every(tx) if one.id == asked.series_id)
        person = subscribers.get(tx, asked.subscriber_id)
        found = next_slot(tx, of, person.zone if person else "", self.clock.now())
        return Joining(self._about(of), stage, spell_instant(*found) if found else "", choose)

    def _series(self, slug: str) -> AppliedSeries | None:
        with self.database.reading() as tx:
            return series.find(tx, slug)

    def _was_read(self, of: AppliedSeries, token: str, now: datetime) -> bool:
        shown = self.keys.verify(Purpose.FORM, token, now)
        if shown is None or shown.series_id != of.id:
            return False
        return now.timestamp() - shown.occasion >= SHORTEST_FILL.total_seconds()

    def _grant(self, token: str) -> Grant | None:
        return self.keys.verify(Purpose.CONFIRM, token, self.clock.now())

    def _about(self, of: AppliedSeries) -> About:
        return About(self.publication.name, self.publication.language, of.slug, of.title)


def _stage(tx: Connection, asked: Given, state: Consent | None) -> Stage:
    if state is Consent.ACTIVE:
        return Stage.JOINED
    has_left = consents.has_left_since(tx, asked.series_id, asked.subscriber_id, asked.id)
    return Stage.WAITING if can_confirm(state, has_left_since=has_left) else Stage.OVER

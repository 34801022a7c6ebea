"""Everything that may happen to the ledger, in any order, and what holds after each step."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_service import Accepted, Saying, Service, sayings
from sqlalchemy import func, select
from store_cast import DAY, NOW, SALT, Newsletter, a_series_file, capabilities, delivering, empty

from newsletter.domain.clock import PlayedClock
from newsletter.domain.delivery import UNSETTLED, BatchState, DeliveryState
from newsletter.domain.event import Event, EventKind
from newsletter.domain.message import Recipient
from newsletter.domain.provider import Answer, Outcome, Recovery, Sightings
from newsletter.domain.release import FINAL, ReleaseState
from newsletter.domain.series import to_settings
from newsletter.domain.subscriber import Consent, address_hash
from newsletter.domain.unknown import Policy
from newsletter.errors import NewsletterError, Refused
from newsletter.pipeline.cancelling import Cancelling
from newsletter.pipeline.evidence import Evidence
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.resolving import Resolution, Resolving
from newsletter.pipeline.work import Claim, Look
from newsletter.store import series
from newsletter.store.database import Database
from newsletter.store.tables import batch, delivery, release, subscription, suppression

TARGET, ISSUES = "back-pain", ("lower-back", "neck", "upper-back")
STEPS = 50
WEEK = timedelta(days=7)
LEAPS = [timedelta(seconds=number) for number in (1, 25, 90, 90, 720, 720)]
LEAPS += [timedelta(hours=number) for number in (1, 3, 23, 96)]
BOOKS = select(
    release.c.id,
    release.c.candidates,
    release.c.planned,
    release.c.waiting,
    release.c.excluded,
    release.c.state,
)
MOST_PEOPLE = 7
STRANGE_REFERENCES = ("x", "nl-d2-1-1-0-0", "nl-d1-1-999-0-0", "nl-d1-1-1-0-88")
MOST_ROUNDS = 200
which = st.integers(0, 50)


@dataclass
class Flight:
    """A piece of work that somebody took, and what came of it so far."""

    work: Claim | Look
    issue: int
    answer: Answer | Sightings | None = None


class Ledger(RuleBasedStateMachine):
    """Whatever happens in whatever order, nobody gets an issue twice and nobody is lost from sight."""

    @classmethod
    def on(cls, url: str) -> type["Ledger"]:
        """Give a machine that plays on this database."""
        return type("Ledger", (cls,), {"url": url})

    url = "sqlite://"

    def __init__(self):
        super().__init__()
        self.database = Database(self.url)
        empty(self.database)
        self.newsletter = Newsletter(self.database).apply(issues=ISSUES)
        self.clock = PlayedClock(NOW)
        self.people: list[int] = []
        self.flights: list[Flight] = []
        self.names = map("p{}".format, count())
        self.event_ids = count()
        self.steps = 0
        self.excused: set[tuple[int, int]] = set()
        self.said_sent: set[tuple[int, int]] = set()
        self.seen_accepted: set[tuple[int, int]] = set()
        self.seen_batches: dict[int, tuple[bool, int]] = {}

    def teardown(self):
        self.database.close()

    @initialize(
        recovery=st.sampled_from(Recovery),
        is_atomic=st.booleans(),
        policy=st.sampled_from(Policy),
        size=st.integers(1, 4),
        people=st.integers(1, 4),
    )
    def a_series_is_queued(self, recovery, is_atomic, policy, size, people):
        able = capabilities(size, recovery=recovery, is_atomic=is_atomic)
        self.policy, self.service = policy, Service(able)
        self.sender = delivering(self.database, self.service, self.clock)
        self.releasing = Releasing(self.database, able)
        self.evidence = Evidence(self.database, able, "d1")
        with self.database.writing() as tx:
            applied = to_settings(replace(a_series_file(), if_unknown=policy))
            series.apply(tx, TARGET, applied, "h" * 64)
        self.people += self.newsletter.join(*(next(self.names) for _ in range(people)))
        for number, issue in enumerate(ISSUES):
            self.newsletter.queue(issue, DAY + number * WEEK)
        self.tick()

    @rule(who=which, what=st.sampled_from(["joins", "leaves", "comes back", "is suppressed"]))
    def somebody_changes(self, who, what):
        number = who % len(self.people)
        if what == "joins" and len(self.people) < MOST_PEOPLE:
            self.people += self.newsletter.join(next(self.names))
        elif what == "leaves":
            self.newsletter.leave(self.people[number])
        elif what == "comes back":
            self.newsletter.set_subscription(self.people[number], state=Consent.ACTIVE)
        elif what == "is suppressed" and not self._is_suppressed(number):
            self.newsletter.suppress(f"p{number}")

    @rule(leap=st.sampled_from(LEAPS), ticks=st.booleans())
    def time_passes(self, leap, ticks):
        self.clock.advance_to(self.clock.now() + leap)
        if ticks:
            self.tick()

    @rule(hurry=st.booleans())
    def a_worker_takes_work(self, hurry):
        self._take_soon(hurry)

    @precondition(lambda self: any(flight.answer is None for flight in self.flights))
    @rule(number=which, says=sayings, is_recorded=st.booleans())
    def work_is_answered(self, number, says, is_recorded):
        open_ = [flight for flight in self.flights if flight.answer is None]
        flight = open_[number % len(open_)]
        self._answer(flight, says)
        if is_recorded:
            self._record(flight)

    @precondition(lambda self: any(flight.answer for flight in self.flights))
    @rule(number=which)
    def an_outcome_is_recorded(self, number):
        """Record an answer: at once, late, out of order, or once more."""
        answered = [flight for flight in self.flights if flight.answer]
        self._record(answered[number % len(answered)])

    @rule(says=sayings, hurry=st.booleans())
    def a_worker_does_a_whole_step(self, says, hurry):
        flight = self._take_soon(hurry)
        if flight is not None:
            self._answer(flight, says)
            self._record(flight)

    @rule(number=which, kind=st.sampled_from(EventKind), times=st.integers(1, 2))
    def an_event_comes(self, number, kind, times):
        known = [*(mail.reference for mail in self.service.accepted), *STRANGE_REFERENCES]
        event = self._event(kind, known[number % len(known)])
        known = [self.evidence.record_event(event, self.clock.now()) for _ in range(times)]
        assert known == [True, False][:times]

    @rule(what=st.sampled_from(["pause", "resume", "resume", *Resolution, *Resolution, *ISSUES]))
    def a_person_decides(self, what):
        if what == "pause":
            Holding(self.database).pause(TARGET, self.clock.now())
            assert self._take() is None
        elif what == "resume":
            self.resume()
        elif what in ISSUES and self.steps > STEPS // 2:
            with suppress(NewsletterError):
                Cancelling(self.database).cancel(f"{TARGET}/{what}", self.clock.now())
        elif isinstance(what, Resolution):
            self.resolve(what)

    @precondition(lambda self: self.steps > STEPS * 3 // 4)
    @rule()
    def the_faults_stop(self):
        """With an honest service everything ends, but for what only a person can settle."""
        for _ in range(MOST_ROUNDS):
            self.resume()
            self.tick()
            flight = self._take()
            if flight is not None:
                self._answer(flight, Saying())
                self._record(flight)
                continue
            instants = [self.sender.ready_at(self.clock.now()), self.releasing.next_due()]
            known = [instant for instant in instants if instant is not None]
            if not known:
                break
            assert min(known) > self.clock.now(), "ready, but nobody may take it"
            self.clock.advance_to(min(known))
        else:
            raise AssertionError("there is no end to it")
        self._check_nothing_is_left()

    def tick(self) -> None:
        self.releasing.tick(self.clock.now())

    def resume(self) -> None:
        Holding(self.database).resume(TARGET, self.clock.now())

    def resolve(self, resolution: Resolution) -> None:
        issues = self.newsletter.issues
        resolving = Resolving(self.database)
        rows = resolving.unknown(TARGET)
        told = {(issues[row.issue], row.subscriber_id) for row in rows}
        try:
            resolving.resolve(TARGET, rows, resolution, self.clock.now())
        except Refused:
            assert not told
        (self.said_sent if resolution is Resolution.MARK_SENT else self.excused).update(told)

    @invariant()
    def nobody_gets_an_issue_twice(self):
        self.steps += 1
        sent = Counter((one.issue, one.subscriber) for one in self._accepted())
        twice = {who for who, times in sent.items() if times > 1} - self.excused
        assert not twice or self.policy is Policy.RESEND, f"sent twice: {twice}"

    @invariant()
    def what_was_accepted_stays_accepted_and_is_true(self):
        accepted = {
            (row.issue_id, row.subscriber_id)
            for row in self._deliveries()
            if (row.batch_state if row.state == "planned" else row.state) == DeliveryState.ACCEPTED
        }
        assert self.seen_accepted <= accepted, f"unsent again: {self.seen_accepted - accepted}"
        true = {(one.issue, one.subscriber) for one in self._accepted()}
        assert accepted <= true | self.said_sent, f"never sent: {accepted - true - self.said_sent}"
        self.seen_accepted = accepted

    @invariant()
    def the_books_balance(self):
        rows = self._deliveries()
        for id_, candidates, planned, waiting, excluded, state in self.newsletter.rows(BOOKS):
            mine = [row for row in rows if row.release_id == id_]
            assert candidates == planned + sum(excluded.values())
            assert planned == len(mine)
            assert waiting == sum(row.state == DeliveryState.WAITING for row in mine)
            if state == ReleaseState.SETTLED:
                assert not [row for row in mine if row.state == "planned" and row.batch_state in UNSETTLED]
                assert not waiting

    @invariant()
    def batches_are_leased_frozen_and_tainted_by_the_rules(self):
        for one in self._batches():
            if one.state == BatchState.SENDING:
                assert one.lease_until is not None
                assert one.lease_owner
                assert one.frozen is not None
            if one.state not in UNSETTLED:
                assert one.frozen is None
            was_tainted, generation = self.seen_batches.get(one.id, (False, 0))
            is_cleared = was_tainted and not one.tainted
            assert not is_cleared or one.state == BatchState.ACCEPTED or one.generation > generation
            assert one.tainted or one.state != BatchState.UNKNOWN
            self.seen_batches[one.id] = (one.tainted, one.generation)

    def _take(self) -> Flight | None:
        work = self.sender.next_work()
        if work is None:
            return None
        members = {row.pos: row for row in self._deliveries() if row.batch_id == work.batch.id}
        flight = Flight(work, next(iter(members.values())).issue_id)
        self.flights.append(flight)
        named = work.mailing.recipients if isinstance(work, Claim) else work.inquiry.recipients
        assert len({one.pos for one in named}) == len(named)
        for one in named:
            assert members[one.pos].subscriber_id == one.subscriber_id
            if isinstance(work, Claim):
                self._check_consent(one)
        return flight

    def _take_soon(self, hurry: bool) -> Flight | None:
        flight = self._take()
        ready = self.sender.ready_at(self.clock.now())
        if flight is None and hurry and ready is not None:
            self.clock.advance_to(ready)
            flight = self._take()
        return flight

    def _check_consent(self, who: Recipient) -> None:
        number = self.people.index(who.subscriber_id)
        state = select(subscription.c.state).where(subscription.c.subscriber_id == who.subscriber_id)
        assert self.newsletter.rows(state) == [(Consent.ACTIVE,)]
        assert not self._is_suppressed(number)

    def _is_suppressed(self, number: int) -> bool:
        hash_ = address_hash(f"p{number}@example.org", SALT)
        return bool(self.newsletter.rows(select(suppression).where(suppression.c.address_hash == hash_)))

    def _answer(self, flight: Flight, says: Saying) -> None:
        now = self.clock.now()
        if isinstance(flight.work, Look):
            found = self.service.find(flight.work.inquiry.key, now, says.left_out)
            flight.answer = Sightings({**found, **says.noise}, says.is_complete)
        elif not self.sender.may_start(flight.work):
            flight.answer = Answer(Outcome.DEFERRED, "too late", retry_after=timedelta())
        elif says.instead is None or (says.instead is Outcome.UNKNOWN and says.is_taken):
            answer = self.service.take(flight.issue, flight.work.mailing, says.left_out, now)
            flight.answer = Answer(says.instead, "timed out") if says.instead else says.bend(answer)
        else:
            flight.answer = Answer(says.instead, "no", retry_after=says.wait)

    def _record(self, flight: Flight) -> None:
        if isinstance(flight.work, Look):
            self.sender.record_look(flight.work, flight.answer)
        else:
            self.sender.record(flight.work, flight.answer)

    def _event(self, kind: EventKind, reference: str) -> Event:
        return Event("scripted", f"e{next(self.event_ids)}", kind, self.clock.now(), reference)

    def _accepted(self) -> list[Accepted]:
        return self.service.accepted if hasattr(self, "service") else []

    def _batches(self):
        with self.database.reading() as tx:
            return list(tx.execute(select(batch)))

    def _deliveries(self):
        with self.database.reading() as tx:
            rows = select(delivery, batch.c.state.label("batch_state"))
            return list(tx.execute(rows.join(batch, batch.c.id == delivery.c.batch_id, isouter=True)))

    def _check_nothing_is_left(self) -> None:
        open_ = self.newsletter.rows(select(release.c.id).where(release.c.state.not_in(FINAL)))
        asks = select(func.count()).where(batch.c.state == BatchState.UNKNOWN, batch.c.next_at.is_(None))
        assert not open_ or self.newsletter.rows(asks)[0][0], f"nothing happens any more to {open_}"

"""The composition root: the one place that chooses real parts, reads the clock and the environment."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection

from newsletter.config import Settings, load_keys, load_settings
from newsletter.content.people_csv import report_of_rows
from newsletter.content.people_files import open_people
from newsletter.content.whole_files import written_whole
from newsletter.domain.account import Limits
from newsletter.domain.clock import Clock, PlayedClock
from newsletter.domain.joining import Entry
from newsletter.domain.provider import Capabilities, Provider
from newsletter.domain.signup import html_form
from newsletter.domain.subscriber import Consent, Subscriber
from newsletter.domain.subscriber import Evidence as ConsentEvidence
from newsletter.domain.tokens import TokenKeys
from newsletter.errors import ProviderError, Refused, StoreError
from newsletter.logs import write_plainly
from newsletter.pipeline.alerting import Alerting
from newsletter.pipeline.answering import Desk
from newsletter.pipeline.archiving import Archiving
from newsletter.pipeline.cancelling import Cancelling
from newsletter.pipeline.choosing import Choosing
from newsletter.pipeline.composing import Composing
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.evidence import Evidence
from newsletter.pipeline.explaining import Explaining
from newsletter.pipeline.exporting import Exporting, Format
from newsletter.pipeline.hearing import Hearing
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.importing import Importing
from newsletter.pipeline.joining import SignUps
from newsletter.pipeline.leaving import Leaving
from newsletter.pipeline.limiting import Limiting
from newsletter.pipeline.moving import Moving
from newsletter.pipeline.noticing import Noticing
from newsletter.pipeline.pacing import Pacing
from newsletter.pipeline.pausing import Pausing
from newsletter.pipeline.planning import Planning
from newsletter.pipeline.previewing import Previewing, Reader
from newsletter.pipeline.queueing import Queueing
from newsletter.pipeline.readdressing import Readdressing
from newsletter.pipeline.readiness import refuse_silent_way_out, refuse_unready
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.reporting import Reporting, Status
from newsletter.pipeline.resolving import Resolving
from newsletter.pipeline.restoring import Restored, Restoring
from newsletter.pipeline.running import Engine, Sent
from newsletter.pipeline.shelving import TemplateShelf
from newsletter.pipeline.simulating import (
    Simulating,
    Simulation,
    Tell,
    refuse_unusable,
    tell_nobody,
)
from newsletter.pipeline.splitting import Splitting
from newsletter.pipeline.starting import Starting
from newsletter.pipeline.subscribing import (
    Imported,
    Listening,
    Pending,
    Subscribing,
    checked,
    evidence_of,
)
from newsletter.pipeline.summing import Summing
from newsletter.pipeline.testing import TestCopies
from newsletter.providers import (
    ProviderSettings,
    listeners,
    open_provider,
    open_rehearsal,
    provider_names,
)
from newsletter.rendering.renderer import Renderer
from newsletter.store import schema
from newsletter.store.aside import Aside
from newsletter.store.clock import ServerClock
from newsletter.store.database import Database
from newsletter.store.lineage import Lineage
from newsletter.store.schema import Deployment
from newsletter.store.scratch import on_copy
from newsletter.store.sender_lock import sender_lock
from newsletter.store.series import find as find_series

_PACKAGE = Path(__file__).parent
_SEND_THERE = "write its url under [database]"


#: Is told how many of how many lines are done; 0 where nobody knows how many there are.
Watch = Callable[[int, int], None]


def watch_nobody(_done: int, _total: int) -> None:
    """Look at nothing."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.monotonic()


class App:
    """One letter with its real parts, each made when it is first needed."""

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock | None = None,
        environment: Mapping[str, str] = os.environ,
        provider: Provider | None = None,
        database_url: str | None = None,
    ) -> None:
        write_plainly()
        self.root = root
        self.clock = clock or SystemClock()
        self._is_played = clock is not None
        self.environment = environment
        self._provider = provider
        self._database_url = database_url

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.root, self.environment)

    @cached_property
    def keys(self) -> TokenKeys:
        return load_keys(self.root, self.environment)

    @cached_property
    def database(self) -> Database:
        database = self.closed_database
        schema.prepare(database, self.clock.now())
        return database

    @cached_property
    def closed_database(self) -> Database:
        """The database before its schema is looked at, for `db upgrade`."""
        return Database(self._database_url or self.settings.database.url, folder=self.root)

    @cached_property
    def deployment(self) -> Deployment:
        return schema.prepare(self.database, self.clock.now())

    @cached_property
    def provider(self) -> Provider:
        table = self.settings.provider
        folder = self.root / table.folder
        return self._provider or open_provider(
            ProviderSettings(
                table.name,
                table.base_url,
                folder,
                self.environment,
                stream=table.stream,
                region=table.region,
                configuration_set=table.configuration_set,
                send_rate=table.send_rate,
                server=table.server,
            )
        )

    @cached_property
    def composing(self) -> Composing:
        renderer = Renderer(self.root / "templates" / "email", shipped() / "templates" / "email")
        return Composing(self.root, self.settings.publication, renderer)

    @property
    def starting(self) -> Starting:
        return Starting(shipped())

    @property
    def importing(self) -> Importing:
        return Importing(self.root)

    @property
    def templates(self) -> TemplateShelf:
        return TemplateShelf(self.root / "templates", shipped() / "templates")

    @property
    def sender_domain(self) -> str:
        return urlsplit(self.settings.links_url).hostname or "localhost"

    @property
    def splitting(self) -> Splitting:
        return Splitting(self.root)

    @property
    def queueing(self) -> Queueing:
        return Queueing(self.database, self.composing)

    @property
    def cancelling(self) -> Cancelling:
        return Cancelling(self.database)

    @property
    def planning(self) -> Planning:
        return Planning(self.database, self.composing, None if self.provider_is_rehearsal else self.pacing)

    @property
    def holding(self) -> Holding:
        return Holding(self.database)

    @property
    def resolving(self) -> Resolving:
        return Resolving(self.database)

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.database, self._capabilities, self.deployment.id)

    @property
    def hearing(self) -> Hearing:
        return Hearing(self.evidence, listeners(self.environment), self.deployment.salt, self.clock)

    @property
    def subscribing(self) -> Subscribing:
        return Subscribing(self.database, self.deployment.salt, self._plan_confirmations)

    def _plan_confirmations(self, tx: Connection, pending: Sequence[Pending]) -> None:
        # The keys are made where somebody is mailed, and not by whoever only looks at a list.
        self.sign_ups.plan_confirmations(tx, pending)

    @property
    def pausing(self) -> Pausing:
        return Pausing(self.database, self.deployment.salt)

    @property
    def explaining(self) -> Explaining:
        return Explaining(self.database, self.composing, self.deployment.salt)

    @property
    def summing(self) -> Summing:
        return Summing(self.database)

    @property
    def archiving(self) -> Archiving:
        return Archiving(self.database, self.keys, self.settings.publication)

    @property
    def desk(self) -> Desk:
        return Desk(self.database, self.keys, self.settings.publication, self.clock)

    @property
    def leaving(self) -> Leaving:
        return Leaving(self.database, self.deployment.salt)

    def sign_up_form(self, series: str | None) -> str:
        """Write the form of a series for any website.

        Raises Refused where nobody could use it: without a public URL, or before the series is queued.
        """
        if not self.settings.public_url:
            raise Refused(
                "public_url is missing, so no form can lead here", mend="write it into newsletter.toml"
            )
        slug = self.subscribing.choose_series(self.composing.letter(), series)
        with self.database.reading() as tx:
            of = find_series(tx, slug)
        if of is None:
            raise Refused(f"nothing of {slug} was ever queued", mend=f"run: newsletter queue {slug}")
        return html_form(slug, of.title, self.settings.links_url)

    @cached_property
    def sign_ups(self) -> SignUps:
        return SignUps(
            self.database,
            self.keys,
            self.settings.publication,
            self.clock,
            self.deployment.salt,
            self._noticing,
            self._limiting,
            keeps_ip=self.settings.web.keep_ip,
        )

    @property
    def choosing(self) -> Choosing:
        readdressing = Readdressing(self.database, self.deployment.salt, self._noticing, self._limiting)
        return Choosing(
            self.database, self.keys, self.settings.publication, self.clock, self.sign_ups, readdressing
        )

    @property
    def _noticing(self) -> Noticing:
        # The pages alone need no key of the provider.
        name = self._provider.capabilities.name if self._provider else self.settings.provider.name
        return Noticing(name, self.settings.publication)

    @property
    def _limiting(self) -> Limiting:
        return Limiting(self.deployment.salt)

    @property
    def tests(self) -> TestCopies:
        return TestCopies(self.database, self.composing, self.engine.delivering, self.deployment.salt)

    @property
    def web_templates(self) -> tuple[Path, ...]:
        return (self.root / "templates" / "web", shipped() / "templates" / "web")

    def previewing(self, reader: Reader | None = None) -> Previewing:
        return Previewing(self.composing, reader or Reader())

    def reader(self, address: str | None) -> Reader:
        """Return whom a preview is made out to: nobody in particular, or a subscriber."""
        if address is None:
            return Reader()
        person = self.subscribing.find(address)
        return Reader(person.address, person.name)

    def add_subscriber(
        self, address: str, name: str, zone: str, series: str | None, consent: str
    ) -> Imported:
        """Add one person; raises what is wrong with them."""
        entry = Entry(0, checked(Subscriber(address, name, zone)))
        evidence = evidence_of("command line", consent, self.clock.now())
        letter = self.composing.letter()
        slug = self.subscribing.choose_series(letter, series)
        return self.subscribing.add(letter, slug, [entry], evidence)

    def import_subscribers(
        self,
        file: Path,
        series: str | None,
        consent: str = "",
        *,
        columns: Mapping[str, str] | None = None,
        dry_run: bool = False,
        report: Path | None = None,
        watch: Watch = watch_nobody,
    ) -> Imported:
        """Add the people of a CSV file: as active with words about their consent, else as pending."""
        people = open_people(file, columns or {})
        letter = self.composing.letter()
        slug = self.subscribing.choose_series(letter, series)
        said = consent.strip()
        evidence = ConsentEvidence(self.clock.now(), "import", said or f"named in {file.name}")
        with self._listening(report, watch, people.lines) as listening:
            found = self.subscribing.add(
                letter,
                slug,
                people.entries(),
                evidence,
                state=Consent.ACTIVE if said else Consent.PENDING,
                dry_run=dry_run,
                listening=listening,
            )
        found.notes += people.notes
        return found

    def restore_subscribers(
        self, file: Path, *, dry_run: bool = False, report: Path | None = None, watch: Watch = watch_nobody
    ) -> Restored:
        """Take in the people of an export in JSON Lines, with all that it says of them."""
        restoring = Restoring(self.database, self.deployment.salt)
        with self._listening(report, watch, 0) as listening:
            return restoring.restore(self.composing.letter(), file, dry_run=dry_run, listening=listening)

    def export_subscribers(
        self, out: Path | None, form: Format, series: str | None, watch: Watch = watch_nobody
    ) -> int:
        """Write everybody into a file, whole or not at all, or on the standard output."""
        exporting = Exporting(self.database, self.deployment.salt)
        with written_whole(out) if out else nullcontext(sys.stdout.buffer) as file:
            return exporting.export(file, form, series, lambda done: watch(done, 0))

    @contextmanager
    def _listening(self, report: Path | None, watch: Watch, lines: int) -> Iterator[Listening]:
        def line(number: int) -> None:
            watch(number, lines)

        if report is None:
            yield Listening(line=line)
            return
        with report_of_rows(report) as row:
            yield Listening(lambda one: row((one.line, one.what, one.address, one.why)), line)

    @property
    def provider_is_rehearsal(self) -> bool:
        try:
            return self.provider.capabilities.rehearsal
        except ProviderError:
            # Who only looks needs no key; who sends opens the provider, and meets the error there.
            return False

    def refuse_unready(self) -> None:
        """Raise Refused where a setting is missing that every real mail needs."""
        refuse_unready(self.provider.capabilities, self.settings.publication, self.settings.public_url)

    def refuse_silent_way_out(self) -> None:
        """Raise Refused where the unsubscribe route does not answer at the public URL."""
        if self.provider_is_rehearsal:
            return
        from newsletter.providers.probing import answers_with  # noqa: PLC0415 - httpx is slow to import

        refuse_silent_way_out(self.settings.public_url, self.keys, answers_with)

    def status(self) -> Status:
        """Say where everything stands."""
        reporting = Reporting(self.database, self.pacing)
        return reporting.status(
            self.queueing.rows(),
            self.clock.now(),
            self.why_not_send(),
            self._way_to_send("newsletter db adopt"),
        )

    @property
    def pacing(self) -> Pacing | None:
        """Tell how long sends take; None while the provider cannot be opened."""
        capabilities = self._capabilities
        return Pacing(self.database, capabilities, self._limits(capabilities)) if capabilities else None

    @property
    def _capabilities(self) -> Capabilities | None:
        try:
            return self.provider.capabilities
        except ProviderError:
            return None

    def _limits(self, capabilities: Capabilities) -> Limits:
        return Limits() if capabilities.rehearsal else self.settings.limits(capabilities.calls_per_second)

    @cached_property
    def engine(self) -> Engine:
        return self._engine(self.database, self.provider, self.shared_clock)

    @cached_property
    def shared_clock(self) -> Clock:
        """The clock by which workers agree: their server's, or this machine's."""
        if self._is_played or self.database.is_sqlite:
            return self.clock
        return ServerClock(self.database, self.clock)

    @cached_property
    def lineage(self) -> Lineage:
        """Tell whether this database is the one that sent last from this machine."""
        return Lineage(self.database, self.lineage_file, self.deployment.id)

    @cached_property
    def aside(self) -> Aside | None:
        """Keep outcomes that the database could not take."""
        file = self._beside("outcomes.jsonl")
        return Aside(file) if file else None

    def _beside(self, name: str) -> Path | None:
        file = self.closed_database.file
        if self.closed_database.is_sqlite:
            return file.with_name(f"{file.name}.{name}") if file else None
        return self.root / ".newsletter" / name

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Be the one sender of this database; what a sender that is gone had claimed is taken over."""
        with sender_lock(self.database.file):
            if self.aside is not None:
                self.aside.reserve()
            self.lineage.begin()
            # What was answered is recorded before anybody takes it for a doubt.
            self.engine.delivering.replay()
            if self.database.file is not None:
                self.engine.take_over()
            yield

    def refuse_foreign_database(self) -> None:
        """Raise Refused where the database is a copy or a restored backup."""
        why = self.why_not_send()
        if why:
            mend = self._way_to_send("look what went out since, then: newsletter db adopt")
            raise Refused(f"nothing is sent: {why}", mend=mend)

    def why_not_send(self) -> str | None:
        """Say why nothing real may be sent from this database; None where it may."""
        return self.lineage.why_moved() if self.provider_is_rehearsal else self.lineage.why_foreign()

    def _way_to_send(self, from_here: str) -> str:
        """Say how to send again: from the database that took this one's place, or from here."""
        return _SEND_THERE if self.lineage.why_moved() else from_here

    def adopt_database(self) -> None:
        """Take the database as it is for the one to send from."""
        self.lineage.adopt(self.clock.now())

    def play(self, weeks: int) -> Iterator[Sent]:
        """Play weeks from the first queued slot under a fake clock; nothing real may leave by it.

        A run that was killed goes on where it was. Raises Refused for any provider that is not a rehearsal.
        """
        if not self.provider_is_rehearsal:
            raise Refused(
                f"weeks are played with the outbox only, not with {self.provider.capabilities.name}",
                mend="try: newsletter simulate",
            )
        clock = PlayedClock(self.engine.reached(self.clock.now()))
        engine = self._engine(self.database, self.provider, clock)
        yield from engine.play(clock, _end(engine, clock, weeks))

    def simulate(self, weeks: int, folder: Path | None, tell: Tell = tell_nobody) -> Simulation:
        """Play weeks on a copy of the database with a rehearsal; keep the mails where a folder is given."""
        if folder is not None:
            refuse_unusable(folder)
        with on_copy(self.database) as copy:
            clock = PlayedClock(self.clock.now())
            engine = self._engine(copy, open_rehearsal(folder), clock)
            return Simulating(copy, engine, clock).simulate(weeks, tell)

    @contextmanager
    def rehearsed_engine(self) -> Iterator[Engine]:
        """Give the engine over a copy of the database with the real provider, to compose calls only."""
        with on_copy(self.database) as copy:
            yield self._engine(copy, self.provider, self.clock)

    def backup(self, file: Path) -> None:
        """Write a consistent copy of the database, whole or not at all; one that is there is replaced."""
        if not self.database.is_sqlite:
            raise Refused(f"{self.database.name} is not a file that can be copied", mend="use pg_dump")
        unfinished = file.with_name(f".{file.name}.part")
        try:
            unfinished.unlink(missing_ok=True)
            self.database.copy_to(unfinished)
            os.replace(unfinished, file)
        except OSError as error:
            raise StoreError(f"cannot write {file}: {error.strerror}", mend="choose another place") from error
        finally:
            with suppress(OSError):
                unfinished.unlink()

    @contextmanager
    def moving(self, source: str, target: str) -> Iterator[Moving]:
        """Give the move from one database URL to another; relative files are of this letter's folder."""
        with ExitStack() as stack:
            one, other = (stack.enter_context(self._on(url)) for url in (source, target))
            yield Moving(
                one.closed_database,
                other.closed_database,
                one.lineage_file,
                other.lineage_file,
                self.clock,
                one.record_kept,
            )

    @contextmanager
    def _on(self, url: str) -> Iterator["App"]:
        app = App(
            self.root,
            clock=self.clock,
            environment=self.environment,
            provider=self._provider,
            database_url=url,
        )
        with closing(app.closed_database):
            yield app

    @property
    def lineage_file(self) -> Path | None:
        """The file that names the last call made from this database."""
        return self._beside("last-call")

    def record_kept(self) -> None:
        """Record the outcomes that the database could not take when they came."""
        # The provider is opened only where it is needed: a move needs no key.
        if self.aside is not None and self.aside.waiting():
            self.engine.delivering.replay()

    def upgrade_database(self) -> tuple[str | None, str]:
        """Bring the schema up to date; return the version before and after."""
        from newsletter.store.upgrading import upgrade  # noqa: PLC0415 - Alembic is slow to import

        schema.refuse_unfinished(self.closed_database)
        return upgrade(self.closed_database, self.clock.now())

    def provider_names(self) -> tuple[str, ...]:
        """Name the providers there are."""
        return provider_names()

    def _engine(self, database: Database, provider: Provider, clock: Clock) -> Engine:
        capabilities = provider.capabilities
        # What happens on a copy is no concern of this machine's files, and no call of it waits for the pace.
        is_ours = database is self.database
        limits = self._limits(capabilities) if is_ours else Limits()
        delivering = Delivering.of(
            database,
            provider,
            clock,
            keys=self.keys,
            deployment=self.deployment.id,
            public_url=self.settings.links_url,
            owner=f"{socket.gethostname()}:{os.getpid()}",
            limits=limits,
            lineage=self.lineage if is_ours else None,
            aside=self.aside if is_ours else None,
            rest=time.sleep,
        )
        alert_to = tuple(self.settings.alert_to)
        alerting = Alerting(database, capabilities.name, alert_to, self.deployment.salt)
        return Engine(database, Releasing(database, capabilities, limits), delivering, clock, alerting)


def _end(engine: Engine, clock: PlayedClock, weeks: int) -> datetime:
    first = engine.next_instant() or clock.now()
    return max(first, clock.now()) + timedelta(weeks=weeks)


def shipped() -> Path:
    """Return the folder of the files that come with the package: in a checkout, the checkout itself."""
    installed = _PACKAGE / "_shipped"
    return installed if installed.is_dir() else _PACKAGE.parent

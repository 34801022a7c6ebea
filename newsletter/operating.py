"""What takes more than the parts of one letter: an engine by another clock, a copy, a second database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from newsletter.app import App
from newsletter.domain.clock import PlayedClock
from newsletter.errors import Refused
from newsletter.pipeline.moving import Moving
from newsletter.pipeline.running import Engine, Sent
from newsletter.pipeline.simulating import Simulating, Simulation, Tell, refuse_unusable, tell_nobody
from newsletter.providers import open_rehearsal
from newsletter.store.scratch import on_copy


def rehearsing(app: App) -> App:
    """Return a letter whose weeks can be played: as it is, or with the fake that it sends through as one.

    Raises Refused for any other provider than the outbox and a fake on this machine.
    """
    if app.provider_is_rehearsal:
        return app
    from newsletter.providers.faking import rehearsed  # noqa: PLC0415 - httpx is slow to import

    settings = app.settings.provider.opened_with(app.root, app.environment)
    fake = rehearsed(app.provider, settings)
    if fake is None:
        name = app.provider.capabilities.name
        raise Refused(
            f"weeks are played with the outbox or a local fake only, not with {name}",
            mend=f"try: newsletter simulate; or: newsletter provider fake {name}",
        )
    return App(
        app.root, clock=app.clock, environment=app.environment, provider=fake, database_url=app.storage.url
    )


def play(app: App, weeks: int) -> Iterator[Sent]:
    """Play weeks from the first queued slot under a fake clock; nothing real may leave by it.

    A run that was killed goes on where it was. Raises Refused as `rehearsing` does.
    """
    app = rehearsing(app)
    clock = PlayedClock(app.engine.reached(app.clock.now()))
    engine = app.engines.real(app.provider, clock)
    with closing(app.provider):
        yield from engine.play(clock, _end(engine, clock, weeks))


def simulate(app: App, weeks: int, folder: Path | None, tell: Tell = tell_nobody) -> Simulation:
    """Play weeks on a copy of the database with a rehearsal; keep the mails where a folder is given."""
    if folder is not None:
        refuse_unusable(folder)
    with on_copy(app.database) as copy:
        clock = PlayedClock(app.clock.now())
        engine = app.engines.on_copy(copy, open_rehearsal(folder), clock)
        return Simulating(copy, engine, clock).simulate(weeks, tell)


@contextmanager
def rehearsed_engine(app: App) -> Iterator[Engine]:
    """Give the engine over a copy of the database with the real provider, to compose calls only."""
    with on_copy(app.database) as copy:
        yield app.engines.on_copy(copy, app.provider, app.clock)


@contextmanager
def moving(app: App, source: str, target: str) -> Iterator[Moving]:
    """Give the move from one database URL to another; relative files are of this letter's folder."""
    one, other = app.on(source), app.on(target)
    with closing(one.storage.closed_database) as from_, closing(other.storage.closed_database) as to:
        files = one.storage.lineage_file, other.storage.lineage_file
        yield Moving(from_, to, *files, app.clock, partial(_record_kept, one))


def _record_kept(app: App) -> None:
    """Record the outcomes that the database could not take when they came."""
    # The provider is opened only where it is needed: a move needs no key.
    if app.storage.aside is not None and app.storage.aside.waiting():
        app.engine.delivering.replay()


def _end(engine: Engine, clock: PlayedClock, weeks: int) -> datetime:
    first = engine.next_instant() or clock.now()
    return max(first, clock.now()) + timedelta(weeks=weeks)

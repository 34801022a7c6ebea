"""What takes more than the parts of one letter: an engine by another clock, a copy, a second database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from newsletter.app import App
from newsletter.domain.clock import PlayedClock
from newsletter.domain.provider import Provider
from newsletter.errors import Refused
from newsletter.pipeline.moving import Moving
from newsletter.pipeline.running import Engine, Sent
from newsletter.pipeline.simulating import Simulating, Simulation, Tell, refuse_unusable, tell_nobody
from newsletter.providers import open_rehearsal
from newsletter.routing import Routing
from newsletter.store.scratch import on_copy


def rehearsing(app: App) -> App:
    """Return a letter whose weeks can be played: as it is, or with the fakes that it sends through as such.

    Raises Refused for any other provider than the outbox and a fake on this machine.
    """
    if app.provider_is_rehearsal:
        return app
    played = {name: _played(app.routing, name) for name in app.routing.names}
    return App(
        app.root,
        clock=app.clock,
        environment=app.environment,
        providers=played,
        database_url=app.storage.url,
    )


def _played(routing: Routing, name: str) -> Provider:
    from newsletter.providers.faking import rehearsed  # noqa: PLC0415 - httpx is slow to import

    provider = routing.provider(name)
    if provider.capabilities.rehearsal:
        return provider
    fake = rehearsed(provider, routing.opened_with(name))
    if fake is None:
        kind = routing.table(name).name
        raise Refused(
            f"weeks are played with the outbox or a local fake only, not with {routing.called(name)}",
            mend=f"try: newsletter simulate; or: newsletter provider fake {kind}",
        )
    return fake


def play(app: App, weeks: int) -> Iterator[Sent]:
    """Play weeks from the first queued slot under a fake clock; nothing real may leave by it.

    A run that was killed goes on where it was. Raises Refused as `rehearsing` does.
    """
    app = rehearsing(app)
    clock = PlayedClock(app.engine.reached(app.clock.now()))
    engine = app.engines.real(app.routing, clock)
    with closing(app.routing):
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
    """Give the engine over a copy of the database with the real providers, to compose calls only."""
    with on_copy(app.database) as copy:
        yield app.engines.composing(copy, app.routing, app.clock)


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
        app.engine.replay()


def _end(engine: Engine, clock: PlayedClock, weeks: int) -> datetime:
    first = engine.next_instant() or clock.now()
    return max(first, clock.now()) + timedelta(weeks=weeks)

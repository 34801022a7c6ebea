"""The part of the composition root that opens the preview studio."""

from collections.abc import Sequence
from contextlib import closing

from newsletter.app import App, shipped
from newsletter.domain.provider import Outcome
from newsletter.domain.studio import MOST_OFFERED
from newsletter.domain.subscriber import Subscriber
from newsletter.errors import NewsletterError, Refused
from newsletter.pipeline.composing import Composing
from newsletter.pipeline.looking import Looking, People, nobody
from newsletter.store import subscribers


def look_at(app: App) -> Looking:
    """Show a letter while it is written; nothing but a test copy needs a database, or a key."""
    folders = [app.root / "content", app.root / "templates", shipped() / "templates" / "email"]

    def open_composing() -> Composing:
        return app.on(None).composing

    people = People(lambda: _some(app), lambda address: _find(app, address), lambda *one: _send(app, *one))
    return Looking((app.root / "newsletter.toml", *folders), open_composing, people)


def _some(app: App) -> Sequence[Subscriber]:
    try:
        if not app.storage.is_ready:
            return ()
        with app.database.reading() as tx:
            return subscribers.first(tx, MOST_OFFERED)
    except NewsletterError:
        # A letter can be looked at while its database cannot.
        return ()


def _find(app: App, address: str) -> Subscriber:
    return app.subscribing.find(address) if app.storage.is_ready else nobody(address)


def _send(app: App, target: str, address: str) -> str:
    # The settings may have changed since the studio was opened.
    app = app.on(None)
    app.refuse_unready()
    with closing(app.database), closing(app.provider):
        (told,) = app.tests.send(target, [address]).items()
    to, answer = told
    if answer.outcome is not Outcome.ACCEPTED:
        raise Refused(f"{to}: {answer.outcome.value} {answer.reason}".rstrip())
    name = app.provider.capabilities.name
    if app.provider_is_rehearsal:
        return f"{name}: nothing leaves this machine; the mail to {to} is in {app.settings.provider.folder}/"
    return f"{name} accepted the mail to {to}"

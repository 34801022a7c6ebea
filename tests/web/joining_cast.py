"""A letter with its public pages open, a visitor, and the mails that come to people."""

import atexit
import email
import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import httpx
from letter_cast import SERIES, SETTINGS, Office, write_letter
from sqlalchemy import select
from stage import stage

from newsletter.app import App
from newsletter.domain.subscriber import address_hash
from newsletter.domain.tokens import Grant, Purpose
from newsletter.store import subscribers
from newsletter.store.tables import consent_event, metadata, series, subscription
from newsletter.web.choosing import choose
from newsletter.web.joining import join
from newsletter.web.pages import pages

ADA, NEW = "ada@example.org", "new@example.org"
FORM = "/subscribe/back-pain"
_TOKEN = re.compile(r'name="token" value="([^"]+)"')
_LINK = re.compile(r"https://news\.example\.org(/[a-z]/[^\s<>\"]+)")


@dataclass
class Site:
    """One letter, open to the public; `run` lets it send for some seconds."""

    office: Office
    http: httpx.Client
    app: App

    def wait(self, **span: float) -> None:
        self.office.clock.advance_to(self.office.clock.now() + timedelta(**span))

    def run(self, seconds: float = 10) -> None:
        app = self.office.app()
        until = self.office.clock.now() + timedelta(seconds=seconds)
        with app.sending():
            list(app.engine.play(self.office.clock, until))

    def subscribe(
        self,
        address: str = NEW,
        slug: str = "back-pain",
        /,
        headers: dict[str, str] | None = None,
        **typed: str,
    ) -> httpx.Response:
        """Read the form as a person does, and send it."""
        token = _TOKEN.search(self.http.get(f"/subscribe/{slug}").text)
        assert token
        self.wait(seconds=5)
        values = {"address": address, "token": token[1], **typed}
        return self.http.post(f"/subscribe/{slug}", data=values, headers=headers)

    def mails(self, address: str = NEW) -> list[EmailMessage]:
        """Read what came to an address, of each kind the last."""
        files = sorted(self.office.root.rglob(f"outbox/*/*{address}*.eml"))
        return [
            email.message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=policy.default)
            for file in files
        ]

    def mail(self, subject: str, address: str = NEW) -> EmailMessage:
        return next(one for one in self.mails(address) if subject in one["Subject"])

    def link(self, subject: str = "Please confirm", address: str = NEW) -> str:
        """Return the path of the one link of a mail."""
        (path,) = set(links_of(self.mail(subject, address)))
        return path

    def joined(self, address: str = NEW, slug: str = "back-pain") -> httpx.Response:
        """Subscribe, read the mail, and press its button."""
        self.subscribe(address, slug)
        self.run()
        return self.http.post(self.link(address=address))

    def leaving(self, address: str = ADA, slug: str = "back-pain") -> str:
        """Return the path of the unsubscribe link in somebody's mail."""
        return "/u/" + self.app.keys.sign(Purpose.UNSUBSCRIBE, self.grant(address, slug))

    def grant(self, address: str = ADA, slug: str = "back-pain") -> Grant:
        hash_ = address_hash(address, self.app.deployment.salt)
        with self.app.database.reading() as tx:
            series_id = tx.execute(select(series.c.id).where(series.c.slug == slug)).scalar_one()
            return Grant(series_id, subscribers.ids_by_hash(tx, [hash_])[hash_])

    def token(self, purpose: Purpose, address: str = ADA, expires: datetime | None = None) -> str:
        soon = self.office.clock.now() + timedelta(hours=1)
        return self.app.keys.sign(purpose, self.grant(address), expires=expires or soon)

    def state(self, address: str = NEW, slug: str = "back-pain") -> str | None:
        return self.states(address).get(slug)

    def states(self, address: str = NEW) -> dict[str, str]:
        hash_ = address_hash(address, self.app.deployment.salt)
        with self.app.database.reading() as tx:
            id_ = subscribers.ids_by_hash(tx, [hash_]).get(hash_)
            rows = select(series.c.slug, subscription.c.state).join(
                subscription, subscription.c.series_id == series.c.id
            )
            return dict(tx.execute(rows.where(subscription.c.subscriber_id == id_)).all())

    def events(self, *columns: str) -> list[tuple]:
        """List consent events but those that people were added with."""
        wanted = [consent_event.c[name] for name in columns or ("kind", "how")]
        rows = select(*wanted).where(consent_event.c.how != "command line").order_by(consent_event.c.id)
        with self.app.database.reading() as tx:
            return [tuple(row) for row in tx.execute(rows)]

    def everything(self) -> dict[str, list[tuple]]:
        """Read every row that could change by a visit."""
        with self.app.database.reading() as tx:
            return {
                table.name: sorted(map(tuple, tx.execute(select(table))), key=repr)
                for table in metadata.sorted_tables
            }


def links_of(mail: EmailMessage) -> list[str]:
    """Return the paths of all links to our own pages, in either part."""
    parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    header = str(mail["List-Unsubscribe"] or "")
    return [path for part in [*parts, header] for path in _LINK.findall(part)]


def add_series(root: Path, slug: str = "sleep", title: str = "Sleep") -> None:
    """Write another series into a letter."""
    (root / f"content/series/{slug}.toml").write_text(SERIES.replace("Back pain", title))


@contextmanager
def open_site(root: Path, database_url: str | None = None, web: str = "") -> Iterator[Site]:
    """Open a letter with two readers of one series, and nobody in the other."""
    is_copy = database_url in (None, f"sqlite:///{root}/newsletter.db")
    if is_copy:
        shutil.copytree(_prepared(), root, dirs_exist_ok=True)
    _write(root, database_url, web)
    with closing(Office(root)) as office:
        if not is_copy:
            _fill(office)
        app = office.app()
        public = pages(app.pages.desk, app.web_templates)
        proxies = app.settings.web.proxies
        join(public, app.pages.sign_ups, app.web_templates, proxies)
        choose(public, app.pages.choosing, app.web_templates, proxies)
        with stage().playing(public) as url, httpx.Client(base_url=url) as http:
            yield Site(office, http, app)


@cache
def _prepared() -> Path:
    """Give a folder that is copied for every site with a file, which is quicker than to make it."""
    root = Path(mkdtemp(prefix="newsletter-site-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    _write(root, None, "")
    with closing(Office(root)) as office:
        _fill(office)
    return root


def _write(root: Path, database_url: str | None, web: str) -> None:
    write_letter(root)
    add_series(root)
    database = f'\n[database]\nurl = "{database_url}"\n' if database_url else ""
    (root / "newsletter.toml").write_text(f"{SETTINGS}\n{database}\n[web]\n{web}\n")


def _fill(office: Office) -> None:
    app = office.app()
    for name in ("ada", "ben"):
        app.enrolling.add(f"{name}@example.org", name.title(), "", "back-pain", "asked at reception")
    office.queue("back-pain")
    office.queue("sleep")

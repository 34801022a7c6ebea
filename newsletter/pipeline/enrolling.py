"""Bring people to a series: one by hand, many in a file, or anybody by a form on some website."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from newsletter.content.people_files import open_people
from newsletter.domain.clock import Clock
from newsletter.domain.joining import Entry
from newsletter.domain.signup import html_form
from newsletter.domain.subscriber import Consent, Evidence, Subscriber
from newsletter.errors import Refused
from newsletter.pipeline.composing import Composing
from newsletter.pipeline.listening import Watch, listening, watch_nobody
from newsletter.pipeline.sifting import checked
from newsletter.pipeline.subscribing import Subscribing
from newsletter.pipeline.telling import Imported
from newsletter.store.series import find


@dataclass(frozen=True)
class Enrolling:
    """Take people into the series of a letter's files; `open` opens the list that they come to.

    It is opened once everything that is asked for was understood, so that a refusal leaves no new database.
    """

    composing: Composing
    open: Callable[[], Subscribing]
    clock: Clock
    public_url: str

    def add(self, address: str, name: str, zone: str, series: str | None, consent: str) -> Imported:
        """Add one person; raises what is wrong with them."""
        entry = Entry(0, checked(Subscriber(address, name, zone)))
        evidence = _evidence("command line", consent, self.clock.now())
        letter = self.composing.letter()
        return self.open().add(letter, letter.choose_series(series), [entry], evidence)

    def import_file(
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
        slug = letter.choose_series(series)
        said = consent.strip()
        evidence = Evidence(self.clock.now(), "import", said or f"named in {file.name}")
        with listening(report, watch, people.lines) as told:
            found = self.open().add(
                letter,
                slug,
                people.entries(),
                evidence,
                state=Consent.ACTIVE if said else Consent.PENDING,
                dry_run=dry_run,
                listening=told,
            )
        found.notes += people.notes
        return found

    def form(self, series: str | None) -> str:
        """Write the form of a series for any website.

        Raises Refused where nobody could use it: without a public URL, or before the series is queued.
        """
        if not self.public_url:
            raise Refused(
                "public_url is missing, so no form can lead here", mend="write it into newsletter.toml"
            )
        slug = self.composing.letter().choose_series(series)
        with self.open().database.reading() as tx:
            of = find(tx, slug)
        if of is None:
            raise Refused(f"nothing of {slug} was ever queued", mend=f"run: newsletter queue {slug}")
        return html_form(slug, of.title, self.public_url.rstrip("/"))


def _evidence(how: str, text: str, now: datetime) -> Evidence:
    """State how people agreed; raises Refused where nobody says so."""
    if not text.strip():
        raise Refused(
            "nobody says how they agreed to get mail",
            mend='add --consent "paper form, reception, October 2026"',
        )
    return Evidence(now, how, text.strip())

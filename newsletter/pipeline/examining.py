"""Look at everything that a real send needs, in the order in which it is mended. Changes nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from newsletter.content.addresses import normalised
from newsletter.domain.diagnosis import (
    Checked,
    Examination,
    Verdict,
    blocks,
    judge_room,
    ok,
    problem,
    unchecked,
)
from newsletter.domain.letter import Letter, Publication
from newsletter.domain.message import sender_domain
from newsletter.domain.provider import Provider
from newsletter.errors import NewsletterError
from newsletter.pipeline.authenticating import Authenticating
from newsletter.pipeline.belonging import Belonging
from newsletter.pipeline.readiness import refuse_missing_address, refuse_missing_way_out
from newsletter.store.database import Database

_ADOPT = "look what went out since, then: newsletter db adopt"


@dataclass(frozen=True)
class Outside:
    """Whom to ask beyond this machine; `refuse_silent_way_out` raises Refused for a page that is not ours."""

    authenticating: Authenticating
    refuse_silent_way_out: Callable[[], None]


@dataclass(frozen=True)
class Examining:
    """Look at one letter; a part that fails to open is a finding. Without `outside` nobody is asked."""

    publication: Publication
    public_url: str
    alert_to: Sequence[str]
    provider_name: str
    open_letter: Callable[[], Letter]
    open_provider: Callable[[], Provider]
    closed_database: Database
    open_database: Callable[[], Belonging]
    outside: Outside | None

    def examine(self) -> Iterator[Checked]:
        """Look at everything; a rehearsal is blocked by nothing that only a real send needs."""
        domains, letter = self._letter()
        provider, opened = self._provider()
        is_rehearsal = provider is not None and provider.capabilities.rehearsal
        for one in [letter, *self._settings()]:
            is_for_later = is_rehearsal and one.verdict is Verdict.BLOCKS and one is not letter
            yield replace(one, verdict=Verdict.PROBLEM) if is_for_later else one
        yield from self._database()
        yield opened
        if is_rehearsal:
            yield unchecked(
                "domain, DNS, public URL",
                "a rehearsal needs none of them",
                "name a real provider in [provider]",
            )
        elif self.outside is None:
            yield from _left_out(domains)
        else:
            yield from self._outside(self.outside, provider, domains)

    def _letter(self) -> tuple[list[str], Checked]:
        try:
            series = self.open_letter().series
        except NewsletterError as error:
            return [], _blocked("letter", error)
        domains = list(dict.fromkeys(filter(None, (sender_domain(one.sender) for one in series.values()))))
        if not domains:
            return [], unchecked("letter", "no series says yet who sends it", "run: newsletter split ARTICLE")
        return domains, ok("letter", f"sends from {', '.join(domains)}")

    def _settings(self) -> Iterator[Checked]:
        yield _refusable(
            "public_url", self.public_url, lambda: refuse_missing_way_out(self.provider_name, self.public_url)
        )
        yield _refusable(
            "postal_address",
            self.publication.postal_address,
            lambda: refuse_missing_address(self.provider_name, self.publication),
        )
        if not self.alert_to:
            yield problem("alert_to", "nobody is told when something is held", 'write alert_to = ["you@…"]')
        for address in self.alert_to:
            try:
                yield ok("alert_to", normalised(address))
            except NewsletterError as error:
                yield problem("alert_to", error.message, "correct it: its alerts would be lost")

    def _database(self) -> Iterator[Checked]:
        database = self.closed_database
        what = "database"
        if database.file is not None and not database.file.exists():
            yield ok(what, f"{database.name} is made with the first command that needs it")
        else:
            try:
                belonging = self.open_database()
                why = belonging.why_not_send()
                yield blocks(what, why, belonging.way_to_send(_ADOPT)) if why else ok(what, database.name)
            except NewsletterError as error:
                yield _blocked(what, error)
        try:
            free = database.free_bytes()
        except NewsletterError as error:
            yield _blocked("free space", error)
            return
        if free is not None:
            yield judge_room(free)
        elif not database.is_sqlite:
            yield unchecked("free space", "a server does not tell it", "look at the disk of the server")

    def _provider(self) -> tuple[Provider | None, Checked]:
        try:
            provider = self.open_provider()
        except NewsletterError as error:
            return None, _blocked("provider", error)
        if provider.capabilities.rehearsal:
            return provider, ok("provider", f"{provider.capabilities.name}: nothing leaves this machine")
        return provider, ok("provider", provider.capabilities.name)

    def _outside(
        self, outside: Outside, provider: Provider | None, domains: Sequence[str]
    ) -> Iterator[Checked]:
        told = Examination()
        if provider is not None:
            with closing(provider):
                told = provider.examine(domains)
        yield from told.checked
        for domain in domains:
            yield from outside.authenticating.examine(domain, told)
        if self.public_url:
            yield _refusable("unsubscribe page", "it answers with our keys", outside.refuse_silent_way_out)


def _left_out(domains: Sequence[str]) -> Iterator[Checked]:
    for what in ["key", *(f"domain {one}: provider and DNS" for one in domains), "unsubscribe page"]:
        yield unchecked(what, "left out, by --offline", "run: newsletter doctor")


def _refusable(what: str, said: str, refuse: Callable[[], None]) -> Checked:
    try:
        refuse()
    except NewsletterError as error:
        return _blocked(what, error)
    return ok(what, said)


def _blocked(what: str, error: NewsletterError) -> Checked:
    where = f"{error.place}: " if error.place else ""
    return blocks(what, f"{where}{error.message}", error.mend)

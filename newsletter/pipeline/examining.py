"""Look at everything that a real send needs, in the order in which it is mended. Changes nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
class Named:
    """A provider by what series name, "" for the default; `kind` is the service that it is."""

    name: str
    kind: str
    open: Callable[[], Provider]

    @property
    def what(self) -> str:
        return f"provider {self.name}" if self.name else "provider"

    @property
    def said(self) -> str:
        return self.kind if self.name in ("", self.kind) else f"{self.name}, which is {self.kind}"


@dataclass(frozen=True)
class Examining:
    """Look at one letter; a part that fails to open is a finding. Without `outside` nobody is asked."""

    publication: Publication
    public_url: str
    alert_to: Sequence[str]
    providers: Sequence[Named]
    open_letter: Callable[[], Letter]
    closed_database: Database
    open_database: Callable[[], Belonging]
    outside: Outside | None

    def examine(self) -> Iterator[Checked]:
        """Look at everything; a rehearsal is blocked by nothing that only a real send needs."""
        by_provider, letter = self._letter()
        opened = {one.name: self._provider(one) for one in self.providers}
        rehearsals = [one for one, _ in opened.values() if one is not None and one.capabilities.rehearsal]
        is_rehearsal = len(rehearsals) == len(opened)
        real = [one.said for one in self.providers if opened[one.name][0] not in rehearsals]
        for one in [letter, *self._settings(real[0] if real else self.providers[0].kind)]:
            is_for_later = is_rehearsal and one.verdict is Verdict.BLOCKS and one is not letter
            yield replace(one, verdict=Verdict.PROBLEM) if is_for_later else one
        yield from self._database()
        yield from (found for _, found in opened.values())
        yield from self._alerts(opened[""][0] in rehearsals and not is_rehearsal)
        if is_rehearsal:
            yield unchecked(
                "domain, DNS, public URL",
                "a rehearsal needs none of them",
                "name a real provider in [provider]",
            )
        elif self.outside is None:
            yield from _left_out(sorted({one for domains in by_provider.values() for one in domains}))
        else:
            yield from self._outside(self.outside, opened, by_provider)

    def _letter(self) -> tuple[Mapping[str, Sequence[str]], Checked]:
        """Return the sending domains by what their series name."""
        try:
            series = self.open_letter().series
        except NewsletterError as error:
            return {}, _blocked("letter", error)
        by_provider: defaultdict[str, list[str]] = defaultdict(list)
        for one in series.values():
            domain = sender_domain(one.sender)
            if domain and domain not in by_provider[one.provider]:
                by_provider[one.provider].append(domain)
        domains = dict.fromkeys(domain for found in by_provider.values() for domain in found)
        if not domains:
            return {}, unchecked("letter", "no series says yet who sends it", "run: newsletter split ARTICLE")
        return by_provider, ok("letter", f"sends from {', '.join(domains)}")

    def _alerts(self, are_lost: bool) -> Iterator[Checked]:
        if are_lost and self.alert_to:
            said = f"they go by the default provider, {self.providers[0].kind}, and never leave this machine"
            yield problem("alerts", said, "name a real provider in [provider]")

    def _settings(self, provider: str) -> Iterator[Checked]:
        yield _refusable(
            "public_url", self.public_url, lambda: refuse_missing_way_out(provider, self.public_url)
        )
        yield _refusable(
            "postal_address",
            self.publication.postal_address,
            lambda: refuse_missing_address(provider, self.publication),
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

    def _provider(self, named: Named) -> tuple[Provider | None, Checked]:
        try:
            provider = named.open()
        except NewsletterError as error:
            return None, _blocked(named.what, error)
        if provider.capabilities.rehearsal:
            return provider, ok(named.what, f"{named.said}: nothing leaves this machine")
        return provider, ok(named.what, named.said)

    def _outside(
        self,
        outside: Outside,
        opened: Mapping[str, tuple[Provider | None, Checked]],
        by_provider: Mapping[str, Sequence[str]],
    ) -> Iterator[Checked]:
        for name, (provider, _) in opened.items():
            domains, told = by_provider.get(name, ()), Examination()
            if provider is not None and provider.capabilities.rehearsal:
                continue
            if provider is not None:
                with closing(provider):
                    told = provider.examine(domains)
            found = [*told.checked]
            for domain in domains:
                found += outside.authenticating.examine(domain, told)
            # Two may be asked for the same domain, and have keys of their own.
            yield from (replace(one, what=f"{name}: {one.what}") if name else one for one in found)
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

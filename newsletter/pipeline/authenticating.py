"""Ask name servers for what mailboxes will ask them of a sending domain: SPF, DKIM, DMARC and who takes mail.

Decides nothing of what it finds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, unchecked
from newsletter.domain.dkim import judge_dkim, record_name
from newsletter.domain.dmarc import is_dmarc, judge_dmarc, walk
from newsletter.domain.names import Names, Unanswered
from newsletter.domain.spf import MOST_LOOKUPS, Spf, SpfSurvey, is_spf, judge_spf, read_spf

_ASK_AGAIN = "look at the network, or name a server with --name-server"


@dataclass(frozen=True)
class Authenticating:
    """Look a domain up; `selectors` are names of DKIM keys that a person gave."""

    names: Names
    selectors: Sequence[str] = ()

    def examine(self, domain: str, told: Examination) -> Iterator[Checked]:
        """Look up everything of one sending domain; `told` is what the provider said of it."""
        envelope = told.bounces.get(domain)
        yield self._look(f"SPF of {envelope or domain}", lambda: self._spf(domain, envelope))
        yield from self._dkim(domain, told)
        yield self._look(f"DMARC of {domain}", lambda: self._dmarc(domain))
        yield self._look(f"mail to {domain}", lambda: self._mail(domain))

    def _spf(self, domain: str, envelope: str | None) -> Checked:
        place = envelope or domain
        return judge_spf(place, self._survey(place), is_envelope=envelope is not None)

    def _dkim(self, domain: str, told: Examination) -> Iterator[Checked]:
        given = [record_name(one, domain) for one in self.selectors]
        names = list(dict.fromkeys([*told.dkim.get(domain, ()), *given]))
        for name in names:
            yield self._look(f"DKIM {name}", partial(self._key, name, domain))
        if not names:
            said = "the provider does not tell the name of its key (the selector)"
            yield unchecked(f"DKIM of {domain}", said, "give it: newsletter doctor --selector NAME")

    def _key(self, name: str, domain: str) -> Checked:
        return judge_dkim(name, domain, self.names.texts(name))

    def _dmarc(self, domain: str) -> Checked:
        found = []
        for place in walk(domain):
            records = [one for one in self.names.texts(f"_dmarc.{place}") if is_dmarc(one)]
            found.append((place, records))
            if records and place == domain:
                break
        return judge_dmarc(domain, found)

    def _mail(self, domain: str) -> Checked:
        what, servers = f"mail to {domain}", self.names.mail_servers(domain)
        if not servers:
            return blocks(
                what,
                "nobody takes mail for it: answers are lost, and mailboxes refuse such a sender",
                "publish an MX record, or send from a domain that has one",
            )
        return ok(what, f"goes to {servers[0]}")

    def _survey(self, domain: str) -> SpfSurvey:
        records = self._records(domain)
        if len(records) != 1:
            return SpfSurvey(records)
        own = read_spf(records[0])
        lookups, wrong, final = self._follow(own, {domain})
        return SpfSurvey(records, lookups, final, wrong)

    def _follow(self, spf: Spf, seen: set[str]) -> tuple[int, str, str | None]:
        """Count every look-up that a record may take; stop counting where nothing is left to prove."""
        lookups, wrong, final = spf.lookups, spf.wrong, spf.final
        for place in filter(None, (*spf.includes, spf.redirect)):
            if wrong or lookups > MOST_LOOKUPS:
                break
            if "%" in place:
                # What it stands for depends on the mail (RFC 7208 §7).
                continue
            records = () if place in seen else self._records(place)
            if place in seen:
                wrong = f"it comes back to {place}"
            elif len(records) != 1:
                wrong = f"{place} has {len(records) or 'no'} record{'s' if len(records) > 1 else ''}"
            else:
                more, wrong, last = self._follow(read_spf(records[0]), {*seen, place})
                lookups += more
                final = last if place == spf.redirect else final
        return lookups, wrong, final

    def _records(self, domain: str) -> Sequence[str]:
        return [text for text in self.names.texts(domain) if is_spf(text)]

    @staticmethod
    def _look(what: str, look: Callable[[], Checked]) -> Checked:
        try:
            return look()
        except Unanswered as error:
            return unchecked(what, str(error), _ASK_AGAIN)

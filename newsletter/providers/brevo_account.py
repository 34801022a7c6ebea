"""What Brevo tells of an account: its plan, whether it may send, and its domains.

By developers.brevo.com as of 2026 (get-account, get-domains, get-domain-configuration).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, problem, unchecked
from newsletter.domain.dkim import record_name
from newsletter.providers.asking import KEY, LIMITS, Answered, ask, rows_of, upwards
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

_DOMAINS = "Senders, Domains & Dedicated IPs"


@dataclass(frozen=True)
class BrevoAccount:
    """The account behind a key."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    key: str

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the account, the list of its domains, and the records of ours."""
        account = self._ask("/v3/account")
        if not account.is_success:
            mend = (
                "make a key under SMTP & API, put it into BREVO_API_KEY, and let Brevo know this machine's IP"
            )
            untold = [unchecked(f"domain {one}", "Brevo told no domains", "mend the key") for one in domains]
            return Examination((account.trouble(KEY, mend=mend), *untold))
        checked = [ok(KEY, "Brevo knows it"), *_relay(account.said), _plan(account.said)]
        listed = self._ask("/v3/senders/domains")
        rows = {text(row.get("domain_name")).lower(): row for row in rows_of(listed.said.get("domains"))}
        checked += [_judge(domain, listed, rows) for domain in domains]
        return Examination(checked, {one: self._dkim(one) for one in domains if one in rows})

    def _dkim(self, domain: str) -> list[str]:
        answered = self._ask(f"/v3/senders/domains/{quote(domain, safe='')}")
        records = map(table, table(answered.said.get("dns_records")).values())
        # Names are written relative to the zone.
        names = [text(one.get("host_name")).lower().partition("._domainkey") for one in records]
        return [record_name(selector, domain) for selector, is_key, _ in names if is_key and selector]

    def _ask(self, path: str) -> Answered:
        return ask(self.wire, f"{self.base_url}{path}", self.headers, [self.key])


def _relay(said: Mapping[str, Any]) -> Iterator[Checked]:
    if table(said.get("relay")).get("enabled") is False:
        yield blocks(
            "account", "transactional mail is not switched on for it", "ask Brevo's support to activate it"
        )


def _plan(said: Mapping[str, Any]) -> Checked:
    credits_ = [
        row.get("credits") for row in rows_of(said.get("plan")) if text(row.get("creditsType")) == "sendLimit"
    ]
    left = [one for one in credits_ if isinstance(one, int | float) and not isinstance(one, bool)]
    if not left:
        return unchecked(LIMITS, "Brevo does not tell them", "see Usage and plan at Brevo")
    words = f"{sum(left):,.0f} mails left"
    return ok(LIMITS, words) if sum(left) > 0 else blocks(LIMITS, words, "wait, or take a larger plan")


def _judge(domain: str, listed: Answered, rows: Mapping[str, Mapping[str, Any]]) -> Checked:
    what = f"domain {domain}"
    if not listed.is_success:
        return listed.trouble(what, mend=f"see {_DOMAINS} at Brevo")
    row = rows.get(domain)
    if row is None:
        above = next((name for name in upwards(domain) if name in rows), "")
        if above:
            said = f"{above} above it is known; whether that stands for it too Brevo does not tell"
            return unchecked(what, said, f"add {domain} itself under {_DOMAINS}")
        return blocks(what, "Brevo does not know it", f"add it under {_DOMAINS}")
    if row.get("verified") is not True:
        return blocks(what, "it is not verified", f"publish the records under {_DOMAINS}")
    if row.get("authenticated") is not True:
        said = "verified, and not authenticated: mails are not signed in its name"
        return problem(what, said, f"publish the DKIM and DMARC records under {_DOMAINS}")
    return ok(what, "verified and authenticated")

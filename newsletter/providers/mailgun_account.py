"""What Mailgun tells of the sending domains and of the account's own limit.

By documentation.mailgun.com and Mailgun's OpenAPI description as of 2026-07.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, problem, unchecked
from newsletter.providers.asking import KEY, Answered, ask
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

_REGION = 'or write base_url = "https://api.eu.mailgun.net" where it is of the other region'


@dataclass(frozen=True)
class MailgunAccount:
    """The account behind a key, in the region of the base URL."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    key: str

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for every sending domain, its records and its tracking, and for the month's limit."""
        checked: list[Checked] = []
        dkim: dict[str, Sequence[str]] = {}
        for domain in domains:
            answered = self._ask(f"/v4/domains/{quote(domain, safe='')}")
            checked += self._domain(domain, answered, is_first=not checked)
            if answered.is_success:
                dkim[domain] = _dkim(answered.said)
        if dkim:
            checked.append(self._limit())
        # Bounces come back to the sending domain itself.
        return Examination(checked, dkim, {domain: domain for domain in dkim})

    def _domain(self, domain: str, answered: Answered, *, is_first: bool) -> list[Checked]:
        what = f"domain {domain}"
        known = [ok(KEY, "Mailgun knows it")] if is_first else []
        if answered.is_success:
            return [*known, _state(what, table(answered.said.get("domain"))), *self._tracking(domain)]
        if answered.is_missing:
            return [
                *known,
                blocks(what, "this region of Mailgun does not know it", f"add it there, {_REGION}"),
            ]
        mend = (
            "put an API key of the account into MAILGUN_API_KEY; with a sending key nothing can be looked up"
        )
        return [answered.trouble(KEY if is_first else what, mend=mend)]

    def _tracking(self, domain: str) -> list[Checked]:
        answered = self._ask(f"/v3/domains/{quote(domain, safe='')}/tracking")
        if not answered.is_success:
            return []
        tracking = table(answered.said.get("tracking"))
        if not table(tracking.get("unsubscribe")).get("active"):
            return []
        return [
            problem(
                f"unsubscribe tracking of {domain}",
                "Mailgun puts a link of its own beside ours",
                "switch it off in the settings of the domain",
            )
        ]

    def _limit(self) -> Checked:
        what = "limits of the plan"
        answered = self._ask("/v5/accounts/limit/custom/monthly")
        limit, used = answered.said.get("limit"), answered.said.get("current")
        if not isinstance(limit, int) or not isinstance(used, int):
            return unchecked(what, "Mailgun tells only a limit that you set", "see Billing at Mailgun")
        said = f"{used:,} of {limit:,} sent this month"
        return blocks(what, said, "raise the limit at Mailgun") if used >= limit else ok(what, said)

    def _ask(self, path: str) -> Answered:
        return ask(self.wire, f"{self.base_url}{path}", self.headers, [self.key])


def _state(what: str, domain: Mapping[str, Any]) -> Checked:
    state = text(domain.get("state")) or "without a state"
    if domain.get("is_disabled") is True or state == "disabled":
        return blocks(what, "Mailgun has disabled it", "ask Mailgun's support why")
    if domain.get("type") == "sandbox":
        return blocks(what, "a sandbox reaches only people who agreed to it", "use a domain of your own")
    if state != "active":
        return blocks(what, state, "publish the records that Mailgun shows for it, and verify it there")
    return ok(what, "verified")


def _dkim(said: Mapping[str, Any]) -> list[str]:
    rows = said.get("sending_dns_records")
    records = [table(row) for row in rows] if isinstance(rows, list) else []
    names = [text(row.get("name")).lower() for row in records if row.get("is_active") is not False]
    return [name for name in names if "._domainkey." in name]

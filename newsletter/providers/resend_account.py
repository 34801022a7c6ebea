"""What Resend tells of an account: its domains, their records, and what was sent.

By resend.com/docs/api-reference/domains and /rate-limit as of 2026.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, problem, unchecked
from newsletter.domain.dkim import record_name
from newsletter.providers.asking import KEY, Answered, ask
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

_MOST_PAGES = 10
_UNAUTHORISED = 401
_QUOTAS = (("x-resend-daily-quota", "today"), ("x-resend-monthly-quota", "this month"))


@dataclass(frozen=True)
class ResendAccount:
    """The account behind a key; each domain is verified by itself, subdomains too."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    key: str

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the domains of the account, and for the records of ours."""
        listed: dict[str, Mapping[str, Any]] = {}
        answered = self._ask("/domains", limit="100")
        first = answered
        for _ in range(_MOST_PAGES):
            rows = [table(row) for row in _list(answered.said.get("data"))]
            listed |= {text(row.get("name")).lower(): row for row in rows}
            if not answered.said.get("has_more") or not rows:
                break
            answered = self._ask("/domains", limit="100", after=text(rows[-1].get("id")))
        if not first.is_success:
            return Examination(_without_a_list(first, domains))
        checked = [ok(KEY, "Resend knows it"), _used(first.headers)]
        checked += [_verified(domain, listed.get(domain)) for domain in domains]
        ids = {one: text(listed[one].get("id")) for one in domains if one in listed}
        records = {one: self._records(id_) for one, id_ in ids.items()}
        return Examination(
            checked,
            dkim={one: _dkim(one, rows) for one, rows in records.items()},
            bounces={one: host for one, rows in records.items() if (host := _bounces(one, rows))},
        )

    def _records(self, domain_id: str) -> list[Mapping[str, Any]]:
        answered = self._ask(f"/domains/{quote(domain_id, safe='')}")
        return [table(row) for row in _list(answered.said.get("records"))]

    def _ask(self, path: str, **query: str) -> Answered:
        return ask(self.wire, f"{self.base_url}{path}", self.headers, [self.key], query)


def _without_a_list(answered: Answered, domains: Sequence[str]) -> list[Checked]:
    if answered.status == _UNAUTHORISED and "restricted" in answered.words.lower():
        said = "the key may only send, so that Resend tells no domains"
        mend = "see resend.com/domains, or let doctor have a key with full access"
        return [ok(KEY, "Resend knows it; it may only send"), *_unknown(domains, said, mend)]
    mend = "make a key at resend.com/api-keys, and put it into RESEND_API_KEY"
    return [answered.trouble(KEY, mend=mend), *_unknown(domains, "Resend told no domains", "mend the key")]


def _unknown(domains: Sequence[str], said: str, mend: str) -> list[Checked]:
    return [unchecked(f"domain {domain}", said, mend) for domain in domains]


def _verified(domain: str, row: Mapping[str, Any] | None) -> Checked:
    what = f"domain {domain}"
    if row is None:
        return blocks(
            what, "Resend does not know it", "add it at resend.com/domains, and publish its records"
        )
    status = text(row.get("status")) or "without a status"
    if table(row.get("capabilities")).get("sending") == "disabled":
        return blocks(what, "sending is switched off for it", "switch it on at resend.com/domains")
    if status in ("verified", "partially_verified"):
        return ok(what, status.replace("_", " "))
    if status == "temporary_failure":
        return problem(
            what, "it was verified, and its records are not found now", "publish them again within 72 hours"
        )
    return blocks(what, status.replace("_", " "), "publish the records that resend.com/domains shows for it")


def _used(headers: Mapping[str, str]) -> Checked:
    used = [f"{int(headers[name]):,} {when}" for name, when in _QUOTAS if headers.get(name, "").isdigit()]
    said = (
        f"sent {' and '.join(used)}; Resend does not tell the limit" if used else "Resend does not tell them"
    )
    return unchecked("limits of the plan", said, "see resend.com/settings/usage")


def _dkim(domain: str, records: Sequence[Mapping[str, Any]]) -> list[str]:
    # Names are written relative to the zone, such as resend._domainkey.news.
    selectors = [
        text(row.get("name")).partition("._domainkey")[0] for row in records if row.get("record") == "DKIM"
    ]
    return [record_name(selector, domain) for selector in dict.fromkeys(selectors) if selector]


def _bounces(domain: str, records: Sequence[Mapping[str, Any]]) -> str:
    names = [
        text(row.get("name"))
        for row in records
        if row.get("record") == "SPF" and row.get("type") == "TXT" and row.get("name")
    ]
    return f"{names[0].partition('.')[0]}.{domain}" if names else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

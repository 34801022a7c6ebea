"""What Mailjet tells of a pair of keys: the senders of a domain, its records, and whether it may send.

By dev.mailjet.com as of 2026 (the resources apikey, sender and dns). It does not tell what is left of a plan.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, problem, unchecked
from newsletter.providers.asking import KEY, LIMITS, Answered, ask, rows_of
from newsletter.providers.reports import text
from newsletter.providers.wire import Wire

_SENDERS = "Senders & Domains"


@dataclass(frozen=True)
class MailjetAccount:
    """The account behind a pair of keys; what it says of them holds the private one, and is never shown."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    key: str
    secret: str

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the keys, and for the senders and the records of each domain."""
        answered = self._ask("/apikey", APIKey=self.key)
        if not answered.is_success:
            mend = "copy both keys from API key management into MJ_APIKEY_PUBLIC and MJ_APIKEY_PRIVATE"
            untold = [unchecked(f"domain {one}", "Mailjet told nothing", "mend the keys") for one in domains]
            return Examination((answered.trouble(KEY, mend=mend), *untold))
        checked = [ok(KEY, "Mailjet knows it"), *_level(rows_of(answered.said.get("Data")), self.key)]
        dkim: dict[str, Sequence[str]] = {}
        for domain in domains:
            records = self._ask(f"/dns/{quote(domain, safe='')}")
            row = next(iter(rows_of(records.said.get("Data"))), {})
            checked.append(self._judge(domain, row))
            if name := text(row.get("DKIMRecordName")).lower().rstrip("."):
                dkim[domain] = [name]
        limits = unchecked(LIMITS, "Mailjet does not tell them", "see Subscription at Mailjet")
        return Examination((*checked, limits), dkim)

    def _judge(self, domain: str, records: Mapping[str, Any]) -> Checked:
        what, answered = f"domain {domain}", self._ask("/sender", Domain=domain, Limit="100")
        if not answered.is_success:
            return answered.trouble(what, mend=f"see {_SENDERS} at Mailjet")
        rows = [row for row in rows_of(answered.said.get("Data")) if _domain_of(row) == domain]
        active = [row for row in rows if text(row.get("Status")) == "Active"]
        if not active:
            said = "it is not validated" if rows else "Mailjet does not know it"
            return blocks(what, said, f"add it under {_SENDERS}, and validate it")
        status = text(records.get("DKIMStatus"))
        if status and status != "OK":
            return problem(what, f"its DKIM record is {status!r}", f"publish the records under {_SENDERS}")
        if not any(text(row.get("Email")).startswith("*@") for row in active):
            said = "single addresses of it may send, not every one"
            return unchecked(what, said, f"look for your sender under {_SENDERS}")
        return ok(what, "validated, with its DKIM record" if status else "validated")

    def _ask(self, path: str, **query: str) -> Answered:
        url = f"{self.base_url}/v3/REST{path}"
        return ask(self.wire, url, self.headers, [self.key, self.secret], query)


def _level(rows: Sequence[Mapping[str, Any]], public: str) -> Iterator[Checked]:
    row = next((one for one in rows if one.get("APIKey") == public), {})
    if row.get("IsActive") is False:
        yield blocks("account", "the key is switched off", "switch it on under API key management")
    level = text(row.get("RunLevel")) or "Normal"
    if level != "Normal":
        yield blocks("account", f"Mailjet has locked it ({level})", "ask Mailjet's support why")


def _domain_of(sender: Mapping[str, Any]) -> str:
    return text(sender.get("Email")).rpartition("@")[2].lower()

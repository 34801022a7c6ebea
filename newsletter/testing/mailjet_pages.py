"""What a fake Mailjet tells of its account; tests change it as they go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from newsletter.testing.account_pages import SAMPLE
from newsletter.testing.fake_http import Response


@dataclass
class MailjetPages:
    """Senders with their status, the state of every DKIM record, and how far the account is locked."""

    senders: dict[str, str] = field(default_factory=lambda: {f"*@{SAMPLE}": "Active"})
    dkim: str = "OK"
    level: str = "Normal"
    is_active: bool = True

    def get(self, path: str, asked: Mapping[str, str], login: str) -> Response | None:
        """Answer what is asked of the account; None for anything else."""
        public, _, private = login.partition(":")
        if path == "/v3/REST/apikey":
            row = {"APIKey": public, "SecretKey": private, "RunLevel": self.level, "IsActive": self.is_active}
            return _rows([row])
        if path == "/v3/REST/sender":
            wanted = f"@{asked.get('Domain', '')}"
            rows = {one: status for one, status in self.senders.items() if one.endswith(wanted)}
            return _rows([{"Email": one, "Status": status} for one, status in rows.items()])
        domain = path.removeprefix("/v3/REST/dns/")
        if domain == path or not any(one.endswith(f"@{domain}") for one in self.senders):
            return None
        names = {"Domain": domain, "DKIMRecordName": f"mailjet._domainkey.{domain}."}
        return _rows([{**names, "DKIMStatus": self.dkim, "SPFStatus": "OK"}])


def _rows(rows: list[dict[str, Any]]) -> Response:
    return Response.of(200, {"Count": len(rows), "Data": rows, "Total": len(rows)})

"""What a fake Brevo tells of its account; tests change it as they go."""

from dataclasses import dataclass, field

from newsletter.testing.account_pages import SAMPLE
from newsletter.testing.fake_http import Response


@dataclass
class BrevoPages:
    """Domains, whether each is verified and authenticated; mails left, None where it is not told."""

    domains: dict[str, tuple[bool, bool]] = field(default_factory=lambda: {SAMPLE: (True, True)})
    credits: int | None = 300
    may_send: bool = True

    def get(self, path: str) -> Response | None:
        """Answer what is asked of the account; None for anything else."""
        if path == "/v3/account":
            plan = {"type": "free", "creditsType": "sendLimit", "credits": self.credits}
            said = {"email": "office@example.org", "relay": {"enabled": self.may_send}}
            return Response.of(200, {**said, "plan": [plan] if self.credits is not None else []})
        if path == "/v3/senders/domains":
            return Response.of(200, {"domains": [self._row(one) for one in self.domains]})
        name = path.removeprefix("/v3/senders/domains/")
        if name not in self.domains:
            return None
        records = {
            "dkim_record": {"type": "TXT", "host_name": "mail._domainkey", "status": True},
            "brevo_code": {"type": "TXT", "host_name": "", "status": True},
            "dmarc_record": {"type": "TXT", "host_name": "_dmarc", "status": True},
        }
        return Response.of(200, {**self._row(name), "dns_records": records})

    def _row(self, domain: str) -> dict[str, object]:
        is_verified, is_authenticated = self.domains[domain]
        return {"id": "1", "domain_name": domain, "verified": is_verified, "authenticated": is_authenticated}

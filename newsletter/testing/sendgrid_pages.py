"""What a fake SendGrid tells of its account; tests change it as they go."""

from dataclasses import dataclass, field

from newsletter.testing.account_pages import SAMPLE
from newsletter.testing.fake_http import Response

_RIGHTS = ("mail.send", "email_logs.read", "whitelabel.read", "user.credits.read")


@dataclass
class SendGridPages:
    """Domains, and whether they are valid; the rights of the key; what is left of the plan."""

    domains: dict[str, bool] = field(default_factory=lambda: {SAMPLE: True})
    rights: tuple[str, ...] = _RIGHTS
    credits: tuple[int, int] = (90, 100)

    def get(self, path: str, domain: str) -> Response | None:
        """Answer what is asked of the account; None for anything else."""
        match path:
            case "/v3/scopes":
                return Response.of(200, {"scopes": list(self.rights)})
            case "/v3/whitelabel/domains":
                return self._allowed(
                    "whitelabel.read", [self._row(one) for one in self.domains if domain in one]
                )
            case "/v3/user/credits":
                left, total = self.credits
                said = {"remain": left, "total": total, "used": total - left, "reset_frequency": "monthly"}
                return self._allowed("user.credits.read", said)
        return None

    def _allowed(self, right: str, said: object) -> Response:
        if right in self.rights:
            return Response.of(200, said)
        return Response.of(403, {"errors": [{"message": "access forbidden", "field": None}]})

    def _row(self, domain: str) -> dict[str, object]:
        is_valid = self.domains[domain]
        hosts = {"mail_cname": f"em77.{domain}", "dkim1": f"s1._domainkey.{domain}"}
        hosts |= {"dkim2": f"s2._domainkey.{domain}"}
        dns = {name: {"valid": is_valid, "type": "cname", "host": host} for name, host in hosts.items()}
        return {
            "id": 1,
            "domain": domain,
            "subdomain": "em77",
            "valid": is_valid,
            "default": True,
            "dns": dns,
        }

"""What a fake MailerSend tells of its account; tests change it as they go."""

from dataclasses import dataclass, field

from newsletter.testing.account_pages import SAMPLE
from newsletter.testing.fake_http import Response

_PAGE = 2


@dataclass
class MailerSendPages:
    """Domains, and whether they are verified, two on a page; requests left of the day's."""

    domains: dict[str, bool] = field(default_factory=lambda: {SAMPLE: True})
    is_paused: bool = False
    tracks_unsubscribes: bool = False
    requests: tuple[int, int] = (990, 1_000)
    may_read: bool = True

    def get(self, path: str, page: str) -> Response | None:
        """Answer what is asked of the account; None for anything else."""
        if path != "/v1/api-quota" and not path.startswith("/v1/domains"):
            return None
        if not self.may_read:
            return Response.of(403, {"message": "This action is unauthorized. #MS40301"})
        if path == "/v1/api-quota":
            left, quota = self.requests
            return Response.of(200, {"quota": quota, "remaining": left, "reset": "2026-12-02T00:00:00Z"})
        rows = {f"d-{number}": domain for number, domain in enumerate(self.domains)}
        if path == "/v1/domains":
            last, start = max(1, -(-len(rows) // _PAGE)), (int(page or 1) - 1) * _PAGE
            listed = [self._row(*one) for one in list(rows.items())[start : start + _PAGE]]
            return Response.of(200, {"data": listed, "meta": {"last_page": last}})
        id_ = path.removeprefix("/v1/domains/").removesuffix("/dns-records")
        if id_ not in rows:
            return None
        hosts = {"dkim": f"mlsend2._domainkey.{rows[id_]}", "return_path": f"mta.{rows[id_]}"}
        records = {name: {"hostname": host, "type": "CNAME"} for name, host in hosts.items()}
        return Response.of(200, {"data": {"id": id_, **records}})

    def _row(self, id_: str, domain: str) -> dict[str, object]:
        settings = {"send_paused": self.is_paused, "track_unsubscribe": self.tracks_unsubscribes}
        return {"id": id_, "name": domain, "is_verified": self.domains[domain], "domain_settings": settings}

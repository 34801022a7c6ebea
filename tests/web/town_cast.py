"""A letter with every public page open, and requests that nobody sane would make."""

import json
import re
import secrets
import string
from base64 import b64encode
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote_from_bytes, urlencode

import httpx
from hypothesis import strategies as st
from joining_cast import ADA, NEW, Site, links_of, open_site
from letter_cast import FIRST, SERIES_FILE, rewrite
from starlette.routing import Route
from web_cast import TEMPLATES

from newsletter.app import App
from newsletter.domain.tokens import Grant, Purpose
from newsletter.testing.reports import Report, mailgun_signature, svix_headers
from newsletter.web.server import Server
from newsletter.web.serving import public_app

RESEND, MAILGUN, POSTMARK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "test-signing-key", "hook:secret"
SECRETS = {
    "RESEND_WEBHOOK_SECRET": RESEND,
    "MAILGUN_WEBHOOK_SIGNING_KEY": MAILGUN,
    "POSTMARK_WEBHOOK_LOGIN": POSTMARK,
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SAFE = ("GET", "HEAD", "OPTIONS")
#: No page, and no mail that is shown as one, is larger.
LARGEST = 200_000
NOT_SET_UP = "this provider is not set up here\n"
_PAGES = "".join(file.read_text() for file in TEMPLATES.glob("*.j2"))
#: The fields of our forms, and what their buttons ask for.
NAMES = sorted(set(re.findall(r'name="(\w+)"', _PAGES)))
ACTS = sorted(set(re.findall(r'name="act" value="(\w+)"', _PAGES)))
ODD = (
    "", ".", "..", "../../etc/passwd", "\x00", "a\x00b", "\r\nSet-Cookie: x=1", "%", "%25", "{{7*7}}",
    "'; --", "\ufeff", "\u202e", '"><script>alert(1)</script>', "x" * 3_000, "9" * 400,
    "v1.a.u.AAAA.0.AAAA", "-1", "1e309", "\U0001f600",
)  # fmt: skip
ADDRESSES = (
    ADA, NEW, "ann@example.org\r\nBcc: eva@example.org", "a\x00@example.org", "@", "a@b",
    "x" * 300 + "@example.org", "ünï@exämple.org", '"a b"@example.org', "a@[127.0.0.1]",
    "a@example.org,b@example.org", "<a@example.org>",
)  # fmt: skip
TYPES = (
    None, "", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16",
    "multipart/form-data", "multipart/form-data; boundary=x", "application/json", "text/html", "nonsense",
    "a/b; c=\xff",
)  # fmt: skip

#: What reports of any provider are made of.
_SAID = (
    "type", "created_at", "data", "to", "email_id", "tags", "reference", "bounce", "subType",
    "diagnosticCode", "suppressed", "failed", "reason", "click", "link", "ipAddress", "userAgent",
    "timestamp", "event", "recipient", "message", "headers", "message-id", "user-variables", "severity",
    "delivery-status", "code", "client-info", "url", "RecordType", "Type", "Email", "MessageID", "Metadata",
    "Details", "BouncedAt", "OriginalLink", "Geo", "IP",
)  # fmt: skip
_KINDS = (
    "email.clicked", "email.bounced", "email.suppressed", "email.failed", "email.complained",
    "email.delivered", "clicked", "failed", "unsubscribed", "complained", "permanent", "Click", "Bounce",
    "SubscriptionChange", "SpamComplaint", "HardBounce", ADA,
)  # fmt: skip

words = st.sampled_from(ODD) | st.text(max_size=40)
raw = st.binary(max_size=60) | words.map(lambda text: text.encode("utf-8", "surrogatepass"))
fields = st.lists(
    st.tuples(st.sampled_from(NAMES) | words, st.sampled_from(ACTS) | st.sampled_from(ADDRESSES) | words),
    max_size=8,
)
things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True)
class Town:
    """A letter with all its pages open, and an address of each that leads somewhere."""

    site: Site
    routes: tuple[Route, ...]
    http: httpx.Client
    right: dict[str, str]
    reference: str

    def ask(self, method: str, path: str, **request: object) -> httpx.Response:
        """Send a request, check what every answer has to be, and return the answer."""
        answer = self.http.request(method, path, **request)
        assert answer.status_code < 500 or answer.text == NOT_SET_UP, (method, path, answer.text)
        assert "location" not in answer.headers
        assert len(answer.content) <= LARGEST
        assert "Traceback" not in answer.text
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert "<script" not in answer.text
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        assert "server" not in answer.headers
        return answer


@contextmanager
def open_town(root: Path, database_url: str) -> Iterator[Town]:
    """Open a letter with a public archive, one issue of which went out; visitors are told apart by header."""
    with open_site(root, database_url, web='proxies = ["127.0.0.1"]') as site:
        rewrite(root / SERIES_FILE, "\n[cadence]", 'archive = "public"\n\n[cadence]')
        site.office.queue("back-pain")
        service = site.office.connect()
        site.office.run(until=FIRST + timedelta(minutes=1))
        site.office.provider = None
        app = App(root, clock=site.office.clock, environment=SECRETS)
        site.office.apps.append(app)
        application = public_app(app)
        routes = tuple(one for one in application.routes if isinstance(one, Route))
        with Server(application) as server, httpx.Client(base_url=server.url) as http:
            yield Town(site, routes, http, right_paths(site), service.calls[0].recipients[0].reference)


def right_paths(site: Site) -> dict[str, str]:
    """Make an address of each route that leads somewhere; one for people who have a mail."""
    details = site.token(Purpose.DETAILS)
    site.subscribe(NEW)
    site.http.post(f"/p/{details}", data={"act": "address", "address": "moved@example.org"})
    site.run()
    undo = re.search(r'action="(/undo/[^"]+)"', site.http.post(site.leaving("ben@example.org")).text)
    (confirm,) = {path for path in links_of(site.mail("confirm")) if path.startswith("/c/")}
    (move,) = {path for mail in site.mails("moved@example.org") for path in links_of(mail)}
    assert undo
    return {
        "/u/{token:path}": site.leaving(),
        "/undo/{token}": undo[1],
        "/w/{token:path}": "/w/" + site.app.keys.sign(Purpose.VIEW, site.grant()._replace(issue_id=1)),
        "/media/{name}": "/media/none.png",
        "/healthz": "/healthz",
        "/subscribe/{series}": "/subscribe/back-pain",
        "/c/{token:path}": confirm,
        "/p/{token}": f"/p/{details}",
        "/p/{token}/data.json": f"/p/{details}/data.json",
        "/m/{token}": move,
        "/a/{series}": "/a/back-pain",
        "/a/{series}/feed.xml": "/a/back-pain/feed.xml",
        "/a/{series}/{issue}": "/a/back-pain/lower-back",
        "/webhooks/{provider}": "/webhooks/resend",
    }


def tokens_of(site: Site) -> list[str]:
    """Make tokens of every purpose: those that work, those of nobody, and those that are over."""
    sign, now = site.app.keys.sign, site.office.clock.now()
    later, before = now + timedelta(days=1), now - timedelta(seconds=1)
    nobody = Grant(99, 10**9, 99, 99)
    shown = Grant(1, 0, 0, int(now.timestamp()) - 3600)
    good = [sign(purpose, site.grant(), expires=later) for purpose in Purpose]
    over = [sign(purpose, site.grant(), expires=before) for purpose in Purpose]
    return [*good, *over, *(sign(one, nobody) for one in Purpose), sign(Purpose.FORM, shown, expires=later)]


def paths_of(route: str, right: str, tokens: list[str]) -> st.SearchStrategy[str]:
    """Fill the parameters of a route with anything, or spoil an address that works."""
    known = st.sampled_from([*tokens, "back-pain", "sleep", "lower-back", "resend", "mailgun", "postmark"])
    values = known | known.flatmap(lambda one: st.integers(0, len(one)).map(lambda end: one[:end]))
    value = (values.map(str.encode) | raw).map(lambda one: quote_from_bytes(one, safe=""))
    filled = st.lists(value, min_size=2, max_size=2).map(
        lambda two: re.sub(r"\{\w+(:path)?\}", lambda _: two.pop(), route)
    )
    spoilt = st.tuples(st.integers(1, len(right)), raw).map(
        lambda parts: right[: parts[0]] + quote_from_bytes(parts[1], safe="")
    )
    return st.just(right) | spoilt | filled


def bodies_of(tokens: list[str]) -> st.SearchStrategy[bytes]:
    """Make bodies: forms of our own fields, forms in parts, JSON, and noise in odd encodings."""
    forms = st.tuples(fields, st.sampled_from(tokens), st.sampled_from(["utf-8", "utf-16", "utf-7"])).map(
        lambda said: urlencode(
            [*said[0], ("token", said[1])], encoding="utf-8", errors="surrogatepass"
        ).encode(said[2])
    )
    parts = st.tuples(st.sampled_from(NAMES), raw).map(
        lambda said: (
            b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n--x--'
            % (said[0].encode(), said[1])
        )
    )
    noise = things.map(lambda said: json.dumps(said).encode())
    return forms | parts | noise | st.binary(max_size=200)


headers = st.fixed_dictionaries(
    {},
    optional={
        "x-forwarded-for": st.ip_addresses().map(str) | st.sampled_from(["", "x", ",,,", "1.2.3.4," * 50]),
        "if-none-match": st.sampled_from(["*", '"', 'W/"x"', ","]),
        "accept-encoding": st.just("gzip;q=nonsense"),
        "content-encoding": st.sampled_from(["gzip", "br"]),
        "cookie": st.text(string.ascii_letters + "=;,%", max_size=30),
        "range": st.just("bytes=0-9999999999999"),
        "authorization": st.just("Basic !!!"),
        "origin": st.just("null"),
    },
)


def reports_of(reference: str) -> st.SearchStrategy[dict[str, object]]:
    """Make what a report might say of a mail: known names and kinds with anything in them."""
    leaves = st.sampled_from([*_KINDS, reference, True, None, 550, 1e308, -(10**30)]) | words
    names = st.sampled_from(_SAID)
    inner = st.recursive(
        leaves, lambda one: st.lists(one, max_size=2) | st.dictionaries(names, one, max_size=4), max_leaves=12
    )
    data = st.fixed_dictionaries({"tags": st.just({"reference": reference})}, optional=_each(inner))
    kinds = st.sampled_from(_KINDS)
    known = {
        "type": kinds,
        "event": kinds,
        "RecordType": kinds,
        "data": data,
        "user-variables": st.just({"reference": reference}),
        "Metadata": st.just({"reference": reference}),
    }
    return st.fixed_dictionaries(known, optional=_each(inner, without=known))


def _each(
    values: st.SearchStrategy[object], without: Collection[str] = ("tags",)
) -> dict[str, st.SearchStrategy[object]]:
    return {name: values for name in _SAID if name not in without}


def signed(provider: str, said: dict[str, object], at: datetime) -> Report:
    """Sign what no provider would say."""
    if provider == "mailgun":
        token = secrets.token_hex(25)
        said = {"signature": mailgun_signature(MAILGUN, at, token), "event-data": said}
    body = json.dumps(said).encode()
    if provider == "resend":
        return Report(body, svix_headers(RESEND, body, at))
    login = {"authorization": f"Basic {b64encode(POSTMARK.encode()).decode()}"}
    return Report(body, login if provider == "postmark" else {})

"""Do the links and the pictures of an issue answer: asked politely, each address once.

Only what an editor wrote is asked: never an address to unsubscribe, to confirm or to count.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urldefrag, urlsplit

from newsletter import __version__
from newsletter.checks.anchors import Anchors, anchors_of, fragment_of, is_page, judge_fragment
from newsletter.checks.fetching import PERMANENT, Fetcher, Reply, Trouble
from newsletter.checks.links import is_nowhere, split_url
from newsletter.checks.page import Page, Seen
from newsletter.checks.rules import error, info, warning
from newsletter.checks.sample import Sample
from newsletter.domain.finding import Finding
from newsletter.errors import Refused

DEAD = error(
    "link-dead",
    "LNK-3",
    "with `--links`: a link answers 404 or 410, its name is unknown, or its certificate is not good",
    "readers who follow it find nothing",
    "write where the page is now, or leave the link out",
    "RFC 9110 §15.5",
)
PRIVATE = error(
    "link-not-public",
    "LNK-1",
    "with `--links`: a link, or what it redirects to, leads into a private network or holds a password",
    "readers cannot reach it, or it tells them what they should not know",
    "link to the public address",
    "RFC 6890",
)
UNSURE = warning(
    "link-unverified",
    "LNK-3",
    "with `--links`: a link answers 401, 403, 429, 5xx or anything else that is no page, or not in time",
    "it may be down, or answer people only",
    "open it in a browser; acknowledge it if it is all right",
    "RFC 9110 §15",
)
ELSEWHERE = warning(
    "link-leads-elsewhere",
    "LNK-15",
    "with `--links`: a link is redirected to another site",
    "filters and careful readers mistrust a link that ends where it does not say",
    "link to where it ends",
)
MOVED = warning(
    "link-moved",
    "LNK-3",
    "with `--links`: a link is redirected for good (301, 308)",
    "the old address may be gone one day, and the mail stays",
    "link to where it ends",
    "RFC 9110 §15.4",
)
DETOUR = info(
    "link-redirects",
    "LNK-3",
    "with `--links`: a link is redirected for the time being (302, 303, 307)",
    "it may lead elsewhere tomorrow",
    "leave it, if that is meant",
    "RFC 9110 §15.4",
)
NO_PICTURE = error(
    "image-not-served",
    "IMG-9",
    "with `--links`: a picture of another host does not answer with a picture",
    "readers see a hole",
    "put the file into content/images/",
)

AT_ONCE, PAUSE, TRIES = 4, 1.0, 3
_GONE = frozenset({404, 410})
#: An empty page has none of the bytes that were asked for.
_FOUND = frozenset([*range(200, 300), 416])
_FIELD = "\ue000"

_Answered = tuple[Reply, Anchors | None]


@dataclass(frozen=True)
class Online:
    """Ask where links lead; `wait` pauses between two questions to one host, and before one is repeated."""

    fetcher: Fetcher | None = None
    wait: Callable[[float], None] = time.sleep

    def __call__(self, samples: Sequence[Sample]) -> Iterator[Finding]:
        """Yield what is found; raises Refused where no name at all can be resolved."""
        wanted = {sample.target: _addresses(sample) for sample in samples}
        links = [one for urls in wanted.values() for one in urls]
        read = {urldefrag(url)[0] for url, is_picture in links if fragment_of(url) and not is_picture}
        every = dict.fromkeys(urldefrag(url)[0] for url, _ in links)
        replies = self._asked({url: url in read for url in every}, samples)
        for sample in samples:
            for url, is_picture in wanted[sample.target]:
                reply, anchors = replies[urldefrag(url)[0]]
                if seen := (_judge_picture if is_picture else _judge)(url, reply):
                    yield sample.found(seen)
                if not is_picture and (seen := judge_fragment(url, anchors)):
                    yield sample.found(seen)

    def _asked(self, urls: Mapping[str, bool], samples: Sequence[Sample]) -> dict[str, _Answered]:
        """Ask each address, and read those that are marked."""
        hosts: dict[str, dict[str, bool]] = {}
        for url, is_read in urls.items():
            hosts.setdefault(urlsplit(url).netloc.lower(), {})[url] = is_read
        if not hosts:
            return {}
        fetcher = self.fetcher or Fetcher(_agent(samples[0].publication.public_url))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answered = pool.map(lambda of_one: self._ask_host(fetcher, of_one), hosts.values())
            replies = [reply for of_one in answered for reply in of_one]
        if all(reply.trouble in (Trouble.UNKNOWN, Trouble.SILENT) for reply, _ in replies) and len(hosts) > 1:
            why = replies[0][0].detail or str(replies[0][0].trouble)
            raise Refused(f"no link answers: {why}", mend="check the network, or leave out --links")
        return dict(zip((url for of_one in hosts.values() for url in of_one), replies, strict=True))

    def _ask_host(self, fetcher: Fetcher, urls: Mapping[str, bool]) -> list[_Answered]:
        replies: list[_Answered] = []
        for number, (url, is_read) in enumerate(urls.items()):
            if number:
                self.wait(PAUSE)
            reply = fetcher.ask(url)
            for again in range(1, TRIES):
                if not _may_pass(reply):
                    break
                self.wait(PAUSE * 2**again)
                reply = fetcher.ask(url)
            anchors = None
            if is_read and is_page(reply):
                self.wait(PAUSE)
                anchors = anchors_of(fetcher.read(reply.url))
            replies.append((reply, anchors))
        return replies


def _agent(public_url: str) -> str:
    return f"newsletter/{__version__} (link check; +{public_url})"


def _addresses(sample: Sample) -> list[tuple[str, bool]]:
    """List what an issue links to and the pictures of others that it shows."""
    page = Page(sample.revision, sample.publication)
    ours = f"{sample.publication.public_url.rstrip('/')}/media/"
    links = [((node.attributes.get("href") or "").strip(), False) for node in page.tree.css("a[href]")]
    images = [((node.attributes.get("src") or "").strip(), True) for node in page.tree.css("img[src]")]
    found = [*links, *(one for one in images if not one[0].startswith(ours))]
    return [
        (url, is_picture)
        for url, is_picture in dict.fromkeys(found)
        if url.startswith(("http:", "https:")) and _FIELD not in url and not _is_told(url)
    ]


def _is_told(url: str) -> bool:
    # What needs no network to be wrong has been said already.
    parts = split_url(url)
    return parts is None or is_nowhere(url, parts)


def _judge(url: str, reply: Reply) -> Seen | None:
    shown, where = url[:80], f"{url[:80]} leads to {reply.url[:80]}"
    if reply.trouble is Trouble.PRIVATE:
        return Seen(PRIVATE, f"{shown} leads to what is not public: {reply.detail}", about=url)
    if reply.trouble is Trouble.SILENT:
        return Seen(UNSURE, f"{shown} does not answer: {reply.detail}", about=url)
    if reply.trouble is not None:
        return Seen(DEAD, f"{shown}: {_said(reply)}", about=url)
    if reply.status in _GONE:
        return Seen(DEAD, f"{shown} answers {reply.status}", about=url)
    if reply.status not in _FOUND:
        return Seen(UNSURE, f"{shown} answers {reply.status}", about=url)
    if not reply.hops:
        return None
    if _site(url) != _site(reply.url):
        return Seen(ELSEWHERE, where, about=url)
    if PERMANENT.issuperset(reply.hops):
        return Seen(MOVED, where, mend=f"link to {reply.url}", about=url)
    return Seen(DETOUR, where, about=url)


def _judge_picture(url: str, reply: Reply) -> Seen | None:
    if reply.trouble is Trouble.PRIVATE:
        return Seen(PRIVATE, f"the picture {url[:80]} is not public: {reply.detail}", about=url)
    if reply.trouble is not None or reply.status not in _FOUND:
        said = _said(reply) if reply.trouble is not None else f"it answers {reply.status}"
        return Seen(NO_PICTURE, f"the picture {url[:80]}: {said}", about=url)
    if not reply.content_type.startswith("image/"):
        return Seen(NO_PICTURE, f"the picture {url[:80]} is {reply.content_type or 'of no kind'}", about=url)
    return None


def _said(reply: Reply) -> str:
    return f"{reply.trouble}, {reply.detail}" if reply.detail else str(reply.trouble)


def _may_pass(reply: Reply) -> bool:
    return reply.trouble is Trouble.SILENT or reply.status == 429 or reply.status >= 500


def _site(url: str) -> str:
    # Without a list of public suffixes the last two labels are the best guess, and too kind to co.uk.
    return ".".join((urlsplit(url).hostname or "").lower().split(".")[-2:])

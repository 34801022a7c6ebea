"""What a DMARC record means, and where it stands (RFC 7489; RFC 9989 walks up the tree instead of a list)."""

from collections.abc import Iterator, Sequence

from newsletter.domain.diagnosis import Checked, blocks, ok, problem
from newsletter.domain.tags import read_tags

_POLICIES = ("none", "quarantine", "reject")
#: RFC 9989 §4.10: nobody asks further than this.
_MOST_LABELS = 8
_SMALLEST = "publish a TXT record there: v=DMARC1; p=none; rua=mailto:dmarc@your.domain"


def walk(domain: str) -> Iterator[str]:
    """List the domains whose record may hold for a domain, from itself upwards."""
    labels = domain.split(".")
    yield domain
    labels = labels[1:] if len(labels) <= _MOST_LABELS else labels[1 - _MOST_LABELS :]
    while labels:
        yield ".".join(labels)
        labels = labels[1:]


def is_dmarc(text: str) -> bool:
    """Tell whether a text is a DMARC record (RFC 7489 §6.6.3)."""
    return text.partition(";")[0].replace(" ", "") == "v=DMARC1"


def judge_dmarc(domain: str, found: Sequence[tuple[str, Sequence[str]]]) -> Checked:
    """Say what holds for mails from a domain; `found` has the records by domain, as `walk` lists them."""
    what = f"DMARC of {domain}"
    place, records = _holding(domain, found)
    if not records:
        return blocks(
            what, "there is no record: Gmail, Yahoo, Outlook and iCloud want one of every list", _SMALLEST
        )
    where = f"_dmarc.{place}"
    if len(records) > 1:
        return blocks(what, f"there are {len(records)} records at {where}, so none counts", "leave one")
    tags = read_tags(records[0])
    policy = tags.get("p", "") if tags else ""
    if tags is None or policy not in _POLICIES:
        return blocks(what, f"the record at {where} cannot be read", _SMALLEST)
    if place != domain:
        policy = tags.get("sp", policy)
    said = f"p={policy}" if place == domain else f"p={policy}, from {where}"
    if "rua" not in tags:
        return problem(what, f"{said}; reports go to nobody", "add rua=mailto:… to the record")
    return ok(what, said)


def _holding(domain: str, found: Sequence[tuple[str, Sequence[str]]]) -> tuple[str, Sequence[str]]:
    """Choose the record: the domain's own, else that of the highest domain that is no public suffix."""
    published = [(place, records) for place, records in found if records]
    if not published or published[0][0] == domain:
        return published[0] if published else (domain, ())
    chosen = published[0]
    for place, records in published:
        says = (read_tags(records[0]) or {}).get("psd")
        if says != "y":
            chosen = place, records
        if says == "n":
            break
    return chosen

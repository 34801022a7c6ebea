"""Lists of tag=value, as DKIM and DMARC write them (RFC 6376 §3.2)."""

from collections.abc import Mapping


def read_tags(record: str) -> Mapping[str, str] | None:
    """Read a list; names in lower case, white space within values left out. None where it is none."""
    found: dict[str, str] = {}
    for part in record.split(";"):
        if not part.strip():
            continue
        name, mark, value = part.partition("=")
        name = name.strip().lower()
        if not mark or not name or name in found:
            return None
        found[name] = "".join(value.split())
    return found

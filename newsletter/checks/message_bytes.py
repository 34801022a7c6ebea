"""Is a built message one that every server takes: the bytes themselves, for a parser hides what is wrong.

The rules are those of RFC 5322, 2045, 2046, 2047, 2369, 2919 and 8058, and of Gmail's and Yahoo's refusals.
"""

from newsletter.checks.mail import parse
from newsletter.checks.mail_body import check_body
from newsletter.checks.mail_headers import check_headers
from newsletter.checks.mail_list import check_list_headers
from newsletter.checks.mail_size import check_size
from newsletter.domain.finding import Finding
from newsletter.errors import Place

#: What places name when a message is no file.
MESSAGE = "message.eml"


def check_bytes(raw: bytes, file: str = MESSAGE) -> list[Finding]:
    """Check one complete message as it goes out; lines of places count in it."""
    mail = parse(raw)
    found = [*check_headers(mail), *check_list_headers(mail), *check_body(mail), *check_size(mail)]
    return [rule.found(Place(file, line), what) for rule, line, what in found]

"""For every rule about the message itself, messages that break it and no other."""

from collections.abc import Callable

from checks_cast import MESSAGE

from newsletter.checks.message_bytes import check_bytes
from newsletter.domain.finding import Finding

Found = Callable[[], list[Finding]]


def raw(old: bytes, new: bytes, *, everywhere: bool = False) -> Found:
    assert old in MESSAGE
    changed = MESSAGE.replace(old, new, -1 if everywhere else 1)
    return lambda: check_bytes(changed)


WAY_OUT = b"<https://news.example.org/u/v1.token>"
BYTES: dict[str, list[Found]] = {
    "header-missing": [raw(b"Date: Tue, 01 Dec 2026 09:00:00 +0000\r\n", b"")],
    "header-twice": [raw(b"Subject: ", b"Subject: One\r\nSubject: ")],
    "from-not-usable": [raw(b"weekly@news", b"a@news.example.org>, <b@news")],
    "sender-name-misleading": [raw(b"From: The", b'From: "Re: The"')],
    "subject-looks-like-a-reply": [raw(b"Subject: ", b"Subject: Re: ")],
    "header-not-plain": [raw(b"Subject: ", b"Subject: \xc3\xa9 ")],
    "bad-encoded-word": [raw(b"Subject: ", b"Subject: =?utf-8?q?a?==?utf-8?q?b?= ")],
    "bad-date": [raw(b"Tue, 01 Dec 2026", b"2026-12-01")],
    "bad-message-id": [raw(b"<abc@news.example.org>", b"abc")],
    "bad-recipient": [raw(b"Ada <ada@example.com>", b"undisclosed-recipients:;")],
    "list-unsubscribe-not-usable": [raw(b"<https://news", b"<http://news")],
    "one-click-not-announced": [raw(b"=One-Click", b"=one-click")],
    "unsubscribe-by-mail-alone": [raw(WAY_OUT, b"<mailto:leave@example.org>")],
    "unsubscribe-address-guessable": [
        raw(b"u/v1.token", b"u/4711"),
        raw(b"u/v1.token", b"u?who=ada%40example.com"),
    ],
    "list-id-not-usable": [raw(b"<garden.news.example.org>", b"<garden.example.com>")],
    "feedback-id-not-usable": [raw(b"newsexampleorg", b"news")],
    "precedence-odd": [
        raw(b"List-Id", b"Precedence: junk\r\nList-Id"),
        raw(b"List-Id", b"Auto-Submitted: auto-replied\r\nList-Id"),
    ],
    "parts-not-alternative": [raw(b"alternative", b"mixed")],
    "line-too-long": [raw(b"Subject: ", b"X-Long: " + b"a" * 999 + b"\r\nSubject: ")],
    "encoded-line-too-long": [raw(b"rake.", b"rake.\r\n" + b"a" * 77)],
    "header-line-long": [raw(b"Subject: ", b"X-Long: " + b"word " * 20 + b"\r\nSubject: ")],
    "stray-control-character": [raw(b"Sow.", b"So\rw."), raw(b"Sow.", b"So=C2=92w.")],
    "charset-not-utf-8": [raw(b"charset=utf-8", b"charset=iso-8859-1")],
    "text-in-base64": [
        lambda: check_bytes(
            MESSAGE.replace(b"quoted-printable", b"base64", 1).replace(
                b"Rake the bed level and firm it with the back of the rake.", b"UmFrZSB0aGUgYmVk" * 4, 1
            )
        )
    ],
    "bad-boundary": [raw(b"Sow.", b"Sow --=_1a2b."), raw(b"=_1a2b", b"=_1a2b" + b"c" * 70, everywhere=True)],
    "headers-large": [raw(b"Subject: ", b"X-Large: " + b"a\r\n " * 2_500 + b"a\r\nSubject: ")],
    "encoded-html-large": [raw(b"<p>Sow.</p>", b"<p>Sow.</p>\r\n" * 8_000)],
    "message-large": [raw(b"Rake", b"Rake the bed.\r\n" * 34_000 + b"Rake")],
    "attachment": [
        raw(b"Content-Type: text/html", b"Content-Disposition: attachment\r\nContent-Type: text/html")
    ],
}

"""How many complete mails a second one core fills, beside a bare join of the same bytes.

    python benchmarks/personalisation.py

An issue of 40 KB of HTML and 9 KB of text with 12 fields is compiled once; the clock runs while the bodies
of batches of 100 are filled and joined into the pieces that would go out. Median of 5.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain

from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.provider import Mailing
from newsletter.providers.mime import compile_mime
from newsletter.providers.postmark import STREAM, Form
from newsletter.providers.resend import compile_json
from newsletter.providers.stencil import cut

BATCH, BATCHES, ROUNDS = 100, 50, 5
DATE = datetime(2026, 12, 1, 9, tzinfo=UTC)
NAME = Field("name", "there")
UNSUBSCRIBE, VIEW, ADDRESS = Field("unsubscribe_url"), Field("view_url"), Field("address")
HTML_ROW = (
    '<tr><td style="padding:0 24px;font-size:16px;line-height:1.6">A tired back – and what helps.</td></tr>\n'
)
TEXT_ROW = "A sports massage loosens what a week at the desk has tightened – gently.\n"

Fill = Callable[[Sequence[Recipient]], Iterable[Sequence[bytes]]]


def issue() -> Message:
    """Make an issue of the size and with the fields of a real one."""
    fields: Pieces = (
        "<p>Hello ",
        NAME,
        "</p>",
        ADDRESS,
        '<a href="',
        VIEW,
        '">',
        '<a href="',
        UNSUBSCRIBE,
        '">',
    )
    html: Pieces = (
        HTML_ROW * 200,
        *fields,
        HTML_ROW * 100,
        NAME,
        HTML_ROW * 60,
        '<a href="',
        VIEW,
        '">',
        NAME,
    )
    text: Pieces = (
        "Hello ",
        NAME,
        ",\n",
        TEXT_ROW * 120,
        "In a browser: ",
        VIEW,
        "\nLeave: ",
        UNSUBSCRIBE,
        "\n",
    )
    return Message(
        revision="0" * 64,
        sender="Back Care Weekly <weekly@news.example.org>",
        reply_to="editors@news.example.org",
        subject=("Lower back: where the ache comes from",),
        html=html,
        text=text,
        headers=(
            ("List-Id", ("Back pain <back-pain.news.example.org>",)),
            ("List-Unsubscribe", ("<", UNSUBSCRIBE, ">")),
            ("List-Unsubscribe-Post", ("List-Unsubscribe=One-Click",)),
        ),
        tags=(("series", "back-pain"), ("issue", "lower-back")),
    )


def recipients() -> list[Recipient]:
    """Make a batch of people; every seventh has a name that needs encoding."""
    token = "v1.k1.{}.AAAAAQAAAAAAAAAqAAAAAwAAAAAAAAAA.0.q83vEjRWeJCrze8SNFZ4kA"
    return [
        Recipient(
            pos=pos,
            subscriber_id=pos,
            address=f"reader{pos}@example.org",
            name=f"Zoë {pos}" if pos % 7 == 0 else f"Reader {pos}",
            message_id=f"<{pos}.AAAAAQAAAAAAAAAqAAAAAw@news.example.org>",
            unsubscribe_url=f"https://news.example.org/u/{token.format('u')}{pos:06d}",
            view_url=f"https://news.example.org/w/{token.format('w')}{pos:06d}",
            reference=f"nl-a1b2c3d4-12-7-0-{pos}",
        )
        for pos in range(BATCH)
    ]


def rate(fill: Fill, people: Sequence[Recipient]) -> float:
    """Return the median number of recipients a second."""
    return statistics.median(_round(fill, people) for _ in range(ROUNDS))


def _round(fill: Fill, people: Sequence[Recipient]) -> float:
    start = time.perf_counter()
    for _ in range(BATCHES):
        for _piece in cut(list(chain.from_iterable(fill(people)))):
            pass
    return BATCH * BATCHES / (time.perf_counter() - start)


def main() -> None:
    """Print one line a form."""
    people, form = recipients(), Form(issue(), STREAM)
    forms: dict[str, Fill] = {
        "MIME, quoted-printable": compile_mime(issue())(DATE),
        "JSON for Resend": compile_json(issue()).fill,
        "JSON for Postmark": lambda people: [form.body(Mailing("nl-a1b2c3d4-12-7-0", people, DATE, ""))],
    }
    print(f"$ python benchmarks/personalisation.py   (batches of {BATCH}, median of {ROUNDS})")
    for name, fill in forms.items():
        parts = list(fill(people))
        size = sum(map(len, chain.from_iterable(parts))) / BATCH
        filled, bare = rate(fill, people), rate(lambda _, parts=parts: parts, people)
        print(
            f"{name:24} {size / 1000:5.1f} kB  {filled:9,.0f}/s  {1000 * BATCH / filled:4.1f} ms a batch",
            end="   ",
        )
        print(f"bare join {bare:9,.0f}/s   {filled / bare:.0%}")


if __name__ == "__main__":
    main()

"""An issue made out to one reader, with links that lead nowhere: nobody can be unsubscribed by looking."""

from dataclasses import dataclass
from html import escape

from newsletter.domain.message import Recipient, message_of
from newsletter.domain.pieces import fill
from newsletter.domain.studio import first_dates
from newsletter.domain.subscriber import Subscriber
from newsletter.pipeline.composing import Composed
from newsletter.providers.mime import compile_mime

_NOWHERE = "https://preview.invalid"


@dataclass(frozen=True)
class Sample:
    """One issue as one reader gets it; the same issue and reader give the same bytes."""

    one: Composed
    reader: Subscriber

    @property
    def subject(self) -> str:
        return fill(self.one.revision.subject, self._values)

    @property
    def html(self) -> str:
        return fill(self.one.revision.html, self._values, escape)

    @property
    def text(self) -> str:
        return fill(self.one.revision.text, self._values)

    @property
    def message(self) -> bytes:
        """Return the whole mail; its Date is that of the slot which the series file gives the issue."""
        series, issue, revision = self.one.series, self.one.issue, self.one.revision
        message = message_of(
            revision, series=series.slug, series_title=series.title, issue=issue.id, kind="preview"
        )
        recipient = Recipient(
            pos=0,
            subscriber_id=0,
            message_id=f"<preview.{revision.hash[:16]}@preview.invalid>",
            **self._values,
        )
        date = series.cadence.due_at(first_dates(series)[series.issues.index(issue)])
        return b"".join(next(compile_mime(message)(date)([recipient])))

    @property
    def headers(self) -> list[tuple[str, str]]:
        """List the headers as they are sent, each on one line."""
        head = self.message.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n ", " ")
        return [(name, value) for name, _, value in (line.partition(": ") for line in head.split("\r\n"))]

    @property
    def _values(self) -> dict[str, str]:
        return {
            "name": self.reader.name,
            "address": self.reader.address,
            "unsubscribe_url": f"{_NOWHERE}/unsubscribe",
            "view_url": f"{_NOWHERE}/view",
            "preferences_url": f"{_NOWHERE}/preferences",
        }

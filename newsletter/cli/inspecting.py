"""Which checks beyond reading the files a person asks for; each is loaded only then."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newsletter.checks.sample import Inspection


def chosen_inspections(
    *, browser: bool, screenshots: Path | None, links: bool, spam: bool
) -> list["Inspection"]:
    """Return the inspections that the options of `check` name."""
    chosen: list[Inspection] = []
    if browser or screenshots is not None:
        from newsletter.checks.in_browser import InBrowser  # noqa: PLC0415 - other checks need none of it

        chosen.append(InBrowser(screenshots))
    if links:
        from newsletter.checks.online import Online  # noqa: PLC0415 - other checks need none of it

        chosen.append(Online())
    if spam:
        from newsletter.checks.spam import InSpamFilter  # noqa: PLC0415 - other checks need none of it

        chosen.append(InSpamFilter())
    return chosen

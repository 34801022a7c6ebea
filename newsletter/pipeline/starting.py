"""Start a letter: a folder with the sample to replace."""

import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from newsletter.content.letters import load_letter
from newsletter.domain.cadence import next_start
from newsletter.errors import LetterError, Place, Refused

#: What an editor starts from: settings, articles, series and the pictures they use.
_SAMPLE = ("newsletter.toml", "content/articles/*.md", "content/series/*.toml", "content/images/*.png")
_STARTS = re.compile(r"^starts = \d{4}-\d{2}-\d{2}", re.MULTILINE)
_IGNORED = "/.newsletter/\n/newsletter.db*\n/outbox/\n"


@dataclass(frozen=True)
class Starting:
    """Copy the sample letter."""

    sample: Path

    def start(self, folder: Path, now: datetime) -> list[Path]:
        """Write a letter into a new or empty folder; return its files.

        Raises Refused where a letter stands there already; nothing is ever overwritten.
        """
        files = [path for pattern in _SAMPLE for path in sorted(self.sample.glob(pattern))]
        taken = [path for path in files if (folder / path.relative_to(self.sample)).exists()]
        if taken:
            raise Refused(
                f"{folder / taken[0].relative_to(self.sample)} exists already", mend="choose an empty folder"
            )
        written = [folder / path.relative_to(self.sample) for path in files]
        try:
            for source, target in zip(files, written, strict=True):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
            if not (folder / ".gitignore").exists():
                (folder / ".gitignore").write_text(_IGNORED)
        except OSError as error:
            raise LetterError(
                f"the letter cannot be written: {error.strerror}", place=Place(str(folder))
            ) from error
        self._set_starts(folder, now)
        return written

    def _set_starts(self, folder: Path, now: datetime) -> None:
        # A sample whose first date has passed would begin in the middle of nowhere.
        for series in load_letter(folder).series.values():
            cadence = series.cadence
            if cadence.due_at(cadence.starts) <= now:
                path = folder / series.place.file
                day = next_start(cadence.weekday, cadence.time, cadence.zone, now)
                path.write_text(_STARTS.sub(f"starts = {day}", path.read_text()))

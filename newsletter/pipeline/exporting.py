"""Write everybody into a file. Decides nothing."""

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from newsletter.content import people_json
from newsletter.content.people_csv import PeopleTable
from newsletter.content.whole_files import written_whole
from newsletter.domain.portable import Opening
from newsletter.domain.slugs import offer
from newsletter.errors import UnknownTarget
from newsletter.pipeline.listening import Watch, watch_nobody
from newsletter.store import portable
from newsletter.store.database import Database

_EVERY = 1_000


class Format(StrEnum):
    """How a list of people is written."""

    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Exporting:
    """Write people as they stand at one moment."""

    database: Database
    salt: bytes

    def export(self, out: Path | None, form: Format, series: str | None, watch: Watch = watch_nobody) -> int:
        """Write everybody, or who subscribed to one series; return how many people that are.

        A file is written whole or not at all; without one they go to the standard output.
        """
        with written_whole(out) if out else nullcontext(sys.stdout.buffer) as file:
            return self._write(file, form, series, watch)

    def _write(self, file: BinaryIO, form: Format, series: str | None, watch: Watch) -> int:
        with self.database.reading() as tx:
            names = portable.names(tx)
            if series is not None and series not in names.series:
                raise UnknownTarget(
                    f"nobody subscribes to a series {series!r}", mend=offer(series, names.series)
                )
            count = 0
            is_table = form is Format.CSV
            if is_table:
                add = PeopleTable(file, portable.attribute_names(tx)).add
            else:
                issues = {slug: list(ids) for slug, ids in names.issues.items() if series in (None, slug)}
                file.write(people_json.opening_line(Opening(self.salt, issues)))
            for person in portable.read(tx, names, series):
                if is_table:
                    add(person)
                else:
                    file.write(people_json.person_line(person))
                count += 1
                if count % _EVERY == 0:
                    watch(count, 0)
            if not is_table:
                file.writelines(map(people_json.nameless_line, portable.nameless(tx)))
        return count

"""Write everybody into a file. Decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from newsletter.content import people_json
from newsletter.content.people_csv import PeopleTable
from newsletter.domain.portable import Opening
from newsletter.domain.slugs import offer
from newsletter.errors import UnknownTarget
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

    def export(
        self, file: BinaryIO, form: Format, series: str | None, tell: Callable[[int], None] = lambda _: None
    ) -> int:
        """Write everybody, or who subscribed to one series; return how many people that are."""
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
                    tell(count)
            if not is_table:
                file.writelines(map(people_json.nameless_line, portable.nameless(tx)))
        return count

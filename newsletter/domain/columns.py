"""Which column of a list of people is what."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.domain.slugs import offer
from newsletter.errors import NewsletterError

ADDRESS, NAME, FIRST, LAST, ZONE, RECEIVED = "address", "name", "first_name", "last_name", "zone", "received"
STATE, SERIES, SUPPRESSED = "state", "series", "suppressed"
#: Before the name of an attribute, in a header and in `--map`.
OF_ATTRIBUTES = "attributes."
_SPELLINGS = {
    ADDRESS: ("address", "email", "emailaddress", "mail", "mailaddress"),
    NAME: ("name", "fullname", "displayname"),
    FIRST: ("firstname", "givenname", "forename"),
    LAST: ("lastname", "surname", "familyname"),
    ZONE: ("zone", "timezone", "tz"),
    RECEIVED: ("received",),
    STATE: ("state", "status"),
    SUPPRESSED: ("suppressed",),
}
_FIELDS = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings}
#: What `--map` can name beside attributes.
_MAPPABLE = (ADDRESS, NAME, FIRST, LAST, ZONE, RECEIVED)
_ATTRIBUTE = re.compile(r"[^\W\d][\w-]{0,39}")


@dataclass(frozen=True)
class Columns:
    """Where a row has what; `ignored` are the columns that nobody asked for."""

    width: int
    fields: Mapping[str, int]
    attributes: Mapping[str, int]
    ignored: tuple[str, ...] = ()


def read_map(pairs: Sequence[str], attributes: str) -> dict[str, str]:
    """Read what `--map field=Column` and `--attributes city,plan` say; raises NewsletterError."""
    chosen: dict[str, str] = {}
    names = [name.strip() for name in attributes.split(",") if name.strip()]
    for pair in [*pairs, *(f"{OF_ATTRIBUTES}{name}={name}" for name in names)]:
        field, equals, column = pair.partition("=")
        if not equals or not column.strip():
            raise NewsletterError(f"{pair!r} maps nothing", mend='write --map address="Column of the file"')
        _check_field(field)
        if field in chosen:
            raise NewsletterError(f"{field!r} is mapped twice", mend="name one column for it")
        chosen[field] = column.strip()
    return chosen


def is_header(cells: Sequence[str], chosen: Mapping[str, str]) -> bool:
    """Tell whether cells name a column of addresses."""
    if ADDRESS in chosen:
        return chosen[ADDRESS].casefold() in {cell.strip().casefold() for cell in cells}
    return any(_FIELDS.get(_plain(cell)) == ADDRESS for cell in cells)


def columns_of(header: Sequence[str], chosen: Mapping[str, str]) -> Columns:
    """Find each field in a header; raises NewsletterError where it is not there, or there twice."""
    names = [name.strip() for name in header]
    found = {field: _index(names, column) for field, column in chosen.items()}
    taken = set(found.values())
    for index, name in enumerate(names):
        field = _field(name)
        if field is None or index in taken or field in chosen:
            continue
        if field in found:
            both = f"{names[found[field]]!r} and {name!r}"
            raise NewsletterError(f"two columns are the {field}: {both}", mend=f'add --map {field}="{name}"')
        found[field] = index
    if ADDRESS not in found:
        raise NewsletterError(
            f"the first line does not name a column 'address', it names {_few(names)}",
            mend='write address,name,zone there, or add --map address="Column of the file"',
        )
    if STATE in found and SERIES in names:
        found[SERIES] = names.index(SERIES)
    used = set(found.values())
    return Columns(
        width=len(names),
        fields={field: at for field, at in found.items() if not field.startswith(OF_ATTRIBUTES)},
        attributes={
            field.removeprefix(OF_ATTRIBUTES): at
            for field, at in found.items()
            if field.startswith(OF_ATTRIBUTES)
        },
        ignored=tuple(name for index, name in enumerate(names) if name and index not in used),
    )


def _check_field(field: str) -> None:
    if field.startswith(OF_ATTRIBUTES):
        name = field.removeprefix(OF_ATTRIBUTES)
        if not _ATTRIBUTE.fullmatch(name):
            raise NewsletterError(
                f"{name!r} cannot be the name of an attribute",
                mend=f'use letters and digits: --map {OF_ATTRIBUTES}city="{name}"',
            )
    elif field not in _MAPPABLE:
        raise NewsletterError(f"people have no field {field!r}", mend=offer(field, _MAPPABLE))


def _field(name: str) -> str | None:
    attribute = name.removeprefix(OF_ATTRIBUTES)
    if attribute != name and _ATTRIBUTE.fullmatch(attribute):
        return name
    return _FIELDS.get(_plain(name))


def _index(names: Sequence[str], column: str) -> int:
    folded = [name.casefold() for name in names]
    if column.casefold() not in folded:
        raise NewsletterError(f"the first line names no column {column!r}", mend=offer(column, names))
    if folded.count(column.casefold()) > 1:
        raise NewsletterError(f"the first line names {column!r} twice", mend="rename one of them")
    return folded.index(column.casefold())


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:5])
    return f"{shown} and {len(names) - 5:,} more" if len(names) > 5 else shown

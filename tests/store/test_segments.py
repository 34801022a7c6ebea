"""An expression means the same people on every database, and the same as read by Python."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from newsletter.domain.segment import PLAIN_NUMBER, Comparison, Every, Not, Some, read
from newsletter.store.segments import condition
from newsletter.store.tables import subscriber, subscription

NAMES = ("city", "age", "größe-2")
TEXTS = st.sampled_from(["", "Bath", "bath", "Leeds", "Żory", "😀", "42", "-1", "4.50", "true", "2026-10-01"])
WORDS = TEXTS | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
DAYS = st.dates(date(2026, 9, 29), date(2026, 10, 2))
NUMBERS = st.integers(-3, 3) | st.sampled_from([42, 4.5, 0.1, 1e22, 10**18, 123456789012345, -1.5])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(NAMES),
    WORDS | NUMBERS | st.booleans() | st.none() | DAYS.map(str) | st.just(["Bath"]) | st.just({"a": 1}),
)
INSTANTS = st.integers(0, 4 * 24 * 60).map(
    lambda minutes: datetime(2026, 9, 29, tzinfo=UTC) + timedelta(minutes=minutes)
)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "zone": st.sampled_from(["", "Europe/London", "Asia/Tokyo"]),
            "locale": st.sampled_from(["", "en-GB"]),
            "attributes": ATTRIBUTES,
            "joined": st.none() | INSTANTS,
        }
    ),
    min_size=1,
    max_size=6,
)
SIGNS = st.sampled_from(["==", "<", "<=", ">", ">="])


def a_comparison():
    literals = st.integers(-3, 42).map(float) | st.sampled_from([4.5, 0.1, -1.0]) | WORDS | DAYS
    return st.one_of(
        st.builds(Comparison, st.sampled_from(NAMES), SIGNS, literals),
        st.builds(Comparison, st.sampled_from(NAMES), st.just("=="), st.booleans()),
        st.builds(Comparison, st.sampled_from(["zone", "locale"]), SIGNS, WORDS),
        st.builds(Comparison, st.just("joined"), SIGNS, DAYS),
    )


EXPRESSIONS = st.recursive(
    a_comparison(),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(Every),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(Some),
    ),
    max_leaves=5,
)


def written(found) -> str:
    """Write an expression as an editor would."""
    match found:
        case Not(one):
            return f"not ({written(one)})"
        case Every(of):
            return " and ".join(f"({written(one)})" for one in of)
        case Some(of):
            return " or ".join(f"({written(one)})" for one in of)
    value = found.value
    if isinstance(value, str):
        value = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    elif isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, float):
        value = f"{value:.6f}"
    return f"{found.name} {found.sign} {value}"


def holds(found, person) -> bool:
    """Say what an expression says of one person, without a database."""
    match found:
        case Not(one):
            return not holds(one, person)
        case Every(of):
            return all(holds(one, person) for one in of)
        case Some(of):
            return any(holds(one, person) for one in of)
    known = value_like(
        found.value, person[found.name] if found.name in person else person["attributes"].get(found.name)
    )
    return known is not None and signed(known, found.sign, found.value)


def value_like(wanted, known):
    """Return what is known as a value of the kind that is wanted; None where it is none."""
    if isinstance(known, datetime):
        return known.date()
    if isinstance(wanted, bool):
        return (
            {True: True, False: False, "true": True, "false": False}.get(known)
            if isinstance(known, bool | str)
            else None
        )
    if isinstance(wanted, str):
        return known if isinstance(known, str) else None
    if isinstance(known, bool) or not isinstance(known, str | int | float):
        return None
    if isinstance(wanted, date):
        is_day = isinstance(known, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", known)
        return date.fromisoformat(known) if is_day else None
    return float(known) if PLAIN_NUMBER.fullmatch(str(known)) else None


def signed(known, sign, value) -> bool:
    return {
        "==": known == value,
        "<": known < value,
        "<=": known <= value,
        ">": known > value,
        ">=": known >= value,
    }[sign]


def keep(tx, newsletter, people) -> None:
    tx.execute(delete(subscription))
    tx.execute(delete(subscriber))
    for number, person in enumerate(people, 1):
        row = {**person, "id": number, "address_hash": str(number)}
        joined = row.pop("joined")
        tx.execute(insert(subscriber), row)
        tx.execute(
            insert(subscription),
            {"series_id": newsletter.series_id, "subscriber_id": number, "state": "active",
             "confirmed_at": joined},
        )  # fmt: skip


def chosen(tx, text) -> set[int]:
    found = condition(text, tx.dialect.name)
    rows = select(subscriber.c.id).join(subscription, subscription.c.subscriber_id == subscriber.c.id)
    return set(tx.execute(rows.where(found)).scalars())


@settings(max_examples=150)
@given(people=PEOPLE, expressions=st.lists(EXPRESSIONS, min_size=1, max_size=4))
def test_a_database_chooses_whom_python_chooses(newsletter, people, expressions):
    with newsletter.database.writing() as tx:
        keep(tx, newsletter, people)
        for text in map(written, expressions):
            wanted = {n for n, person in enumerate(people, 1) if holds(read(text), person)}
            assert chosen(tx, text) == wanted, text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('not plan == "free"', {1, 3, 4}),
        ('plan != "free"', {1, 3, 4}),
        ('plan in ("free", "paid")', {1, 2}),
        ("age >= 18", {1, 2}),
        ("not age >= 18", {3, 4}),
        ('zone == ""', {3, 4}),
        ("joined == 2026-10-01", {2}),
        ("joined <= 2026-10-01", {1, 2}),
        ("joined > 2026-10-01", {3}),
        ("not joined > 2026-10-01", {1, 2, 4}),
        ("vip == true", {1, 2}),
        ("born < 1990-01-01", {1}),
        ("größe-2 == 0", {3}),
        ('zone == "Europe/London" and plan in ("paid", "trial") and joined < 2026-10-01', {1}),
    ],
)
def test_who_lacks_something_is_lost_to_neither_side(newsletter, text, wanted):
    first = datetime(2026, 10, 1, tzinfo=UTC)
    people = [
        {"zone": "Europe/London", "joined": first - timedelta(seconds=1),
         "attributes": {"plan": "paid", "age": 40, "vip": True, "born": "1989-12-31"}},
        {"zone": "Asia/Tokyo", "joined": first, "attributes": {"plan": "free", "age": "18", "vip": "true"}},
        {"zone": "", "joined": first + timedelta(days=1),
         "attributes": {"age": "old", "born": "1989", "größe-2": 0}},
        {"zone": "", "joined": None, "attributes": {}},
    ]  # fmt: skip
    with newsletter.database.writing() as tx:
        keep(tx, newsletter, people)
        assert chosen(tx, text) == wanted


@pytest.mark.parametrize("odd", ["a\x00b", "\ud800", "\udc00x"])
def test_a_text_that_a_server_refuses_to_read_harms_nobody(newsletter, odd):
    with newsletter.database.writing() as tx:
        keep(
            tx,
            newsletter,
            [
                {"zone": "", "joined": None, "attributes": {"city": odd}},
                {"zone": "", "joined": None, "attributes": {"city": "😀"}},
            ],
        )
        assert chosen(tx, 'city == "😀"') == {2}
        assert chosen(tx, 'not city == "😀"') == {1}

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.content.series_files import parse_series, write_series
from newsletter.domain.cadence import Cadence
from newsletter.domain.finding import Acknowledgement
from newsletter.domain.series import Issue, SectionRef, Series
from newsletter.errors import LetterError, Place

FILE = "content/series/back-pain.toml"
TEXT = """\
title = "Back pain, week by week"
from = "Back Care Weekly <weekly@news.example.org>"
reply_to = "editors@news.example.org"
mode = "calendar"
hold_if_late_by = "90m"
leave_out = ["backs#closing"]
[cadence]
weekday = "tuesday"
time = "09:00"
zone = "Europe/London"
subscriber_zone = true
starts = 2026-12-01
skip = [2026-12-15]

[[issue]]
id = "lower-back"
subject = "Lower back"
preheader = "Where the ache comes from."
sections = ["backs#introduction", "backs#lower-back"]

[[issue]]
id = "neck"
title = "Your neck"
subject = "Neck"
preheader = ""
previously = ["necks"]
sections = ["backs#neck"]
"""


def parse(text: str = TEXT) -> Series:
    return parse_series(text, slug="back-pain", file=FILE)


def placeless(series: Series) -> Series:
    issues = tuple(
        replace(issue, place=Place(""), acknowledge=unplaced(issue.acknowledge)) for issue in series.issues
    )
    return replace(series, issues=issues, place=Place(""), acknowledge=unplaced(series.acknowledge))


def unplaced(acknowledged: tuple[Acknowledgement, ...]) -> tuple[Acknowledgement, ...]:
    return tuple(replace(one, place=Place("")) for one in acknowledged)


def test_a_series_file_is_read_whole():
    series = parse()
    assert series.sender == "Back Care Weekly <weekly@news.example.org>"
    assert series.hold_if_late_by == timedelta(minutes=90)
    assert series.leave_out == (SectionRef("backs", "closing"),)
    assert series.cadence == Cadence(
        1, time(9), "Europe/London", date(2026, 12, 1), frozenset({date(2026, 12, 15)}), subscriber_zone=True
    )
    assert [(issue.id, issue.place.line) for issue in series.issues] == [("lower-back", 15), ("neck", 21)]
    assert (series.issues[1].heading, series.issues[1].previously) == ("Your neck", ("necks",))


def test_what_may_be_left_away_has_a_default():
    text = """title = "t"
from = "a@example.org"
cadence = { weekday = "Friday", time = "23:59", zone = "Asia/Kathmandu", starts = 2026-12-01 }
[[issue]]
id = "one"
sections = ["a#b"]
"""
    series = parse(text)
    assert (series.mode, series.reply_to, series.leave_out) == ("calendar", "", ())
    assert (series.hold_if_late_by, series.cadence.weekday) == (timedelta(hours=6), 4)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("subject =", "subjct =", "17: unknown key 'subjct' of [issue]; did you mean 'subject'?"),
        (
            '"Europe/London"',
            '"Europe/Lodon"',
            "10: there is no time zone 'Europe/Lodon'; did you mean 'Europe/L",
        ),
        ('"Europe/London"', '"EST"', "10: 'EST' is an offset and knows no summer time"),
        ('"Europe/London"', '"UTC+2"', "10: 'UTC+2' is an offset"),
        ('"Europe/London"', '"+01:00"', "10: '+01:00' is an offset"),
        ('"Europe/London"', '"Etc/GMT-1"', "10: 'Etc/GMT-1' is an offset"),
        ('"Europe/London"', '"../London"', "10: there is no time zone '../London'"),
        ('"tuesday"', '"tusday"', "8: there is no weekday 'tusday'; did you mean 'tuesday'"),
        ('"09:00"', '"9am"', "9: '9am' is not a time of day; write it like \"09:00\""),
        ('"09:00"', '"24:00"', "9: '24:00' is not a time of day"),
        ('"90m"', '"six hours"', "5: 'six hours' is not a length of time"),
        ('"90m"', '"0h"', "5: '0h' is not a length of time"),
        ('"90m"', '""', "5: '' is not a length of time"),
        ("2026-12-01", '"soon"', "12: 'starts' of [cadence] must be a date"),
        ("2026-12-01", "2026-12-01T09:00:00", "12: 'starts' of [cadence] must be a date"),
        ("[2026-12-15]", "[2026-12-14]", "13: 2026-12-14 is a Monday, so there is nothing to skip"),
        ('"calendar"', '"weekly"', "4: there is no mode 'weekly'"),
        ('id = "neck"', 'id = "lower-back"', "22: two issues have the id 'lower-back'"),
        ('id = "neck"', 'id = "Neck Pain"', "22: the id 'Neck Pain' cannot be used; write 'neck-pain'"),
        ('"necks"', '"lower-back"', "26: 'lower-back' is an old id of issue 'neck'"),
        ('"backs#neck"', '"neck"', "27: 'neck' does not name a section; write article#section"),
        ('"backs#neck"', '"backs#neck", "backs#neck"', "27: issue 'neck' names the section 'backs#neck'"),
        ('["backs#neck"]', "[]", "27: 'sections' of [issue] must have at least one entry"),
        ("<weekly@news.example.org>", "<weekly@news>", "2: "),
        ("Back Care Weekly <", "Care, Weekly <", "2: 'Care, Weekly <weekly@news.example.org>' is not"),
        ("Back Care Weekly <", "Back\\r\\nBcc: x <", "2: "),
        ('"editors@news.example.org"', '"editors"', "3: 'editors' is not an address"),
        ('title = "Back pain, week by week"', 'title = " "', "1: the title is empty"),
        ('title = "Back pain, week by week"\n', "", "the key 'title' is missing"),
        ('subject = "Lower back"', 'subject = "Lower\\nback"', "17: 'Lower\\nback' has a line break"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(written, instead, said):
    assert written in TEXT
    with pytest.raises(LetterError) as caught:
        parse(TEXT.replace(written, instead))
    assert str(caught.value).startswith(f"{FILE}:")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_series_without_issues_is_refused():
    with pytest.raises(LetterError, match="issue"):
        parse(TEXT[: TEXT.index("[[issue]]")])


def test_a_slug_that_no_address_could_hold_is_refused():
    with pytest.raises(LetterError, match=r"rename the file to back-pain\.toml"):
        parse_series(TEXT, slug="Back Pain", file="content/series/Back Pain.toml")


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "America/Argentina/Buenos_Aires", "CET", "US/Eastern"])
def test_real_zones_are_accepted(zone):
    assert parse(TEXT.replace("Europe/London", zone)).cadence.zone == zone


def test_a_domain_in_another_script_is_sent_in_ascii():
    assert parse(TEXT.replace("news.example.org>", "bücher.example.org>")).sender.endswith(
        "@xn--bcher-kva.example.org>"
    )


def test_a_quoted_name_may_hold_a_comma():
    sender = parse(TEXT.replace("Back Care Weekly <", '\\"Care, Weekly\\" <')).sender
    assert sender == '"Care, Weekly" <weekly@news.example.org>'


def test_what_is_written_looks_as_an_editor_would_write_it():
    written = write_series(parse()).split("\n")
    assert 'mode = "calendar"                # everyone gets issue n in week n' in written
    assert (
        'hold_if_late_by = "90m"          # a slot found later than this is held and shown, not sent'
        in written
    )
    assert "starts = 2026-12-01              # a past date means the next slot, with a note" in written
    assert 'sections = ["backs#introduction", "backs#lower-back"]' in written
    assert max(map(len, written)) <= 110


def test_a_long_list_stands_one_entry_a_line():
    long = ", ".join(f'"backs#section-number-{n}"' for n in range(6))
    written = write_series(parse(TEXT.replace('"backs#neck"', long)))
    assert '\nsections = [\n    "backs#section-number-0",\n' in written


def test_what_is_written_reads_back():
    assert placeless(parse(write_series(parse()))) == placeless(parse())


slugs = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,5}){0,2}", fullmatch=True)
letters = st.characters(categories=["L", "N", "P", "S", "Zs"])
lines = st.text(letters, max_size=40).filter(str.isprintable).map(str.strip)
refs = st.builds(SectionRef, slugs, slugs)
reasons = st.lists(
    st.builds(Acknowledgement, slugs, lines.filter(bool), st.just(Place(""))),
    max_size=2,
    unique_by=lambda one: one.rule,
).map(tuple)
issues = st.builds(
    Issue,
    id=slugs,
    subject=lines,
    preheader=lines,
    sections=st.lists(refs, min_size=1, max_size=8, unique=True).map(tuple),
    place=st.just(Place("")),
    title=lines,
    acknowledge=reasons,
)
series_of = st.builds(
    Series,
    slug=st.just("back-pain"),
    title=lines.filter(bool),
    sender=st.just("A “b” <a@example.org>"),
    reply_to=st.sampled_from(["", "b@example.org"]),
    cadence=st.builds(
        Cadence,
        weekday=st.just(1),
        time=st.times().map(lambda moment: time(moment.hour, moment.minute)),
        zone=st.sampled_from(["UTC", "Europe/London"]),
        starts=st.dates(),
        skip=st.frozensets(st.just(date(2026, 12, 15))),
        subscriber_zone=st.booleans(),
    ),
    hold_if_late_by=st.integers(1, 90_000).map(lambda minutes: timedelta(minutes=minutes)),
    issues=st.lists(issues, min_size=1, max_size=4, unique_by=lambda issue: issue.id).map(tuple),
    leave_out=st.lists(refs, max_size=6, unique=True).map(tuple),
    place=st.just(Place("")),
    acknowledge=reasons,
    layout=st.sampled_from(["", "letter"]),
)


@settings(max_examples=120)
@given(series_of)
def test_any_series_reads_back_as_it_was(series):
    assert placeless(parse(write_series(series))) == series


def test_a_provider_is_kept_with_its_line_and_written_again():
    series = parse(TEXT.replace("mode =", 'provider = "bulk"\nmode ='))
    assert (series.provider, series.provider_place) == ("bulk", Place(FILE, 4))
    assert parse(write_series(series)).provider == "bulk"
    assert (parse(TEXT).provider, "provider" in write_series(parse(TEXT))) == ("", False)

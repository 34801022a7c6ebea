"""Issues online: only what was sent for real, and nothing of anybody on it."""

import re
from contextlib import closing
from datetime import timedelta

import pytest
from letter_cast import FIRST, PEOPLE, SECOND, SERIES_FILE, Office, rewrite, write_letter
from sequence_cast import open_sequence, weeks_until
from sqlalchemy import select

from newsletter.domain.subscriber import address_hash
from newsletter.domain.tokens import Grant, Purpose
from newsletter.store.tables import subscriber

HOUR = timedelta(hours=1)
BASE = "https://news.example.org"


@pytest.fixture
def office(tmp_path, database_url):
    write_letter(tmp_path)
    with (tmp_path / "newsletter.toml").open("a") as settings:
        settings.write(f'\n[database]\nurl = "{database_url}"\n')
    rewrite(tmp_path / SERIES_FILE, "\n[cadence]", 'archive = "public"\n\n[cadence]')
    with closing(Office(tmp_path)) as office:
        office.join(*PEOPLE).queue()
        yield office


@pytest.fixture
def sent(office):
    office.connect()
    office.run(FIRST + HOUR)
    return office


def titles(office, slug="back-pain"):
    listing = office.app().pages.archiving.listing(slug)
    return [one.title for one in listing.issues]


def view(office, name, issue_id):
    """Open the link to an issue online that is in somebody's mail."""
    app = office.app()
    hash_ = address_hash(f"{name}@example.org", app.deployment.salt)
    with app.database.reading() as tx:
        id_ = tx.execute(select(subscriber.c.id).where(subscriber.c.address_hash == hash_)).scalar_one()
    return app.pages.desk.issue_page(app.keys.sign(Purpose.VIEW, Grant(1, id_, issue_id)))


def test_the_archive_lists_what_was_sent_with_its_date(sent):
    (one,) = sent.app().pages.archiving.listing("back-pain").issues
    assert (one.slug, one.at) == ("lower-back", FIRST)
    assert one.title == "Lower back: where the ache comes from"
    assert one.preheader.startswith("A sore lower back")
    sent.run(SECOND + HOUR)
    assert len(titles(sent)) == 2


def test_what_was_only_rehearsed_is_not_there(office):
    office.run(FIRST + HOUR)
    assert titles(office) == []
    assert office.app().pages.archiving.page("back-pain", "lower-back") is None


def test_a_series_without_a_public_archive_has_none(sent):
    rewrite(sent.root / SERIES_FILE, 'archive = "public"', 'archive = "none"')
    sent.queue("neck")
    archiving = sent.app().pages.archiving
    assert archiving.listing("back-pain") is None
    assert archiving.page("back-pain", "lower-back") is None
    assert archiving.listing("knees") is None


def test_an_issue_of_the_archive_is_made_out_to_nobody(sent):
    sent.run(SECOND + HOUR)
    html = sent.app().pages.archiving.page("back-pain", "lower-back")
    assert not any(f"{name}@" in html or name.capitalize() in html for name in PEOPLE)
    assert f"{BASE}/u/" not in html
    assert f"{BASE}/w/" not in html
    assert f'href="{BASE}/subscribe/back-pain"' in html
    assert ">Unsubscribe</a>" not in html
    assert "You get this because" not in html
    assert "Back pain comes by email. This issue is shown as it was sent.</p>" in html
    assert not re.search(r'Preferences|View online|#nobody|(class="dot"[^<]*</span>\s*){2}', html)
    assert f'<a href="{BASE}/a/back-pain/neck">' in html


def test_an_issue_that_is_not_sent_yet_is_not_found(sent):
    assert sent.app().pages.archiving.page("back-pain", "neck") is None


def test_whoever_joined_late_is_shown_the_earlier_parts(sent):
    assert "Earlier parts" not in view(sent, "ada", 1)
    assert "You get this because you subscribed to Back pain." in view(sent, "ada", 1)
    sent.join("fay").run(SECOND + HOUR)
    page = view(sent, "fay", 2)
    assert "Earlier parts" in page
    assert f'href="{BASE}/p/' in page
    assert "View online" not in page
    assert ">Lower back: where the ache comes from</a></li>" in page
    url = page.rpartition('<li><a href="')[2].partition('"')[0]
    assert url.startswith(f"{BASE}/w/")
    earlier = sent.app().pages.desk.issue_page(url.removeprefix(f"{BASE}/w/"))
    assert "Lower back: where the ache comes from" in earlier
    assert f"{BASE}/u/" not in earlier
    assert "Preferences" not in earlier
    assert "View online" not in earlier
    assert "Fay" not in earlier


def test_a_link_to_an_earlier_part_is_no_way_to_leave(sent):
    app = sent.app()
    token = app.keys.sign(Purpose.VIEW, Grant(1, 0, 1))
    assert app.pages.desk.issue_page(token) is not None
    assert app.pages.desk.look_up(token) is None
    assert app.pages.desk.unsubscribe(token, "page") is None


def test_parts_of_a_sequence_are_published_as_somebody_gets_them(tmp_path, database_url):
    with closing(open_sequence(tmp_path, database_url, "ada")) as office:
        rewrite(tmp_path / SERIES_FILE, "\n[cadence]", 'archive = "public"\n\n[cadence]')
        office.queue()
        weeks_until(office, 2)
        office.join("ben")
        weeks_until(office, 3)
        listing = office.app().pages.archiving.listing("back-pain")
        assert [one.slug for one in listing.issues] == ["one", "two", "three"]
        assert [one.at for one in listing.issues] == [FIRST + n * timedelta(weeks=1) for n in range(3)]

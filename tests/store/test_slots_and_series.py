from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from store_cast import DAY, NOW, a_revision, a_series_file

from newsletter.domain.pieces import Field
from newsletter.domain.release import SlotState
from newsletter.domain.revision import Media
from newsletter.domain.series import to_settings
from newsletter.store import deliveries, revisions, series, slots
from newsletter.store.tables import audit, revision


def test_a_date_of_a_series_has_one_slot(newsletter):
    newsletter.queue("lower-back", DAY)
    with pytest.raises(IntegrityError):
        newsletter.queue("neck", DAY)
    assert [slot.issue for slot in newsletter.read(slots.every)] == ["lower-back"]


def test_two_series_may_share_a_date(newsletter):
    newsletter.queue("lower-back")
    newsletter.apply("sleep", ("pillows",)).queue("pillows")
    assert [slot.target for slot in newsletter.read(slots.every)] == ["back-pain/lower-back", "sleep/pillows"]


def test_slots_are_listed_by_date(newsletter):
    newsletter.queue("neck", DAY + timedelta(days=7))
    newsletter.queue("lower-back", DAY)
    listed = newsletter.read(slots.of_series, newsletter.series_id)
    assert [slot.issue for slot in listed] == ["lower-back", "neck"]
    assert (listed[0].local_date, listed[0].state) == (DAY, SlotState.QUEUED)


def test_a_slot_can_move_and_be_freed(newsletter):
    newsletter.queue()
    (slot,) = newsletter.read(slots.queued)
    with newsletter.database.writing() as tx:
        slots.change(tx, slot.id, local_date=date(2026, 12, 8))
    assert newsletter.read(slots.queued)[0].local_date == date(2026, 12, 8)
    with newsletter.database.writing() as tx:
        slots.drop(tx, slot.id)
    assert newsletter.read(slots.every) == []


def test_a_released_slot_is_no_longer_queued(newsletter):
    newsletter.queue()
    newsletter.release()
    assert newsletter.read(slots.queued) == []
    assert newsletter.read(slots.every)[0].state is SlotState.RELEASED


def test_applying_a_series_again_renews_its_settings_and_keeps_its_id(newsletter):
    settings = to_settings(a_series_file(title="Backs, week by week – ünï"))
    with newsletter.database.writing() as tx:
        assert series.apply(tx, "back-pain", settings, "new") == newsletter.series_id
    found = newsletter.read(series.find, "back-pain")
    assert found.title == "Backs, week by week – ünï"
    assert found.cadence == a_series_file().cadence


def test_a_renamed_series_keeps_its_id_and_its_issues(newsletter):
    with newsletter.database.writing() as tx:
        series.rename(tx, newsletter.series_id, "spine")
    assert newsletter.read(series.find, "back-pain") is None
    assert newsletter.read(series.find, "spine").id == newsletter.series_id
    assert [row.target for row in newsletter.read(series.issues)] == ["spine/lower-back", "spine/neck"]


def test_a_series_with_a_very_long_name_can_be_applied(newsletter):
    newsletter.apply("a-" * 99 + "b", ("c-" * 99 + "d",))
    assert len(newsletter.read(series.every)) == 2


def test_issues_are_listed_by_position(newsletter):
    with newsletter.database.writing() as tx:
        series.change_issue(tx, newsletter.issues["lower-back"], position=3)
    listed = newsletter.read(series.issues, newsletter.series_id)
    assert [row.slug for row in listed] == ["neck", "lower-back"]


def test_an_issue_knows_what_its_approved_revision_was_made_from(newsletter):
    newsletter.queue()
    with newsletter.database.writing() as tx:
        series.change_issue(
            tx, newsletter.issues["lower-back"], approved_revision=a_revision("lower-back").hash
        )
    first, second = newsletter.read(series.issues, newsletter.series_id)
    assert (first.source_hash, second.source_hash) == ("s" * 64, None)


def test_an_issue_that_was_never_queued_goes_with_its_revisions(newsletter):
    with newsletter.database.writing() as tx:
        revisions.add(tx, newsletter.issues["neck"], a_revision())
        assert not series.is_used(tx, newsletter.issues["neck"])
        series.drop_issue(tx, newsletter.issues["neck"])
    assert newsletter.rows(select(revision.c.hash)) == []
    assert [row.slug for row in newsletter.read(series.issues)] == ["lower-back"]


def test_an_issue_with_a_slot_is_used(newsletter):
    newsletter.queue()
    assert newsletter.read(series.is_used, newsletter.issues["lower-back"])


def test_a_pause_is_an_instant_in_utc(newsletter):
    at = datetime(2026, 12, 1, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    with newsletter.database.writing() as tx:
        series.pause(tx, newsletter.series_id, at)
    found = newsletter.read(series.find, "back-pain").paused_at
    assert (found, found.tzinfo) == (at, UTC)
    with newsletter.database.writing() as tx:
        series.pause(tx, newsletter.series_id, None)
    assert newsletter.read(series.find, "back-pain").paused_at is None


def test_a_revision_is_read_back_as_it_was_kept(newsletter):
    kept = a_revision(
        html=('<p>"Zoë" 😀\u2028 \\ ', Field("name", 'fri"end'), "</p>\r\n"), links=("https://example.org/ü",)
    )
    with newsletter.database.writing() as tx:
        revisions.add(tx, newsletter.issues["neck"], kept)
    assert newsletter.read(revisions.get, kept.hash) == kept


def test_a_revision_is_kept_once(newsletter):
    for _ in range(2):
        with newsletter.database.writing() as tx:
            revisions.add(tx, newsletter.issues["neck"], a_revision())
    assert len(newsletter.rows(select(revision.c.hash))) == 1


def test_a_picture_is_kept_once_and_served_by_its_name(newsletter):
    picture = Media("abc.png", "image/png", bytes(range(256)))
    for _ in range(2):
        with newsletter.database.writing() as tx:
            revisions.add_media(tx, picture)
    assert newsletter.read(revisions.find_media, "abc.png") == picture
    assert newsletter.read(revisions.find_media, "other.png") is None


def test_a_delivery_knows_the_revision_that_it_carried(newsletter):
    (ann,) = newsletter.join("ann")
    newsletter.queue()
    newsletter.release()
    issue = newsletter.issues["lower-back"]
    assert newsletter.read(deliveries.revision_of, issue, ann, 0) == a_revision("lower-back").hash
    assert newsletter.read(deliveries.revision_of, issue, ann, 7) is None


def test_what_a_person_decided_is_written_down(newsletter):
    row = {"at": NOW, "what": "pause", "target": "back-pain", "detail": {"why": "Zoë"}}
    with newsletter.database.writing() as tx:
        deliveries.note(tx, row)
    assert newsletter.rows(select(audit.c.at, audit.c.detail)) == [(NOW, {"why": "Zoë"})]


def test_a_slot_needs_an_issue_that_exists(newsletter):
    with pytest.raises(IntegrityError), newsletter.database.writing() as tx:
        slots.add(tx, newsletter.series_id, 99, DAY, "h" * 64, "2026a")


def test_a_failed_transaction_leaves_nothing(newsletter):
    with pytest.raises(ZeroDivisionError):
        note_and_fail(newsletter)
    assert newsletter.rows(select(audit.c.at)) == []


def note_and_fail(newsletter):
    with newsletter.database.writing() as tx:
        deliveries.note(tx, {"at": NOW, "what": "pause", "target": "back-pain", "detail": {}})
        raise ZeroDivisionError

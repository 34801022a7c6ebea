from datetime import UTC, timedelta

from sqlalchemy import select
from store_cast import DAY, NOW

from newsletter.domain.shown import Shown
from newsletter.store import shown, slots
from newsletter.store.tables import slot


def test_a_slot_that_was_never_shown_has_no_instant(newsletter):
    newsletter.queue()
    (found,) = newsletter.read(shown.of_series, newsletter.series_id)
    assert found == Shown(found.slot_id, "back-pain/lower-back", DAY, "2026a", None)


def test_what_is_shown_is_kept_as_an_instant_in_utc(newsletter):
    newsletter.queue()
    (found,) = newsletter.read(shown.of_series, newsletter.series_id)
    kept = Shown(found.slot_id, found.target, DAY, "2026.6", NOW)
    with newsletter.database.writing() as tx:
        shown.keep(tx, kept)
    (again,) = newsletter.read(shown.of_series, newsletter.series_id)
    assert again == kept
    assert again.due_at.tzinfo is UTC


def test_only_the_queued_slots_of_one_series_are_looked_at(newsletter):
    newsletter.queue("lower-back", DAY)
    newsletter.release()
    newsletter.queue("neck", DAY + timedelta(days=7))
    listed = [one.target for one in newsletter.read(shown.of_series, newsletter.series_id)]
    newsletter.apply("sleep", ("pillows",)).queue("pillows")
    assert listed == ["back-pain/neck"]


def test_a_slot_that_moves_was_not_shown_on_its_new_date(newsletter):
    newsletter.queue()
    (found,) = newsletter.read(shown.of_series, newsletter.series_id)
    with newsletter.database.writing() as tx:
        shown.keep(tx, Shown(found.slot_id, found.target, DAY, "2026.6", NOW))
        slots.change(tx, found.slot_id, local_date=DAY + timedelta(days=7))
    assert newsletter.rows(select(slot.c.due_at, slot.c.tzdata)) == [(None, "2026.6")]


def test_what_is_kept_of_one_slot_leaves_the_others_alone(newsletter):
    newsletter.queue("lower-back", DAY)
    newsletter.queue("neck", DAY + timedelta(days=7))
    first, _ = newsletter.read(shown.of_series, newsletter.series_id)
    with newsletter.database.writing() as tx:
        shown.keep(tx, Shown(first.slot_id, first.target, DAY, "2026.6", NOW))
    assert newsletter.rows(select(slot.c.due_at).order_by(slot.c.id)) == [(NOW,), (None,)]

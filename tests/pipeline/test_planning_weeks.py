"""The plan counts by the rule of release, and names what is in the way."""

from collections import Counter
from datetime import timedelta

import pytest
from letter_cast import ARTICLE_FILE, FIRST, SERIES_FILE, rewrite


def planned(office, weeks=8):
    return office.app().planning.plan(office.clock.now(), weeks)


def test_the_plan_counts_those_who_will_get_it(queued):
    queued.leave("ada")
    first, second = planned(queued).slots
    assert (first.target, first.due_at, first.recipients) == ("back-pain/lower-back", FIRST, 4)
    assert first.excluded == second.excluded == {"unsubscribed": 1}


def test_what_was_planned_is_what_is_sent(queued):
    queued.leave("ada")
    expected = {f"back-pain/{name}": 4 for name in ("lower-back", "neck")}
    assert {one.target: one.recipients for one in planned(queued).slots} == expected
    service = queued.connect()
    queued.run()
    assert Counter(f"back-pain/{issue}" for issue, _ in service.accepted) == expected


def test_a_plan_looks_as_far_as_asked(queued):
    assert [one.target for one in planned(queued, weeks=1).slots] == ["back-pain/lower-back"]


def test_an_issue_without_a_slot_is_named(office):
    office.queue("neck")
    assert planned(office).unqueued == ("back-pain/lower-back",)


def test_nothing_is_in_the_way_of_what_was_approved(queued):
    assert planned(queued).blockers == 0


def test_a_change_since_approval_is_named_with_its_mend(queued):
    rewrite(queued.root / ARTICLE_FILE, "lightest touch", "gentlest touch")
    first, second = planned(queued).slots
    assert first.blockers == ()
    assert second.blockers == ("changed since approval; approve it with: newsletter queue back-pain/neck",)


def test_a_changed_setting_of_the_series_changes_every_issue(queued):
    rewrite(queued.root / SERIES_FILE, "weekly@news", "editors@news")
    assert planned(queued).blockers == 2
    queued.queue()
    assert planned(queued).blockers == 0


def test_a_pause_is_in_the_way(queued):
    queued.app().holding.pause("back-pain/neck", queued.clock.now())
    assert [len(one.blockers) for one in planned(queued).slots] == [0, 1]


def test_a_broken_article_is_in_the_way(queued):
    rewrite(queued.root / SERIES_FILE, "back#neck", "back#nick")
    (_, second) = planned(queued).slots
    assert "back#nick" in second.blockers[0]


def test_a_clock_change_is_noted(queued):
    rewrite(queued.root / SERIES_FILE, 'weekday = "tuesday"', 'weekday = "sunday"')
    rewrite(queued.root / SERIES_FILE, 'time = "09:00"', 'time = "01:30"')
    queued.cancel("back-pain")
    queued.clock.advance_to(FIRST + timedelta(weeks=16))
    queued.queue()
    assert [one.notes for one in planned(queued, weeks=4).slots] == [("gap:shifted",), ()]


@pytest.mark.parametrize(
    ("per_day", "more", "in_the_way", "note"),
    [
        (1000, 0, (), ()),
        (2, 0, (), ("by the provider's limits the last go out 36 h 00 min later",)),
        (1, 4, ("it takes 7 days by the provider's limits, and the next slot comes before it ends",), ()),
    ],
)
def test_a_quota_that_is_too_small_for_a_week_is_in_the_way(queued, per_day, more, in_the_way, note):
    queued.join(*(f"more{number}" for number in range(more)))
    queued.connect()
    settings = queued.root / "newsletter.toml"
    rewrite(settings, "postal_address", f"provider.per_day = {per_day}\npostal_address")
    [first, _] = planned(queued).slots
    assert (first.blockers, first.notes) == (in_the_way, note)

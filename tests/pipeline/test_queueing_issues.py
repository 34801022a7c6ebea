"""Queue, move, swap and cancel: what each does to the slots, and what it leaves alone."""

from datetime import date, timedelta

import pytest
from letter_cast import ARTICLE_FILE, FIRST, SERIES_FILE, rewrite

from newsletter.domain.letter import Composition
from newsletter.domain.queueing import Change
from newsletter.domain.revision import Revision
from newsletter.errors import Refused, UnknownTarget
from newsletter.pipeline.queueing import NotReady
from newsletter.rendering.renderer import Renderer


def changes(entries) -> dict[str, Change]:
    return {entry.target: entry.change for entry in entries}


def test_each_issue_gets_the_next_free_slot(office):
    entries = office.queue()
    assert [(one.target, one.change, one.local_date) for one in entries] == [
        ("back-pain/lower-back", Change.ADDED, date(2026, 12, 1)),
        ("back-pain/neck", Change.ADDED, date(2026, 12, 8)),
    ]
    assert entries[0].due_at == FIRST


def test_an_issue_queued_alone_takes_the_first_slot(office):
    office.queue("neck")
    office.queue("back-pain")
    assert office.slots() == {"neck": "2026-12-01", "lower-back": "2026-12-08"}


def test_a_slot_that_is_past_is_not_given(office):
    office.clock.advance_to(FIRST + timedelta(seconds=1))
    office.queue("lower-back")
    assert office.slots() == {"lower-back": "2026-12-08"}


def test_queued_again_unchanged_it_says_so(queued):
    assert changes(queued.queue()) == {
        "back-pain/lower-back": Change.UNCHANGED,
        "back-pain/neck": Change.UNCHANGED,
    }


def test_an_edit_is_shown_renewed_and_keeps_the_slot(queued):
    rewrite(queued.root / ARTICLE_FILE, "lightest touch", "gentlest touch")
    entries = queued.queue()
    assert changes(entries)["back-pain/neck"] is Change.RENEWED
    assert any(line.startswith("+") and "gentlest" in line for line in entries[1].difference)
    assert queued.slots() == {"lower-back": "2026-12-01", "neck": "2026-12-08"}


def test_a_renewed_issue_is_what_goes_out(queued):
    service = queued.connect()
    rewrite(queued.root / SERIES_FILE, "Neck: small", "Neck: gentle")
    queued.queue("neck")
    queued.run()
    assert len(service.accepted) == 10
    assert "Neck: gentle movements, gentle hands" in {row.subject for row in queued.queue()}


def test_an_edit_that_was_not_queued_does_not_go_out(queued):
    service = queued.connect()
    rewrite(queued.root / ARTICLE_FILE, "lightest touch", "gentlest touch")
    queued.run()
    bodies = [str(payload) for payload in service.keys.values()]
    assert any("lightest touch" in body for body in bodies)
    assert not any("gentlest touch" in body for body in bodies)


def test_a_chosen_date_moves_an_issue(queued):
    (entry,) = queued.queue("neck", at=date(2026, 12, 22))
    assert (entry.change, entry.moved_from) == (Change.MOVED, date(2026, 12, 8))
    assert queued.slots()["neck"] == "2026-12-22"


@pytest.mark.parametrize(
    ("day", "says"),
    [(date(2026, 12, 1), "back-pain/lower-back has the slot"), (date(2026, 11, 3), "is past")],
)
def test_a_date_that_is_taken_or_past_is_refused(queued, day, says):
    with pytest.raises(Refused, match=says):
        queued.queue("neck", at=day)
    assert queued.slots()["neck"] == "2026-12-08"


def test_a_chosen_date_is_for_one_issue(office):
    with pytest.raises(Refused, match="takes one issue"):
        office.queue("back-pain", at=date(2026, 12, 22))


def test_two_issues_change_places(queued):
    queued.app().queueing.swap("lower-back", "back-pain/neck", queued.clock.now())
    assert queued.slots() == {"neck": "2026-12-01", "lower-back": "2026-12-08"}
    assert set(changes(queued.queue()).values()) == {Change.UNCHANGED}


@pytest.mark.parametrize("other", ["lower-back", "back-pain/lower-back"])
def test_an_issue_does_not_change_places_with_itself(queued, other):
    with pytest.raises(Refused, match="named twice"):
        queued.app().queueing.swap("lower-back", other, queued.clock.now())


def test_swapped_issues_go_out_in_their_new_order(queued):
    service = queued.connect()
    queued.app().queueing.swap("lower-back", "neck", queued.clock.now())
    queued.run(until=FIRST)
    assert {issue for issue, _ in service.accepted} == {"neck"}


def test_a_dry_run_tells_and_changes_no_row(office):
    before = dump(office)
    assert set(changes(office.queue(dry_run=True)).values()) == {Change.ADDED}
    assert dump(office) == before
    assert office.slots() == {}


def dump(office) -> list[str]:
    from newsletter.store.tables import metadata

    with office.app().database.reading() as tx:
        return [str(row) for table in metadata.sorted_tables for row in tx.execute(table.select())]


def test_an_error_in_one_issue_queues_neither(office):
    rewrite(office.root / SERIES_FILE, 'subject = "Neck: small movements, gentle hands"\n', "")
    with pytest.raises(NotReady) as refused:
        office.queue()
    assert {found.target for found in refused.value.findings} == {"back-pain/neck"}
    assert office.slots() == {}


def test_the_issue_without_the_error_may_be_queued_alone(office):
    rewrite(office.root / SERIES_FILE, 'subject = "Neck: small movements, gentle hands"\n', "")
    office.queue("lower-back")
    assert office.slots() == {"lower-back": "2026-12-01"}


def test_an_issue_is_rendered_once_to_be_queued(office, monkeypatch):
    rendered: list[str] = []
    render = Renderer.render

    def counting(self: Renderer, one: Composition) -> Revision:
        rendered.append(one.issue.id)
        return render(self, one)

    monkeypatch.setattr(Renderer, "render", counting)
    office.queue("back-pain")
    assert sorted(rendered) == sorted(set(rendered)), "each once"
    assert set(rendered) == set(office.slots())


def test_cancelling_frees_the_slot_for_the_next(queued):
    (done,) = queued.cancel("back-pain/lower-back")
    assert done.freed == date(2026, 12, 1)
    queued.queue("lower-back")
    assert queued.slots()["lower-back"] == "2026-12-01"


def test_a_cancel_on_trial_frees_nothing(queued):
    assert len(queued.cancel("back-pain", dry_run=True)) == 2
    assert len(queued.slots()) == 2


def test_cancelling_what_is_not_queued_is_an_error(office):
    with pytest.raises(UnknownTarget):
        office.cancel("back-pain/neck")


def test_cancelling_a_send_under_way_stops_the_rest(queued):
    service = queued.connect()
    queued.release()
    queued.app().engine.delivering.step()
    (done,) = queued.cancel("lower-back")
    assert (done.gone, done.stopped) == (2, 3)
    queued.run(until=FIRST)
    assert len(service.accepted) == 2


def test_a_renamed_issue_without_a_word_is_refused(queued):
    rewrite(queued.root / SERIES_FILE, 'id = "neck"', 'id = "the-neck"')
    with pytest.raises(Refused, match="previously"):
        queued.queue()
    assert "neck" in queued.slots()


def test_a_renamed_issue_that_says_so_keeps_its_slot(queued):
    rewrite(queued.root / SERIES_FILE, 'id = "neck"', 'id = "the-neck"\npreviously = ["neck"]')
    queued.queue()
    assert queued.slots()["the-neck"] == "2026-12-08"


def test_an_issue_that_went_out_is_not_queued_again(queued):
    queued.connect()
    queued.run(until=FIRST)
    assert changes(queued.queue()) == {
        "back-pain/lower-back": Change.SENT,
        "back-pain/neck": Change.UNCHANGED,
    }


def test_a_series_file_renamed_without_saying_so_is_refused(queued):
    old = queued.root / SERIES_FILE
    new = old.with_name("spine-pain.toml")
    old.rename(new)
    with pytest.raises(Refused, match=r"back-pain is queued and its file is gone; .*previously = "):
        queued.queue("spine-pain")
    new.write_text(new.read_text().replace("[cadence]", 'previously = ["back-pain"]\n\n[cadence]', 1))
    queued.queue("spine-pain")
    assert {row.slot.series for row in queued.app().queueing.rows()} == {"spine-pain"}

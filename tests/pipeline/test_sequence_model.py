"""Whatever editors do to a sequence, it does what a list of names and a loop over days would do."""

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from letter_cast import FIRST, Office
from sequence_cast import ISSUES, got, open_sequence, tuesday, weeks_until, write_sequence

WEEKS = 7
EDITS = st.one_of(
    st.tuples(st.just("join"), st.integers(0, 6)),
    st.tuples(st.just("leave"), st.integers(0, 9)),
    st.tuples(st.just("insert"), st.integers(0, 6)),
    st.tuples(st.just("announce"), st.integers(0, 6)),
    st.tuples(st.just("remove"), st.integers(0, 6)),
    st.tuples(st.just("turn round"), st.integers(0, 6)),
)


@dataclass
class Model:
    """The naive sequence: everybody's list of what they had, and the order of today."""

    order: list[str] = field(default_factory=lambda: list(ISSUES))
    unapproved: set[str] = field(default_factory=set)
    had: dict[str, list[str]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    log: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def week(self, number: int) -> None:
        for name, had in self.had.items():
            places = [self.order.index(issue) for issue in had if issue in self.order]
            coming = self.order[max(places, default=-1) + 1 :]
            if coming and coming[0] not in self.unapproved and name not in self.left:
                had.append(coming[0])
                self.log[name].append(f"{number} {coming[0]}")


def edit(office: Office, model: Model, what: str, number: int, week: int) -> None:
    """Do one thing to the sequence and to its model."""
    order = model.order
    at = number % (len(order) + 1)
    name, issue = f"p{week}-{number}", f"new-{week}-{number}"
    active = sorted(set(model.had) - model.left)
    if what == "join" and name not in model.had:
        office.join(name)
        model.had[name] = []
    elif what == "leave" and active:
        office.leave(active[number % len(active)])
        model.left.add(active[number % len(active)])
    elif what in ("insert", "announce") and issue not in order:
        order.insert(at, issue)
        write_sequence(office.root, order)
        if what == "insert":
            office.queue(f"back-pain/{issue}")
        else:
            model.unapproved.add(issue)
            office.queue(f"back-pain/{next(one for one in order if one not in model.unapproved)}")
    elif what == "remove" and len(set(order) - model.unapproved) > 1:
        gone = [one for one in order if one not in model.unapproved][
            number % (len(order) - len(model.unapproved))
        ]
        office.cancel(f"back-pain/{gone}")
        order.remove(gone)
        write_sequence(office.root, order)
        office.queue(f"back-pain/{next(one for one in order if one not in model.unapproved)}")
    elif what == "turn round":
        order[at:] = reversed(order[at:])
        write_sequence(office.root, order)
        office.queue(f"back-pain/{next(one for one in order if one not in model.unapproved)}")


@settings(max_examples=6)
@given(st.lists(st.lists(EDITS, max_size=3), min_size=WEEKS, max_size=WEEKS))
def test_a_sequence_does_what_a_loop_over_weeks_would_do(weeks):
    with (
        TemporaryDirectory() as folder,
        closing(open_sequence(Path(folder), "sqlite:///n.db", "ada")) as office,
    ):
        model = Model(had={"ada": []})
        for number, edits in enumerate(weeks, 1):
            for what, value in edits:
                edit(office, model, what, value, number)
            model.week(number)
            weeks_until(office, number)
            office.clock.advance_to(tuesday(number) + timedelta(days=2))
        assert got(office.provider) == dict(model.log)
        times = [(at, name) for at, _, name in office.provider.log]
        assert len(times) == len(set(times)), "never two at once"
        assert all((at - FIRST) % timedelta(weeks=1) == timedelta() for at, _ in times)

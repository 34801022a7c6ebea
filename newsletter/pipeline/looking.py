"""Look at issues while they are written: rendered once for each state of the files, for any reader."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from newsletter.domain.finding import worst_of
from newsletter.domain.letter import Letter
from newsletter.domain.revision import Media
from newsletter.domain.series import Issue, Series
from newsletter.domain.studio import Preview, PreviewEntry, due_line, persona
from newsletter.domain.subscriber import Subscriber
from newsletter.errors import NewsletterError, UnknownTarget
from newsletter.pipeline.composing import Composed, Composing
from newsletter.pipeline.sample import Sample

#: The state of some files: name, time of the last change, size.
Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class People:
    """The real readers of a letter: the first of them, one by the address, and how one gets a copy."""

    some: Callable[[], Sequence[Subscriber]]
    find: Callable[[str], Subscriber]
    send_test: Callable[[str, str], str]


@dataclass(frozen=True)
class _State:
    """What the files say as they are now, and what was rendered of it."""

    stamp: Stamp
    composing: Composing
    letter: Letter
    composed: dict[str, Composed] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass
class Looking:
    """Show the issues of a letter; `watched` are its files and folders, the settings first."""

    watched: Sequence[Path]
    open_composing: Callable[[], Composing]
    people: People
    _state: _State | None = None
    _pictures: dict[str, Media] = field(default_factory=dict)
    _turn: Lock = field(default_factory=Lock)

    def entries(self, *, judged: bool) -> Sequence[PreviewEntry]:
        """List every issue of every series, in order; `judged` renders and checks those that were not yet."""
        state = self._now()
        found = []
        for series in state.letter.series.values():
            for number, issue in enumerate(series.issues, start=1):
                if judged:
                    self._judge(state, series, issue)
                found.append(_entry(state, series, issue, number))
        return found

    def page(self, target: str, reader: str) -> Preview:
        """Render one issue for the key of a persona or the address of a subscriber."""
        state = self._now()
        series, issue = state.composing.issues(state.letter, target)[0]
        composed = self._composed(state, series, issue)
        self._pictures.update({picture.name: picture for picture in composed.media})
        sample = Sample(composed, self._reader(reader))
        public_url = state.composing.publication.public_url
        return Preview(
            target=composed.target,
            reader=sample.reader,
            subject=sample.subject,
            sender=composed.revision.sender,
            preheader=composed.revision.preheader,
            due=due_line(series, series.issues.index(issue) + 1, sample.reader),
            html=sample.html.replace(f"{public_url}/media/", "/media/"),
            source=sample.html,
            text=sample.text,
            headers=sample.headers,
            findings=composed.findings,
            acknowledged=composed.acknowledged,
        )

    def media(self, name: str) -> Media | None:
        """Find a picture that a page names."""
        return self._pictures.get(name)

    def readers(self) -> Sequence[Subscriber]:
        """List some subscribers; makes no database."""
        return self.people.some()

    def send_test(self, target: str, address: str) -> str:
        """Send a real copy of an issue as the files have it now."""
        return self.people.send_test(target, address)

    def _reader(self, key: str) -> Subscriber:
        sample = persona(key)
        return sample.reader if sample else self.people.find(key)

    def _now(self) -> _State:
        # Stamped before reading: what is written meanwhile makes the next stamp another.
        stamp = tuple(_stamps(self.watched))
        with self._turn:
            if self._state is None or self._state.stamp != stamp:
                composing = self._composing(stamp)
                self._state = _State(stamp, composing, composing.letter())
            return self._state

    def _composing(self, stamp: Stamp) -> Composing:
        # The settings alone decide about it, and a renderer that is kept need not read its templates again.
        is_same = self._state is not None and self._state.stamp[:1] == stamp[:1]
        return self._state.composing if self._state and is_same else self.open_composing()

    def _composed(self, state: _State, series: Series, issue: Issue) -> Composed:
        target = f"{series.slug}/{issue.id}"
        with self._turn:
            if target not in state.composed:
                state.composed[target] = state.composing.compose(state.letter, series, issue)
            return state.composed[target]

    def _judge(self, state: _State, series: Series, issue: Issue) -> None:
        try:
            self._composed(state, series, issue)
        except NewsletterError as error:
            state.errors[f"{series.slug}/{issue.id}"] = str(error)


def _entry(state: _State, series: Series, issue: Issue, number: int) -> PreviewEntry:
    target = f"{series.slug}/{issue.id}"
    composed = state.composed.get(target)
    return PreviewEntry(
        target,
        series.title,
        issue.heading,
        number,
        findings=len(composed.findings) if composed else None,
        worst=worst_of(composed.findings) if composed else None,
        error=state.errors.get(target, ""),
    )


def _stamps(paths: Sequence[Path]) -> Iterator[tuple[str, int, int]]:
    for path in paths:
        for file in (path, *sorted(path.rglob("*"))):
            try:
                known = file.stat()
            except OSError:
                # It has gone since it was listed, or is not there yet: that too is a state.
                yield str(file), 0, 0
                continue
            yield str(file), known.st_mtime_ns, known.st_size


def nobody(address: str) -> Subscriber:
    """Refuse an address where no subscriber is known."""
    raise UnknownTarget(f"nobody has the address {address!r}", mend="see: newsletter subscribers list")

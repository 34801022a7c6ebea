"""A letter of two series with a provider each: the default, and `bulk`, which the second series names."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from letter_cast import (
    FIRST,
    FRIDAY,
    PEOPLE,
    SERIES,
    SERIES_FILE,
    SERVICE,
    SETTINGS,
    Service,
    rewrite,
    write_letter,
)

from newsletter.app import App
from newsletter.domain.clock import PlayedClock
from newsletter.domain.provider import Provider

SETTINGS_FILE, KNEES_FILE = "newsletter.toml", "content/series/knees.toml"
BULK = '\n[providers.bulk]\nname = "mailgun"\n'
#: Both series have issues of these names, so that only the provider tells them apart.
ISSUES = ("lower-back", "neck")


@dataclass
class Several:
    """A letter whose every `app()` is a new process; None in place of a service is the outbox of the file."""

    root: Path
    url: str
    clock: PlayedClock = field(default_factory=lambda: PlayedClock(FRIDAY))
    providers: dict[str, Provider] = field(default_factory=dict)
    apps: list[App] = field(default_factory=list)

    def __post_init__(self) -> None:
        write_letter(self.root)
        (self.root / SETTINGS_FILE).write_text(SETTINGS + BULK)
        knees = SERIES.replace('title = "Back pain"', 'title = "Knees"\nprovider = "bulk"')
        (self.root / KNEES_FILE).write_text(knees)

    def connect(self, name: str = "", **can: object) -> Service:
        """Send through a service in memory, under the ledger's name for it, from now on."""
        called = name or "service"
        service = Service(self.clock, capabilities=replace(SERVICE, name=called, **can))
        self.providers[name] = service
        return service

    def app(self) -> App:
        self.apps.append(
            App(
                self.root,
                clock=self.clock,
                environment={},
                providers=self.providers,
                database_url=self.url,
            )
        )
        return self.apps[-1]

    def close(self) -> None:
        for app in self.apps:
            app.storage.closed_database.close()

    def begin(self) -> "Several":
        """Let five people join both series, and queue all issues."""
        app = self.app()
        for series in ("back-pain", "knees"):
            for name in PEOPLE:
                app.enrolling.add(f"{name}@example.org", name.capitalize(), "", series, "asked")
        self.queue()
        return self

    def queue(self, *names: str) -> None:
        self.app().queueing.queue(names or ["back-pain", "knees"], now=self.clock.now())

    def run(self, until: object = FIRST) -> App:
        app = self.app()
        with app.sending():
            list(app.engine.play(self.clock, until))
        return app

    def let_name(self, provider: str, series_file: str = KNEES_FILE) -> None:
        """Write another provider into a series file, or none, and queue it."""
        file = self.root / series_file
        lines = [line for line in file.read_text().splitlines() if not line.startswith("provider")]
        named = [f'provider = "{provider}"'] if provider else []
        file.write_text("\n".join([*named, *lines]))
        self.queue(Path(series_file).stem)

    def settle_for(self, settings: str) -> None:
        """Write other providers into the settings."""
        (self.root / SETTINGS_FILE).write_text(SETTINGS + settings)

    def states(self, series: str) -> Counter[str]:
        total: Counter[str] = Counter()
        for row in self.app().queueing.rows():
            if row.slot.series == series:
                total.update(row.counts)
        return total


__all__ = ["BULK", "FIRST", "ISSUES", "KNEES_FILE", "PEOPLE", "SERIES_FILE", "Several", "rewrite"]

"""One letter as its editor works on it: from its files alone. No database and no provider is imported."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from newsletter.config import Settings, load_settings
from newsletter.domain.clock import Clock
from newsletter.machine import elapsed
from newsletter.pipeline.composing import Composing
from newsletter.pipeline.shelving import TemplateShelf
from newsletter.rendering.renderer import Renderer

_PACKAGE = Path(__file__).parent


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return elapsed()


class Writing:
    """The settings and the issues of a letter, and its templates."""

    def __init__(
        self, root: Path, *, clock: Clock | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        self.root = root
        self.clock = clock or SystemClock()
        self.environment = environment

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.root, self.environment)

    @property
    def templates(self) -> TemplateShelf:
        return TemplateShelf(self.root / "templates", shipped() / "templates")

    @cached_property
    def composing(self) -> Composing:
        renderer = Renderer(self.root / "templates" / "email", shipped() / "templates" / "email")
        vocabularies = tuple(self.settings.checks.vocabularies)
        providers = tuple(self.settings.providers)
        return Composing(self.root, self.settings.publication, renderer, vocabularies, providers)


def shipped() -> Path:
    """Return the folder of the files that come with the package: in a checkout, the checkout itself."""
    installed = _PACKAGE / "_shipped"
    return installed if installed.is_dir() else _PACKAGE.parent

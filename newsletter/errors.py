"""Every error a user can meet, in one tree.

    NewsletterError
    ├── LetterError          something an editor wrote cannot be used
    │   └── TemplateError    a template of the letter or a shipped one
    ├── ConfigError          newsletter.toml or a NEWSLETTER_* variable
    ├── UnknownTarget        no such series, issue, article or subscriber
    ├── Refused              the command would break a rule; nothing was changed
    ├── CheckFailed          a check found errors (exit code 3)
    ├── StoreError           the database cannot be used
    │   └── SchemaError      its schema is older or newer than this program
    └── ProviderError        the provider cannot be set up (an answer is never an exception)

A message is one sentence: where, what, and how to mend it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file that an editor can open; `line` and `column` count from 1, 0 means all of it."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


class NewsletterError(Exception):
    """Say what is wrong, where, and how to mend it."""

    exit_code = 1

    def __init__(self, message: str, *, place: Place | None = None, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.mend = mend

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        mend = f"; {self.mend}" if self.mend else ""
        return f"{where}{self.message}{mend}"


class LetterError(NewsletterError):
    """Something an editor wrote cannot be used."""


class TemplateError(LetterError):
    """A template cannot be used."""


class ConfigError(NewsletterError):
    """A setting is missing or wrong."""


class UnknownTarget(NewsletterError):
    """Nothing has this name."""


class Refused(NewsletterError):
    """The command would break a rule; nothing was changed."""


class CheckFailed(NewsletterError):
    """A check found errors."""

    exit_code = 3


class StoreError(NewsletterError):
    """The database cannot be used."""


class SchemaError(StoreError):
    """The database's schema is older or newer than this program."""


class ProviderError(NewsletterError):
    """The provider cannot be set up."""

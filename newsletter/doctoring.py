"""The part of the composition root that looks whether a letter can be sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from newsletter.app import App
from newsletter.domain.diagnosis import Checked
from newsletter.pipeline.authenticating import Authenticating
from newsletter.pipeline.examining import Examining, Named, Outside


@dataclass(frozen=True)
class Reach:
    """How far a look goes: whether beyond this machine, by which name server, for which DKIM keys."""

    is_offline: bool = False
    name_server: str | None = None
    selectors: Sequence[str] = ()


def examine(app: App, reach: Reach) -> list[Checked]:
    """Look at everything that a real send needs; what cannot be opened is a finding.

    Raises ConfigError for settings that cannot be read, and ProviderError for a name server that is none.
    """
    settings = app.settings
    return list(
        Examining(
            settings.publication,
            settings.public_url,
            settings.alert_to,
            [
                Named(name, app.routing.table(name).name, partial(app.routing.provider, name))
                for name in app.routing.names
            ],
            open_letter=app.composing.letter,
            closed_database=app.storage.closed_database,
            open_database=lambda: app.belonging,
            outside=None if reach.is_offline or app.provider_is_rehearsal else _outside(app, reach),
        ).examine()
    )


def _outside(app: App, reach: Reach) -> Outside:
    from newsletter.providers.names import open_names  # noqa: PLC0415 - slow to import

    names = open_names(reach.name_server)
    return Outside(Authenticating(names, tuple(reach.selectors)), app.refuse_silent_way_out)

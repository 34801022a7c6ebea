"""Say what changed between an earlier plan and this one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from newsletter.domain.plan import Plan, PlannedSlot
from newsletter.errors import NewsletterError, Place

_KEPT = ("subject", "recipients", "issues", "blockers", "provider")
_MEND = "write one with: newsletter plan --json"


@dataclass(frozen=True)
class Difference:
    """What is another thing than before; `before` or `now` is None where the issue had or has no slot."""

    target: str
    what: str
    before: object
    now: object


def read_plan(file: Path) -> Mapping[str, Mapping[str, Any]]:
    """Read what `plan --json` wrote, by issue.

    Raises NewsletterError for a file that cannot be read or is no plan.
    """
    try:
        said = json.loads(file.read_text("utf-8"))
        slots = [{**one, "due_at": datetime.fromisoformat(one["due_at"])} for one in said["slots"]]
        return {_name(one["target"], one["local_date"]): one for one in slots}
    except OSError as error:
        raise NewsletterError(f"cannot read {file}: {error.strerror}", mend=_MEND) from error
    except (ValueError, KeyError, TypeError) as error:
        raise NewsletterError("this is no plan", place=Place(str(file)), mend=_MEND) from error


def _name(target: str, day: object) -> str:
    # A sequence has many slots; an issue of a calendar has one, which may move.
    return f"{target} of {day}" if "/" not in target else target


def differences(before: Mapping[str, Mapping[str, Any]], plan: Plan) -> list[Difference]:
    """Compare an earlier plan with this one, slot by slot; what neither has in its weeks is not there."""
    now = {_name(one.target, one.local_date): one for one in plan.slots}
    found = [Difference(name, "due_at", before[name]["due_at"], None) for name in before if name not in now]
    for name, one in now.items():
        found += (
            _changes(name, before[name], one)
            if name in before
            else [Difference(name, "due_at", None, one.due_at)]
        )
    return found


def _changes(name: str, before: Mapping[str, Any], now: PlannedSlot) -> list[Difference]:
    pairs: list[tuple[str, object, object]] = [("due_at", before["due_at"], now.due_at)]
    for what in _KEPT:
        value = getattr(now, what)
        # A plan of an earlier version does not say by what.
        was = before.get(what, "" if what == "provider" else None)
        pairs.append((what, was, list(value) if isinstance(value, tuple) else value))
    return [Difference(name, what, was, is_) for what, was, is_ in pairs if was != is_]

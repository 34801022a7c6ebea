"""Tell a person what became of runs of chaos."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos_plan import Plan, What

_TAIL = 60


@dataclass
class Played:
    """What became of a run: it holds where nothing is wrong. `outcomes` counts how its calls ended.

    `unheard` counts commits that their process never heard of, `aside` outcomes that were kept in the file.
    """

    plan: Plan
    folder: Path
    wrong: list[str] = field(default_factory=list)
    acts: Counter[What] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    by_hand: int = 0
    left: int = 0
    unheard: int = 0
    aside: int = 0
    accepted: int = 0
    seconds: float = 0.0
    events: list[str] = field(default_factory=list)
    remark: str = ""


def line(played: Played) -> str:
    """Tell a run that holds."""
    plan, acts = played.plan, played.acts
    words = [
        many(acts[What.KILL], "kill"),
        many(acts[What.STOP] + acts[What.RIVAL], "stop"),
        *([many(acts[What.CRASH], "crash")] if acts[What.CRASH] else []),
        many(played.left, "leaver"),
        *([f"{played.by_hand} settled by hand"] if played.by_hand else []),
        f"{played.accepted} accepted once",
        f"{played.seconds:.1f} s",
        *([played.remark] if played.remark else []),
    ]
    return f"{plan.number} {plan.provider} on {plan.database}: {', '.join(words)}"


def told(played: Played) -> str:
    """Tell a run that does not hold: what is wrong, how it came about, and how to repeat it."""
    said = []
    for file in sorted(played.folder.glob("*.txt")):
        said += [f"--- {file.name}", *file.read_text(errors="replace").splitlines()[-_TAIL:]]
    again = f"python tests/process/chaos.py --run {played.plan.number} --database {played.plan.database}"
    return "\n".join(
        [
            f"run {played.plan.number} does not hold:",
            *(f"  {one}" for one in played.wrong),
            "what was planned:",
            *(f"  {one}" for one in played.plan.lines()),
            "what happened:",
            *(f"  {one}" for one in played.events),
            *said,
            f"kept in {played.folder}; again: {again}",
        ]
    )


def totals(done: Sequence[Played]) -> str:
    """Sum up runs."""
    acts: Counter[What] = sum((one.acts for one in done), Counter())
    outcomes: Counter[str] = sum((one.outcomes for one in done), Counter())
    words = [
        *(many(count, what) for what, count in sorted(acts.items())),
        many(sum(one.left for one in done), "leaver"),
        *([f"{unheard} commits unheard"] if (unheard := sum(one.unheard for one in done)) else []),
        *([f"{aside} outcomes kept aside"] if (aside := sum(one.aside for one in done)) else []),
        f"{sum(one.accepted for one in done):,} mails accepted",
        f"{sum(one.by_hand for one in done)} settled by hand",
        f"{sum(bool(one.wrong) for one in done)} failed",
    ]
    calls = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    return f"{many(len(done), 'run')}, {', '.join(words)}\ncalls: {calls}"


def many(number: int, what: str) -> str:
    plural = f"{what}es" if what.endswith("sh") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"

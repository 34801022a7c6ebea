"""Count what became of a list of people, keep the first rows of each kind, and tell of all of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.domain.joining import Entry, Fate, Refusal
from newsletter.domain.subscriber import Consent
from newsletter.pipeline.listening import Listening, Noted
from newsletter.pipeline.sifting import Chunk, Person

#: So many of a kind are kept to be shown; a report has all.
_SHOWN = 20


@dataclass
class Imported:
    """What an import did, or would do.

    `added` people are active now, `pending` ones have to confirm. `kept` people were active before, `waiting`
    ones had been asked before, `left` had unsubscribed and `suppressed` must not be mailed: they stay away.
    `received` counts deliveries that were noted as received elsewhere, `received_by_kept` those of them that
    are of people who were active before. Of `refused` and `hints` the first are here.
    """

    added: int = 0
    pending: int = 0
    kept: int = 0
    waiting: int = 0
    left: int = 0
    suppressed: int = 0
    duplicates: int = 0
    received: int = 0
    received_by_kept: int = 0
    refusals: int = 0
    hinted: int = 0
    refused: list[Refusal] = field(default_factory=list)
    hints: list[Noted] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dry_run: bool = False


class Telling:
    """Counts rows, keeps the first of them, and passes all of them on."""

    _WHY = {
        Fate.LEFT: "they unsubscribed, and stay away",
        Fate.SUPPRESSED: "the address is suppressed, and stays so",
    }

    def __init__(self, result: Imported, listening: Listening) -> None:
        self.result, self.listening = result, listening

    def rows(self, chunk: Chunk) -> None:
        """Tell of the rows of a chunk that was written."""
        result = self.result
        for refusal in chunk.refused:
            if len(result.refused) < _SHOWN:
                result.refused.append(refusal)
            self.listening.row(Noted(refusal.line, "refused", refusal.text, refusal.reason))
        for entry in chunk.duplicates:
            self._row(entry, "duplicate", "the address is in a line before this one")
        for entry, meant in chunk.hints:
            local = entry.person.address.rpartition("@")[0]
            hint = self._row(entry, "hint", f"is {local}@{meant} meant? it is kept as it is")
            if len(result.hints) < _SHOWN:
                result.hints.append(hint)
        result.refusals += len(chunk.refused)
        result.duplicates += len(chunk.duplicates)
        result.hinted += len(chunk.hints)
        self.listening.line(chunk.last_line)

    def _row(self, entry: Entry, what: str, why: str) -> Noted:
        noted = Noted(entry.line, what, entry.person.address, why)
        self.listening.row(noted)
        return noted

    def chunk(
        self,
        people: Mapping[str, Person],
        fates: Mapping[str, Fate],
        noted: tuple[int, int],
        state: Consent,
    ) -> None:
        """Count what a chunk did; a person is counted at their first line."""
        result = self.result
        first = {hash_: fate for hash_, fate in fates.items() if people[hash_].is_first}
        count = Counter(first.values())
        if state is Consent.ACTIVE:
            result.added += count[Fate.NEW] + count[Fate.CONFIRMED]
        else:
            result.pending += count[Fate.NEW]
        result.kept += count[Fate.KEPT]
        result.waiting += count[Fate.WAITING]
        result.left += count[Fate.LEFT]
        result.suppressed += count[Fate.SUPPRESSED]
        result.received += sum(noted)
        result.received_by_kept += noted[1]
        for hash_, fate in first.items():
            if fate in self._WHY:
                self._row(people[hash_].entry, fate.value, self._WHY[fate])

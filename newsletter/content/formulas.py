"""Cells that a spreadsheet would take for a formula, written so that it does not."""

import re

_RISKY = re.compile(r"'*[=+\-@\t\r]")


def guarded(cell: str) -> str:
    """Put an apostrophe before a cell that begins like a formula."""
    return f"'{cell}" if cell and _RISKY.match(cell) else cell


def bare(cell: str) -> str:
    """Take off again what `guarded` put there."""
    return cell[1:] if cell.startswith("'") and _RISKY.match(cell) else cell

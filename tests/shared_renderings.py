"""What was compiled and checked for one letter serves every later one that says the same.

Hundreds of tests queue the same two issues; to compile and check them takes longer than what is tested.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

from newsletter.pipeline import composing
from newsletter.rendering import renderer

#: Results of each function; those of letters that only one test has are forgotten.
_MOST = 200


def share() -> None:
    """Let this process look once at each MJML, each rendered issue and each sample mail."""
    renderer.compile_mjml = _once(renderer.compile_mjml)
    composing.check_revision = _once(composing.check_revision)
    composing._check_mail = _once(composing._check_mail)


def _once(look: Callable[..., Any]) -> Callable[..., Any]:
    remembered = lru_cache(_MOST)(look)

    @wraps(look)
    def seen(*values: Any, **named: Any) -> Any:
        found = remembered(*values, **named)
        # Callers add to a list of findings.
        return list(found) if isinstance(found, list) else found

    return seen

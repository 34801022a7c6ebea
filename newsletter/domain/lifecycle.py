"""The life of a subscription: what each change makes of each state. Suppression is no state of it.

    (none) ── asked ──> pending ── confirmed ──> active ── left ──> unsubscribed
                                                   ^                     │
                                                   └──── confirmed ──────┘

Whoever has left stays unsubscribed until they confirm a request that is newer than their leaving: that
somebody typed their address changes nothing, and no import brings them back. A suppressed address is mailed
in no state.
"""

import hashlib
from enum import StrEnum

from newsletter.domain.subscriber import Consent


class Change(StrEnum):
    """What can happen to a subscription."""

    #: Somebody typed the address into a form: it may not have been its owner.
    ASKED = "asked"
    #: Somebody states how they agreed, as on paper.
    ADMITTED = "admitted"
    #: The owner of the mailbox pressed the button that was mailed to them.
    CONFIRMED = "confirmed"
    LEFT = "left"
    #: They pressed undo, soon after they had left.
    RESTORED = "restored"


#: The kinds of consent events, as they are kept.
REQUESTED, CONFIRMED, UNSUBSCRIBED = "requested", "confirmed", "unsubscribed"
MOVE_REQUESTED, MOVED = "move requested", "moved"

_NONE, _PENDING, _ACTIVE, _GONE = None, Consent.PENDING, Consent.ACTIVE, Consent.UNSUBSCRIBED
_TABLE: dict[tuple[Consent | None, Change], Consent | None] = {
    (_NONE, Change.ASKED): _PENDING,
    (_NONE, Change.ADMITTED): _ACTIVE,
    (_NONE, Change.CONFIRMED): _NONE,
    (_NONE, Change.LEFT): _NONE,
    (_NONE, Change.RESTORED): _NONE,
    (_PENDING, Change.ASKED): _PENDING,
    (_PENDING, Change.ADMITTED): _ACTIVE,
    (_PENDING, Change.CONFIRMED): _ACTIVE,
    (_PENDING, Change.LEFT): _GONE,
    (_PENDING, Change.RESTORED): _PENDING,
    (_ACTIVE, Change.ASKED): _ACTIVE,
    (_ACTIVE, Change.ADMITTED): _ACTIVE,
    (_ACTIVE, Change.CONFIRMED): _ACTIVE,
    (_ACTIVE, Change.LEFT): _GONE,
    (_ACTIVE, Change.RESTORED): _ACTIVE,
    (_GONE, Change.ASKED): _GONE,
    (_GONE, Change.ADMITTED): _GONE,
    (_GONE, Change.CONFIRMED): _ACTIVE,
    (_GONE, Change.LEFT): _GONE,
    (_GONE, Change.RESTORED): _ACTIVE,
}


def after(state: Consent | None, change: Change, *, was_confirmed: bool = True) -> Consent | None:
    """Return the state after a change; None for somebody who never subscribed.

    Undo makes nobody active who was not: without `was_confirmed` they are to confirm as before.
    """
    if change is Change.RESTORED and state is Consent.UNSUBSCRIBED and not was_confirmed:
        return Consent.PENDING
    return _TABLE[state, change]


def can_confirm(state: Consent | None, *, has_left_since: bool) -> bool:
    """Tell whether a request can still be confirmed: an old one brings nobody back who left after it."""
    return state in (Consent.PENDING, Consent.UNSUBSCRIBED) and not has_left_since


def agreement(title: str) -> str:
    """Return the sentence that people agree to; it is kept with each of them."""
    return f"Yes, send me “{title}” by email. I can leave at any time, with one click in any email."


def version_of(text: str) -> str:
    """Name a text: the same words have the same version, and no others."""
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""

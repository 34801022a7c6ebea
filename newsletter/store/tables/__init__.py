"""The tables, in the words of the design."""

from newsletter.store.tables.columns import Id, Instant, metadata, one_of
from newsletter.store.tables.ledger import (
    HAS_SHARED_ID,
    IS_EXCEPTION,
    IS_FRESH,
    IS_OPEN,
    IS_TRIED,
    attempt,
    batch,
    delivery,
    release,
)
from newsletter.store.tables.letters import issue, media, revision, series, slot
from newsletter.store.tables.operation import (
    IS_CLICK,
    alert,
    audit,
    deployment,
    provider_event,
    provider_state,
    retention,
    web_limit,
)
from newsletter.store.tables.people import consent_event, subscriber, subscription, suppression

__all__ = [
    "HAS_SHARED_ID",
    "IS_CLICK",
    "IS_EXCEPTION",
    "IS_FRESH",
    "IS_OPEN",
    "IS_TRIED",
    "Id",
    "Instant",
    "alert",
    "attempt",
    "audit",
    "batch",
    "consent_event",
    "delivery",
    "deployment",
    "issue",
    "media",
    "metadata",
    "one_of",
    "provider_event",
    "provider_state",
    "release",
    "retention",
    "revision",
    "series",
    "slot",
    "subscriber",
    "subscription",
    "suppression",
    "web_limit",
]

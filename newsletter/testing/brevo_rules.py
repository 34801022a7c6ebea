"""What Brevo refuses of a call or for an account, and how it fills and changes what it takes.

By developers.brevo.com and its SDK 5.1 as of 2026, and django-anymail. Of the template language only
variables are understood; everything else between braces vanishes.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

#: The status, the code and the message of a refusal.
Refusal = tuple[int, str, str]

_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\".]+")
_MOST_VERSIONS, _MOST_RECIPIENTS, _MOST_IN_VERSION = 1000, 2000, 99
_PARAMS_ROOM, _ALL_PARAMS_ROOM = 100_000, 1_000_000
_TAGGED = re.compile(r"\{\{(.*?)\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
#: What the headers of a body name for the service, and not for the mail.
_OWN = frozenset({"idempotencykey", "x-sib-sandbox", "sender.ip"})


@dataclass
class Account:
    """What an account allows; tests change it as they go. None is without limit.

    `senders` are addresses and domains. `blocked` are addresses that are taken and then get nothing.
    """

    senders: Collection[str] | None = None
    credits: int | None = None
    is_validated: bool = True
    is_known_here: bool = True
    invalid: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)

    def refusal(self, said: Any) -> Refusal | None:
        """Say why a call is refused; None if it is not."""
        if not isinstance(said, dict):
            return 400, "bad_request", "Input must be a valid JSON object"
        refused = next((found for rule in _RULES if (found := rule(said))), None)
        return refused or self._not_from_here(said) or self._not_to_there(said)

    def _not_from_here(self, said: Mapping[str, Any]) -> Refusal | None:
        if not self.is_validated:
            return 403, "account_under_validation", "Your account is under validation."
        sender = said["sender"]["email"].lower()
        if self.senders is not None and not {sender, sender.rpartition("@")[2]} & set(self.senders):
            return 400, "invalid_parameter", f"Sending has been rejected: the sender {sender} is not valid."
        count = sum(len(one["to"]) for one in versions_of(said))
        if self.credits is not None and count > self.credits:
            return 402, "not_enough_credits", "Insufficient credits."
        return None

    def _not_to_there(self, said: Mapping[str, Any]) -> Refusal | None:
        to = [one.get("email") for version in versions_of(said) for one in version["to"]]
        is_bad = any(not isinstance(one, str) or not _ADDRESS.fullmatch(one) for one in to)
        if is_bad or self.invalid & {one.lower() for one in to}:
            return 400, "invalid_parameter", "email is not valid in to"
        return None


def versions_of(said: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return every version whole: what it does not say, the call says for all."""
    listed = said.get("messageVersions")
    if listed is None:
        return [said]
    common = {name: value for name, value in said.items() if name not in ("to", "cc", "bcc")}
    return [{**common, **one} for one in listed]


def key_of(said: Mapping[str, Any]) -> str:
    """Return the idempotency key of a call, empty where it has none."""
    return str(_headers(said).get("idempotencykey", ""))


def is_dropped(said: Mapping[str, Any]) -> bool:
    """Tell whether a call is only validated."""
    return _headers(said).get("x-sib-sandbox") == "drop"


def leaving(version: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers as they leave: every name in Title-Case, and without what was for the service."""
    headers = version.get("headers") or {}
    return {name.title(): fill(value, {}) for name, value in headers.items() if name.lower() not in _OWN}


def fill(template: str, params: Mapping[str, Any]) -> str:
    """Fill in the variables of a template; what is not known is nothing."""

    def value(match: re.Match[str]) -> str:
        name = (match[1] or "").strip()
        return str(params.get(name.removeprefix("params."), "")) if name.startswith("params.") else ""

    return _TAGGED.sub(value, template)


def _headers(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in (said.get("headers") or {}).items()}


def _bad_people(said: Mapping[str, Any]) -> Refusal | None:
    sender, reply_to = said.get("sender"), said.get("replyTo", {"email": "a@b.example"})
    if not isinstance(sender, dict):
        return 400, "missing_parameter", "sender is missing"
    for name, one in (("sender", sender), ("replyTo", reply_to)):
        if not isinstance(one, dict) or not _ADDRESS.fullmatch(str(one.get("email", ""))):
            return 400, "invalid_parameter", f"valid {name} email address is required"
    return None


def _bad_versions(said: Mapping[str, Any]) -> Refusal | None:
    listed = said.get("messageVersions")
    if listed is not None and (not isinstance(listed, list) or not listed):
        return 400, "invalid_parameter", "messageVersions should be an array of objects"
    if listed and len(listed) > _MOST_VERSIONS:
        return 400, "out_of_range", "messageVersions has 1000 elements at most"
    sizes = []
    for one in versions_of(said):
        if not isinstance(one.get("to"), list) or not one["to"]:
            return 400, "missing_parameter", "to is missing"
        sizes.append(len(one["to"]))
    if max(sizes) > _MOST_IN_VERSION or sum(sizes) > _MOST_RECIPIENTS:
        return 400, "out_of_range", "too many recipients"
    params = [len(orjson.dumps(one.get("params") or {})) for one in versions_of(said)]
    if max(params) > _PARAMS_ROOM or sum(params) > _ALL_PARAMS_ROOM:
        return 400, "out_of_range", "params is too large"
    return None


def _bad_content(said: Mapping[str, Any]) -> Refusal | None:
    if not said.get("htmlContent"):
        # Those of the versions do not stand in for it.
        return 400, "missing_parameter", "htmlContent is missing"
    if not all(one.get("subject") and isinstance(one["htmlContent"], str) for one in versions_of(said)):
        return 400, "missing_parameter", "subject is missing"
    return None


def _bad_headers(said: Mapping[str, Any]) -> Refusal | None:
    for one in (said, *versions_of(said)):
        headers = one.get("headers", {})
        if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
            return 400, "invalid_parameter", "headers should be an object of strings"
    tags = said.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return 400, "invalid_parameter", "tags should be an array of strings"
    try:
        _ = key_of(said) and UUID(key_of(said))
    except ValueError:
        return 400, "invalid_parameter", "idempotencyKey is not a valid UUID"
    return None


_RULES: tuple[Callable[[Mapping[str, Any]], Refusal | None], ...] = (
    _bad_people,
    _bad_versions,
    _bad_content,
    _bad_headers,
)

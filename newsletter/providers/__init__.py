"""Adapters for email services: each turns a message into calls, and replies into answers."""

from newsletter.providers.registry import (
    listeners,
    open_named,
    open_provider,
    open_rehearsal,
    provider_names,
)
from newsletter.providers.settings import ProviderSettings

__all__ = ["ProviderSettings", "listeners", "open_named", "open_provider", "open_rehearsal", "provider_names"]

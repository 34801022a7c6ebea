"""How a mail looks that no template writes: colours of both schemes, and type."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_LIGHT = {
    "canvas": "#f3f1ec",
    "card": "#ffffff",
    "text": "#1f2a2e",
    "muted": "#52606b",
    "accent": "#0b6b62",
    "on_accent": "#ffffff",
    "rule": "#dcd8cf",
}
_DARK = {
    "canvas": "#0f1315",
    "card": "#14191b",
    "text": "#e8e6e1",
    "muted": "#a9b3b8",
    "accent": "#6fd3c4",
    "on_accent": "#0d1f1c",
    "rule": "#2a3236",
}


@dataclass(frozen=True)
class Dress:
    """Colours by the names of a theme, and two font stacks; by default those of the shipped theme."""

    light: Mapping[str, str] = field(default_factory=_LIGHT.copy)
    dark: Mapping[str, str] = field(default_factory=_DARK.copy)
    heading: str = "Georgia, 'Iowan Old Style', 'Times New Roman', serif"
    text: str = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

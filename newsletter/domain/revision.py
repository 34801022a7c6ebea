"""A revision: an immutable rendered snapshot of an issue, named by its content hash."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from newsletter.domain.pieces import Field, Pieces, plain


@dataclass(frozen=True)
class Media:
    """A picture frozen with a revision; it is served at `{public_url}/media/<name>`."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True)
class Revision:
    """What an issue says, in neutral pieces; approval binds to `hash`.

    `source_hash` covers what it was made from: content, settings, templates, theme.
    """

    source_hash: str
    sender: str
    reply_to: str
    subject: Pieces
    preheader: str
    html: Pieces
    text: Pieces
    links: tuple[str, ...] = ()

    @cached_property
    def hash(self) -> str:
        """Name the content: the SHA-256 of everything a subscriber can see."""
        seen = [
            self.sender,
            self.reply_to,
            dump(self.subject),
            self.preheader,
            dump(self.html),
            dump(self.text),
        ]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()

    @property
    def subject_line(self) -> str:
        """Read the subject as a person without a name would."""
        return plain(self.subject)


def dump(pieces: Pieces) -> str:
    """Write pieces as JSON, for the store: text as strings, fields as [name, fallback]."""
    return json.dumps(
        [[piece.name, piece.fallback] if isinstance(piece, Field) else piece for piece in pieces],
        ensure_ascii=False,
    )


def load(dumped: str) -> Pieces:
    """Read what `dump` wrote."""
    return tuple(piece if isinstance(piece, str) else Field(*piece) for piece in json.loads(dumped))

"""The secrets that sign links: from the environment, or in a file that is made on first use."""

import os
import secrets
import tempfile
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from newsletter.domain.slugs import is_slug
from newsletter.domain.tokens import Key, TokenKeys
from newsletter.errors import ConfigError, Place

KEYS = "NEWSLETTER_TOKEN_KEYS"
_SECRET_BYTES = 32


def load_keys(root: Path, environment: Mapping[str, str] = os.environ) -> TokenKeys:
    """Read the secrets that sign links: `id:base64`, one a line or separated by commas; the first signs.

    Without a variable they stand in `.newsletter/token-keys`, which is made on first use.
    """
    text = environment.get(KEYS)
    place = Place(KEYS)
    file = Path(environment.get(f"{KEYS}_FILE") or root / ".newsletter" / "token-keys")
    if text is None:
        place = Place(str(file))
        text = _read_or_make(file)
    try:
        return TokenKeys([_key(line) for line in text.replace(",", "\n").split()])
    except (ValueError, Base64Error) as cause:
        raise ConfigError(
            "the keys that sign links cannot be read", place=place, mend="write id:base64, one key a line"
        ) from cause


def _read_or_make(file: Path) -> str:
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            _make(file, f"k1:{urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}\n")
        return file.read_text()
    except OSError as cause:
        raise ConfigError(
            f"the keys that sign links cannot be kept: {cause.strerror}",
            place=Place(str(file)),
            mend=f"make the folder writable, or set {KEYS}",
        ) from cause


def _make(file: Path, text: str) -> None:
    # Whole or not at all, and never over what another process has made meanwhile.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(handle, "w") as new:
            new.write(text)
            new.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(name, file)
    finally:
        os.unlink(name)


def _key(line: str) -> Key:
    name, _, secret = line.partition(":")
    decoded = urlsafe_b64decode(secret)
    if not is_slug(name) or len(decoded) < _SECRET_BYTES:
        raise ValueError("a key has an id and at least 32 bytes")
    return Key(name, decoded)

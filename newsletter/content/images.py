"""Freeze the pictures of `content/images/` with a revision: named by content, served from the public URL."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import imagesize

from newsletter.domain.blocks import Block, BulletedList, Callout, Image, NumberedList, Question, Quote
from newsletter.domain.letter import Composition
from newsletter.domain.revision import Media
from newsletter.domain.slugs import offer
from newsletter.errors import LetterError

FOLDER = Path("content", "images")
MAX_BYTES = 10_000_000
#: How each kind of picture that mail clients show begins, with its extension and its type.
_KINDS = (
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"GIF8", "gif", "image/gif"),
    (b"RIFF", "webp", "image/webp"),
)


def with_frozen_images(
    composition: Composition, root: Path, public_url: str
) -> tuple[Composition, tuple[Media, ...]]:
    """Freeze every picture of an issue; return it with their addresses and sizes, and each picture once.

    Raises LetterError as `freeze_image` does.
    """
    media: dict[str, Media] = {}
    blocks = tuple(_frozen(section, root, public_url, media) for section in composition.blocks)
    return replace(composition, blocks=blocks), tuple(media.values())


def freeze_blocks(
    blocks: tuple[Block, ...], root: Path, public_url: str
) -> tuple[tuple[Block, ...], tuple[Media, ...]]:
    """Freeze every picture among blocks, at any depth, as `with_frozen_images` does for a whole issue."""
    media: dict[str, Media] = {}
    return _frozen(blocks, root, public_url, media), tuple(media.values())


def freeze_image(root: Path, image: Image) -> Media:
    """Read a picture of the letter and name it by its content.

    Raises LetterError where it does not exist, stands outside `content/images/`, is of a kind that mail
    clients do not show, or weighs over 10 MB.
    """
    data = _read(root, image)
    kind = next((one for one in _KINDS if data.startswith(one[0])), None)
    if kind is None or (kind[1] == "webp" and data[8:12] != b"WEBP"):
        raise LetterError(
            f"{image.src!r} is not a picture that mail clients show",
            place=image.place,
            mend="save it as JPEG, PNG, GIF or WebP",
        )
    return Media(f"{hashlib.sha256(data).hexdigest()[:32]}.{kind[1]}", kind[2], data)


def _frozen(
    blocks: tuple[Block, ...], root: Path, public_url: str, media: dict[str, Media]
) -> tuple[Block, ...]:
    def freeze(block: Block) -> Block:
        match block:
            case Image():
                frozen = freeze_image(root, block)
                media.setdefault(frozen.name, frozen)
                width, height = _size(block, frozen)
                url = f"{public_url.rstrip('/')}/media/{frozen.name}"
                return replace(block, url=url, width=width, height=height)
            case Quote() | Callout() | Question():
                return replace(block, blocks=tuple(map(freeze, block.blocks)))
            case BulletedList() | NumberedList():
                return replace(block, items=tuple(tuple(map(freeze, item)) for item in block.items))
            case _:
                return block

    return tuple(map(freeze, blocks))


def _size(image: Image, media: Media) -> tuple[int, int]:
    try:
        width, height = imagesize.get(io.BytesIO(media.data))
    except (ValueError, OSError) as cause:
        raise _damaged(image) from cause
    if width <= 0 or height <= 0:
        raise _damaged(image)
    return int(width), int(height)


def _damaged(image: Image) -> LetterError:
    return LetterError(f"{image.src!r} is a damaged picture", place=image.place, mend="save it again")


def _read(root: Path, image: Image) -> bytes:
    path = _path(root, image)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LetterError(f"{image.src!r} is over 10 MB", place=image.place, mend="make it smaller")
        return path.read_bytes()
    except OSError as cause:
        reason = cause.strerror or "it cannot be read"
        raise LetterError(f"{image.src!r} cannot be read: {reason}", place=image.place) from cause


def _path(root: Path, image: Image) -> Path:
    folder = (root / FOLDER).resolve()
    written = root / "content" / unquote(image.src)
    if ":" in image.src.split("/")[0] or "\0" in unquote(image.src) or not _is_inside(written, folder):
        raise LetterError(
            f"{image.src!r} is not in content/images/",
            place=image.place,
            mend="put the picture there and write images/ and its name",
        )
    if not written.is_file():
        known = [f"images/{one.relative_to(folder)}" for one in sorted(folder.rglob("*")) if one.is_file()]
        raise LetterError(
            f"there is no picture {image.src!r}", place=image.place, mend=offer(image.src, known)
        )
    return written


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder)

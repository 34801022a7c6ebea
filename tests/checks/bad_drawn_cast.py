"""For every rule about what a browser draws, issues that break it and no other."""

import struct
import zlib

from checks_cast import HERE, PUBLICATION, picture, revision

from newsletter.checks.sample import Sample
from newsletter.domain.revision import Media

#: One pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63e8583513"
    "00038901cc8e8bcc9e0000000049454e44ae426082"
)
#: Two clear pixels and two black ones.
GIF = bytes.fromhex(
    "47494638396102000200800000ffffff00000021f90401000000002c0000000002000200000203441814003b"
)
MEDIA = (Media("a.png", "image/png", PNG),)
LINK = '<a style="color:#0b6b62" href="https://example.org/a"'
DARK = "@media (prefers-color-scheme: dark)"


def drawn(
    body: str = "", *, head: str = "", known: tuple[str, ...] = (), media: tuple[Media, ...] = MEDIA
) -> Sample:
    made = revision(body=body, head=head)
    return Sample("garden/soil", HERE, made, PUBLICATION, media=media, known=frozenset(known))


def framed(*frames: str, width: int = 4) -> bytes:
    """Make a PNG of square frames, the outermost first, each as thick as that; colours are RRGGBBAA."""
    half = len(frames) * width
    depths = [min(at, 2 * half - 1 - at) // width for at in range(2 * half)]
    rows = (b"\0" + b"".join(bytes.fromhex(frames[min(x, y)]) for x in depths) for y in depths)
    header = struct.pack(">2I5B", 2 * half, 2 * half, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def logo(data: bytes, content_type: str = "image/png") -> Sample:
    return drawn(picture(), media=(Media("a.png", content_type, data),))


CLEAR, INK, PAPER = "00000000", "1f2a2eff", "ffffffff"


DRAWN: dict[str, list[Sample]] = {
    "contrast-too-low": [
        drawn('<p class="pale">Sow.</p>', head="<style>.pale { color: #999 }</style>"),
        drawn('<div style="opacity:.5"><p>Sow.</p></div>'),
    ],
    "contrast-lost-in-the-dark": [
        drawn('<p class="blue">Sow.</p>', head="<style>.blue { color: #2563eb }</style>")
    ],
    "text-gone-in-the-dark": [
        drawn('<p class="blue">Sow.</p>', head="<style>.blue { color: #3333ff }</style>")
    ],
    "contrast-too-low-in-the-dark": [
        drawn('<p class="sow">Sow.</p>', head=f"<style>{DARK} {{ .sow {{ background: #222 }} }}</style>")
    ],
    "text-lost-when-darkened": [
        drawn(
            '<table role="presentation"><tr><td background="https://news.example.org/media/a.png"'
            ' bgcolor="#88aa99"><p style="color:#000">Sow.</p></td></tr></table>'
        )
    ],
    "contrast-lost-without-pictures": [
        drawn(picture(style="color:#eee;background:#fff")),
        drawn(
            '<div style="background:url(https://news.example.org/media/a.png)">'
            '<p style="color:#eee">Sow.</p></div>',
            known=("text-over-picture",),
        ),
    ],
    "text-over-picture": [drawn('<div style="background:linear-gradient(#fff, #eee)"><p>Sow.</p></div>')],
    "picture-lost-in-the-dark": [
        logo(framed(CLEAR, INK, INK)),
        logo(framed(CLEAR, INK, INK, PAPER)),
        logo(framed(CLEAR, INK, INK, width=300)),
        logo(GIF, "image/gif"),
    ],
    "wider-than-the-screen": [
        drawn('<div style="width:500px">Sow.</div>'),
        drawn(f"<p>{'a' * 90}</p>"),
    ],
    "target-too-small": [drawn(f"<p>{LINK}>1</a> {LINK}>2</a></p>")],
    "target-small": [drawn(f"<p>{LINK}>Order a rake</a></p>")],
    "axe-serious": [drawn("<ul><p>Rows.</p></ul>")],
    "axe-moderate": [drawn('<div role="complementary">Sow.</div><div role="complementary">Rake.</div>')],
    "axe-minor": [drawn('<h2 role="button">Water</h2>')],
    "image-without-alt": [drawn('<img src="https://news.example.org/media/a.png" width="300">')],
    "link-without-text": [drawn(f"<p>Rake, {LINK}></a> then sow.</p>")],
    "heading-skips-level": [drawn("<h4>Water</h4>")],
}

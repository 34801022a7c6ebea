import struct
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256

import pytest

from newsletter.content.images import freeze_blocks, freeze_image, with_frozen_images
from newsletter.domain.blocks import BulletedList, Callout, Image, Inline, Paragraph, Question, Quote, walk
from newsletter.domain.cadence import Cadence
from newsletter.domain.letter import Composition, Publication
from newsletter.domain.series import Issue, Series
from newsletter.errors import LetterError, Place

PLACE = Place("content/articles/backs.md", 7)
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x02\0\0\0"
GIF = b"GIF89a" + struct.pack("<HH", 3, 2) + b"\0\0\0"
JPEG = b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", 20, 30) + b"\x03" + b"\0" * 9 + b"\xff\xd9"
WEBP = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (99).to_bytes(3, "little") + (49).to_bytes(3, "little")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "content" / "images"
    folder.mkdir(parents=True)
    (folder / "back.png").write_bytes(PNG)
    return tmp_path


def image(src: str = "images/back.png") -> Image:
    return Image(src, "A back", PLACE)


def refusal(root, src: str) -> str:
    with pytest.raises(LetterError) as caught:
        freeze_blocks((image(src),), root, "https://news.example.org")
    assert str(caught.value).startswith("content/articles/backs.md:7: ")
    return str(caught.value)


def test_a_picture_is_named_by_its_content(root):
    frozen = freeze_image(root, image())
    assert frozen.name == sha256(PNG).hexdigest()[:32] + ".png"
    assert (frozen.content_type, frozen.data) == ("image/png", PNG)


@pytest.mark.parametrize(
    ("data", "extension", "size"),
    [(PNG, "png", (640, 480)), (GIF, "gif", (3, 2)), (JPEG, "jpg", (30, 20)), (WEBP, "webp", (100, 50))],
)
def test_kind_and_size_come_from_the_content_not_the_name(root, data, extension, size):
    (root / "content/images/back.png").write_bytes(data)
    (block,), (media,) = freeze_blocks((image(),), root, "https://news.example.org/")
    assert isinstance(block, Image)
    assert (block.width, block.height) == size
    assert media.name.endswith(f".{extension}")
    assert block.url == f"https://news.example.org/media/{media.name}"
    assert (block.src, block.alt) == ("images/back.png", "A back")


def test_pictures_at_any_depth_are_frozen_once_each(root):
    run = Inline("x", "x")
    deep = BulletedList(((Quote((image(), Callout("note", (image(),), PLACE)), PLACE),),), PLACE)
    blocks, media = freeze_blocks(
        (deep, Question(run, 2, (image(),), PLACE), Paragraph(run, PLACE)), root, "https://x"
    )
    urls = [block.url for block in walk(blocks) if isinstance(block, Image)]
    assert urls == [f"https://x/media/{media[0].name}"] * 3
    assert len(media) == 1


def test_an_issue_is_frozen_whole(root):
    issue = Issue("one", "s", "p", (), PLACE)
    cadence = Cadence(1, time(9), "UTC", datetime(2026, 12, 1, tzinfo=UTC).date())
    series = Series("s", "t", "a@example.org", "", cadence, timedelta(hours=6), (issue,), (), PLACE)
    publication = Publication("n", "https://x", "1 High St")
    whole = Composition(publication, series, issue, 1, ((image(),), (image(),)), None)
    frozen, media = with_frozen_images(whole, root, "https://x")
    assert [section[0].width for section in frozen.blocks if isinstance(section[0], Image)] == [640, 640]
    assert len(media) == 1


def test_a_name_with_a_space_is_found(root):
    (root / "content/images/my back.png").write_bytes(PNG)
    assert freeze_image(root, image("images/my%20back.png")).data == PNG


def test_a_missing_picture_offers_the_nearest(root):
    assert refusal(root, "images/bakc.png").endswith("did you mean 'images/back.png'?")


@pytest.mark.parametrize(
    "src",
    [
        "images/../../newsletter.toml",
        "images/%2e%2e/articles/backs.md",
        "/etc/passwd",
        "../images/back.png",
        "back.png",
        "https://example.org/back.png",
        "data:image/png;base64,AAAA",
        "//example.org/x.png",
        "images/a%00b.png",
        "",
    ],
)
def test_what_is_not_a_picture_of_the_letter_is_refused(root, src):
    assert "is not in content/images/" in refusal(root, src)


def test_a_link_that_leads_out_of_the_letter_is_refused(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    outside.write_bytes(PNG)
    (root / "content/images/link.png").symlink_to(outside)
    assert "is not in content/images/" in refusal(root, "images/link.png")


@pytest.mark.parametrize(
    "data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"BM1234", b"RIFF....WAVE"]
)
def test_a_kind_that_mail_clients_do_not_show_is_refused(root, data):
    (root / "content/images/back.png").write_bytes(data)
    assert "is not a picture that mail clients show; save it as JPEG, PNG, GIF or WebP" in refusal(
        root, "images/back.png"
    )


@pytest.mark.parametrize(
    "data", [PNG[:10], JPEG[:5], b"\xff\xd8\xff\xe0\xff\xff", GIF[:7], WEBP[:14], b"GIF8"]
)
def test_a_damaged_picture_is_one_sentence(root, data):
    (root / "content/images/back.png").write_bytes(data)
    assert "back.png' is " in refusal(root, "images/back.png")


def test_a_heavy_picture_is_refused(root):
    with (root / "content/images/back.png").open("wb") as file:
        file.truncate(10_000_001)
    assert "is over 10 MB" in refusal(root, "images/back.png")


def test_a_folder_is_no_picture(root):
    assert "there is no picture 'images/'" in refusal(root, "images/")

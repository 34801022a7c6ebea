"""Templates, themes and pictures that cannot be used: one sentence, or a finding, and never a crash."""

import struct
import zlib

import pytest
from letter_cast import ARTICLE_FILE, SERIES_FILE, rewrite

THEME = "templates/email/theme.toml"
FAMILY = "\U0001f469\u200d\U0001f467"


def write(folder, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def picture(folder, name: str, data: bytes) -> None:
    (folder / "content/images").mkdir(parents=True, exist_ok=True)
    (folder / "content/images" / name).write_bytes(data)
    with (folder / ARTICLE_FILE).open("a") as file:
        file.write(f"\n![A quiet street]({'images/' + name})\n")


def png(width: int, height: int, padding: int = 0) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"".join(b"\0" + b"\x40\x80\x60" * width for _ in range(height)))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    extra = chunk(b"teXt", b"\0" * padding) if padding else b""
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("command", ["check", "queue back-pain", "preview --text", "preview --out seen"])
def test_white_on_white_is_refused_before_anything_is_rendered(terminal, letter, command):
    write(letter, THEME, '[colors]\ntext = "#ffffff"\n')
    assert terminal.refuses(*command.split()) == (
        f"{THEME}:2: [colors] text #ffffff on card #ffffff has a contrast of 1.0:1, and needs 4.5:1; "
        "write #757575 for text, or change card"
    )


@pytest.mark.parametrize(
    ("name", "source", "line", "words"),
    [
        ("footer.mjml.j2", "<mj-section>\n{% if x }\n", 2, "unexpected '}'"),
        ("footer.mjml.j2", "\n<mj-section>" + "<div>" * 20_000, 2, "<div> cannot stand inside"),
        ("next.mjml.j2", "<mj-section><mj-column>\n<mj-text>" + "<b>" * 20_000, 2, "more than 64 deep"),
        ("footer.mjml.j2", "\n<mj-section>\n<mj-txt></mj-txt></mj-section>", 3, "did you mean"),
        ("letter.footer.mjml.j2", "\n{{ nobody }}", 2, "'nobody' is undefined"),
    ],
    ids=["syntax", "20,000 tags", "20,000 tags in a text", "unknown tag", "of a layout"],
)
def test_a_template_that_cannot_be_used_is_one_sentence(terminal, letter, name, source, line, words):
    write(letter, f"templates/email/{name}", source)
    if name.startswith("letter."):
        rewrite(letter / SERIES_FILE, "[cadence]", 'layout = "letter"\n[cadence]')
    said = terminal.refuses("preview", "--text")
    assert said.startswith(f"templates/email/{name}:{line}:")
    assert words in said


@pytest.mark.parametrize("other", ["masthead.mjml.j2", "footer.mjml.j2"], ids=["itself", "each other"])
def test_templates_that_include_one_another_are_one_sentence(terminal, letter, other):
    write(letter, "templates/email/footer.mjml.j2", '{% include "masthead.mjml.j2" %}')
    write(letter, "templates/email/masthead.mjml.j2", f'\n{{% include "{other}" %}}')
    said = terminal.refuses("preview", "--text")
    assert said.startswith("templates/email/")
    assert "these templates include one another without end" in said


def test_text_that_compilers_choke_on_arrives_as_it_was_written(terminal, letter):
    picture(letter, "street.png", png(1200, 500))
    article = letter / ARTICLE_FILE
    rewrite(article, "A quiet street", f"{FAMILY} at the window")
    rewrite(article, "\n## ", "\nMenü > Datei, 日本 > 東京, 1 < 2 & é > b.\n\n## ")
    assert terminal("preview", "--out", "seen").code == 0
    written = [file.read_text() for file in (letter / "seen").glob("*.html")]
    assert any("Menü &gt; Datei, 日本 &gt; 東京, 1 &lt; 2 &amp; é &gt; b." in html for html in written)
    assert any(f'alt="{FAMILY} at the window"' in html for html in written)
    assert terminal("check").code in (0, 3)


def test_twenty_thousand_tags_of_an_author_are_no_crash(terminal, letter):
    rewrite(letter / ARTICLE_FILE, "\n## ", "\n" + "<div>" * 20_000 + "deep" + "</div>" * 20_000 + "\n\n## ")
    said = terminal("preview", "--out", "seen")
    assert said.code in (0, 1)
    assert "Traceback" not in said.err
    assert "this is a bug" not in said.err


def test_a_picture_over_ten_megabytes_is_named_with_its_line(terminal, letter):
    picture(letter, "big.png", png(10, 10, padding=10_000_000))
    said = terminal.refuses("preview", "--text")
    assert said.startswith(f"{ARTICLE_FILE}:")
    assert said.endswith("'images/big.png' is over 10 MB; make it smaller")


def test_a_picture_of_nearly_ten_megabytes_is_a_finding(terminal, letter):
    picture(letter, "big.png", png(1200, 500, padding=9_900_000))
    said = terminal("check")
    assert said.code == 3
    assert "IMG-7" in said.out


def test_a_drawing_is_named_with_its_line_and_a_mend(terminal, letter):
    picture(letter, "street.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    said = terminal.refuses("preview", "--text")
    assert said.startswith(f"{ARTICLE_FILE}:")
    assert "is not a picture that mail clients show; save it as JPEG, PNG, GIF or WebP" in said


def test_a_layout_that_does_not_exist_offers_the_nearest(terminal, letter):
    rewrite(letter / SERIES_FILE, "[cadence]", 'layout = "leter"\n[cadence]')
    said = terminal.refuses("preview", "--text")
    line = (letter / SERIES_FILE).read_text().split("\n").index('layout = "leter"') + 1
    assert said == f"{SERIES_FILE}:{line}: there is no layout 'leter'; did you mean 'letter'?"


def test_the_new_templates_are_listed_and_copied(terminal, letter):
    listed = terminal("templates", "list").out
    for name in ("email/letter.layout.mjml.j2", "email/ink.theme.toml", "gallery/blocks.md"):
        assert name in listed
        assert terminal("templates", "copy", name).code == 0
        assert (letter / "templates" / name).is_file()
    assert terminal("preview", "--text").code == 0


def test_a_gallery_has_a_page_for_each_layout_and_mode(terminal, letter):
    assert terminal("preview", "--gallery", "--out", "seen").code == 0
    first = {file.name: file.read_text() for file in (letter / "seen").iterdir()}
    for layout in ("default", "letter"):
        for mode in ("light", "dark", "rtl", "rtl-dark"):
            page = first[f"{layout}-{mode}.html"]
            assert f"{layout}-{mode}.html" in first["index.html"]
            assert ("@media all" in page) is mode.endswith("dark")
            assert f'dir="{"rtl" if "rtl" in mode else "ltr"}"' in page
            for kind in ("<ol", "<ul", "<table", "<blockquote", "<pre", 'class="push"', "<img", "<code"):
                assert kind in page
    terminal("preview", "--gallery", "--out", "again")
    assert first == {file.name: file.read_text() for file in (letter / "again").iterdir()}


def test_a_gallery_needs_a_folder(terminal):
    assert terminal.refuses("preview", "--gallery") == "a gallery is written to a folder; add --out DIR"

import pytest

from newsletter.web.studio.clients import forced_dark, outlook

OUTLOOK_ONLY = "<!--[if mso]><i>Outlook</i><![endif]-->"
OTHERS_ONLY = "<!--[if !mso]><!--><b>others</b><!--<![endif]-->"


@pytest.mark.parametrize(
    ("written", "turned"),
    [
        ('<p style="color:#000000;background:#fff">', '<p style="color:#ffffff;background:#000000">'),
        ("<p style='color: white'>", "<p style='color: rgb(0,0,0)'>"),
        ('<td bgcolor="#f3f1ec">', '<td bgcolor="#13110c">'),
        ('<p style="border-left:3px solid #0b6b62">', '<p style="border-left:3px solid #94f4eb">'),
        ('<p style="color:rgba(0, 0, 0, .5)">', '<p style="color:rgba(255,255,255, .5)">'),
        ("<style>a{color:#fff}\n#fff{margin:0}</style>", "<style>a{color:#000000}\n#fff{margin:0}</style>"),
        ('<a href="#abc" style="margin:0">white</a>',) * 2,
        ('<a style="background-image:url(#fff)">',) * 2,
    ],
)
def test_a_client_that_inverts_turns_every_lightness_round(written: str, turned: str) -> None:
    assert forced_dark(written).endswith(turned)


def test_a_mail_without_colours_stands_on_black() -> None:
    assert "<head><style>html{background:#000;color:#fff}" in forced_dark("<html><head></head>a</html>")


def test_pictures_are_left_as_they_are() -> None:
    assert '<img src="/media/white.png">' in forced_dark('<img src="/media/white.png">')


def test_outlook_gets_what_its_conditions_keep() -> None:
    assert outlook(OUTLOOK_ONLY + OTHERS_ONLY) == "<i>Outlook</i>"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("mso", True),
        ("!mso", False),
        ("mso | IE", True),
        ("(mso)|(IE)", True),
        ("IE", False),
        ("!IE", True),
        ("gte mso 9", True),
        ("lte mso 11", False),
        ("gt mso 16", False),
        ("mso 16", True),
        ("mso & !IE", True),
        ("(gte mso 9)&(lt mso 12)", False),
        ("gte nonsense 1", False),
    ],
)
def test_a_condition_holds_as_in_outlook_2016(condition: str, holds: bool) -> None:
    assert outlook(f"<!--[if {condition}]>x<![endif]-->") == ("x" if holds else "")


def test_outlook_knows_no_media_query_and_no_round_corner() -> None:
    sheet = "<style>a{color:red}@media (max-width:480px){a{b:c}d{e:f}}g{}</style>"
    assert outlook(sheet) == "<style>a{color:red}g{}</style>"
    assert outlook('<td style="border-radius:6px;color:red">') == '<td style="color:red">'


def test_settings_for_word_are_no_text() -> None:
    settings = "<!--[if mso]><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><![endif]-->"
    assert outlook(f"<head>{settings}</head>") == "<head></head>"

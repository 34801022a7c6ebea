"""The HTML of a notice: the look of an issue, without its compiler; one button, and no editor's text."""

from collections.abc import Sequence
from html import escape

from newsletter.domain.dress import Dress
from newsletter.domain.letter import Publication


def notice_page(
    subject: str,
    before: Sequence[str],
    button: str,
    link: str,
    after: Sequence[str],
    foot: Sequence[str],
    publication: Publication,
    dress: Dress,
) -> str:
    """Write the page of a notice; `link` is written as it is, everything else is escaped.

    The words are English whatever the letter's language: each paragraph runs its own way, from its side.
    """
    colours, sans, serif = dress.light, dress.text, dress.heading
    direction = publication.direction
    start = "right" if direction == "rtl" else "left"
    whole = f'lang="{escape(publication.language)}" dir="{direction}"'
    small = f"font:14px/21px {sans};color:{colours['muted']}"
    firsts = "".join(
        f'<p dir="auto" style="margin:0 0 16px;font:17px/27px {sans};color:{colours["text"]};'
        f'text-align:{start}">{escape(line)}</p>'
        for line in before
    )
    lasts = "".join(
        f'<p dir="auto" class="soft" style="margin:0 0 8px;{small};text-align:{start}">{escape(line)}</p>'
        for line in after
    )
    reason, *sender = (escape(line) for line in foot)
    return (
        f"<!doctype html><html {whole}>{_head(subject, dress)}"
        f'<body class="canvas" style="margin:0;background:{colours["canvas"]}">'
        f'<div role="article" aria-roledescription="email" aria-label="{escape(subject)}" {whole}>'
        f'<table role="presentation" class="canvas" width="100%" cellpadding="0" cellspacing="0"'
        f' style="background:{colours["canvas"]}"><tr><td align="center" class="edge" style="padding:32px 0">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px"><tr>'
        f'<td class="card" align="{start}" style="padding:28px 32px 32px;background:{colours["card"]}">'
        f'<p class="mark" dir="auto" style="margin:0 0 32px;font:bold 18px/24px {serif};'
        f'color:{colours["accent"]};text-align:{start}">{escape(publication.name)}</p>'
        f'<h1 dir="auto" style="margin:0 0 16px;font:bold 26px/33px {serif};color:{colours["text"]};'
        f'text-align:{start}">{escape(subject)}</h1>{firsts}{_button(button, link, dress)}{lasts}'
        f'<p dir="auto" class="soft foot" style="margin:24px 0 8px;padding:24px 0 0;{small};'
        f'border-top:1px solid {colours["rule"]};text-align:{start}">{reason}</p>'
        f'<p dir="auto" class="soft" style="margin:0;{small};text-align:{start}">{"<br>".join(sender)}</p>'
        "</td></tr></table></td></tr></table></div></body></html>"
    )


def _head(subject: str, dress: Dress) -> str:
    return (
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(subject)}</title><style>{_styles(dress)}</style></head>"
    )


def _button(words: str, link: str, dress: Dress) -> str:
    colours = dress.light
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" style="margin:8px 0 28px"><tr>'
        f'<td class="ground" style="background:{colours["accent"]};border-radius:6px">'
        f'<a class="push" href="{link}" style="display:inline-block;padding:11px 24px;'
        f'font:bold 16px/22px {dress.text};color:{colours["on_accent"]};text-decoration:none">'
        f"{escape(words)}</a></td></tr></table>"
    )


def _styles(dress: Dress) -> str:
    dark = dress.dark
    return (
        ":root{color-scheme:light dark;supported-color-schemes:light dark}"
        "@media (max-width:480px){.edge{padding:0!important}"
        ".card{padding:28px 20px!important}}"
        "@media (prefers-color-scheme:dark){"
        f".canvas{{background:{dark['canvas']}!important}}.card{{background:{dark['card']}!important}}"
        f".card h1,.card p{{color:{dark['text']}!important}}.card .soft{{color:{dark['muted']}!important}}"
        f".card .mark{{color:{dark['accent']}!important}}"
        f".card .ground{{background:{dark['accent']}!important}}"
        f".card .push{{color:{dark['on_accent']}!important}}"
        f".card .foot{{border-color:{dark['rule']}!important}}}}"
    )

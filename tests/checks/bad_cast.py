"""For every rule, issues that break it and no other: by the rule's name, each a way to find it."""

from dataclasses import replace
from datetime import date, time

from bad_mail_cast import BYTES, Found, raw
from checks_cast import (
    ADDRESS,
    FIRST,
    HERE,
    PREHEADER,
    PUBLICATION,
    issue,
    letter,
    link,
    picture,
    refs,
    revision,
    section,
    series,
    wrapped,
)

from newsletter.checks.revision import check_revision
from newsletter.checks.structure import check_letter
from newsletter.checks.support import check_support
from newsletter.domain.revision import Media

NOTES = "<p>General information, not medical advice. Read when to get help.</p>"
FILLER = "&zwnj;" * 301
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x64\0\0\0\x64\x08\x06\0\0\0"


def mail(media: tuple[Media, ...] = (), **changes: object) -> Found:
    made = revision(**changes)
    return lambda: check_revision(made, PUBLICATION, target="garden/soil", place=HERE, media=media)


def body(html: str) -> Found:
    return mail(body=html)


def head(html: str) -> Found:
    return mail(head=html)


def styled(style: str) -> Found:
    return body(f'<p style="{style}">Sow.</p>')


def swap(old: str, new: str = "") -> Found:
    return mail(swap=(old, new))


def pictures(*sizes: int, data: bytes = b"") -> Found:
    media = tuple(Media(f"{at}.png", "image/png", data or b"\0" * size) for at, size in enumerate(sizes))
    return mail(media, body=picture(src="https://news.example.org/media/0.png"))


def health(sentence: str, notes: str = NOTES) -> Found:
    made = revision(body=f"{notes}<p>{sentence}</p>")
    return lambda: check_revision(
        made, PUBLICATION, target="garden/soil", place=HERE, vocabularies=["health"]
    )


def files(*issues: object, leave_out: tuple = (), buttons: int = 0, **changes: object) -> Found:
    made = replace(series(*issues, leave_out=leave_out), **changes)
    return lambda: check_letter(letter(section("soil", buttons=buttons)), made)


def template(css: str) -> Found:
    return lambda: check_support({"inline.css.j2": css}, {}, "templates/email", "garden")


def slots(**cadence: object) -> Found:
    made = series(issue("one", "soil"))
    return files(*made.issues, cadence=replace(made.cadence, **cadence))


ONE = issue("one", "soil")
SERIES: dict[str, list[Found]] = {
    "section-unknown": [files(issue("one", "soil", "sol")), files(ONE, leave_out=refs("nowhere"))],
    "section-unplaced": [lambda: check_letter(letter(section("soil"), section("water")), series(ONE))],
    "section-repeated": [files(ONE, issue("two", "soil")), files(issue("one", "soil", "soil"))],
    "issue-empty": [files(ONE, issue("two"))],
    "subject-missing": [files(replace(ONE, subject=" ")), mail(subject="")],
    "preheader-missing": [files(replace(ONE, preheader="")), mail(preheader=" ")],
    "button-repeated": [files(ONE, buttons=2)],
    "subject-repeated": [
        lambda: check_letter(
            letter(section("soil"), section("water")), series(ONE, issue("two", "water", subject=ONE.subject))
        )
    ],
    "sender-reads-no-replies": [
        files(ONE, reply_to="no-reply@news.example.org"),
        files(ONE, sender="Garden <donotreply@news.example.org>"),
    ],
    "slot-in-the-small-hours": [slots(time=time(2))],
    "skip-misses-cadence": [slots(skip=frozenset({date(2026, 12, 16)}))],
}
INBOX: dict[str, list[Found]] = {
    "placeholder-unresolved": [body("<p>Hello None</p>"), body("<p>*|FNAME|*</p>"), body("<p>TODO</p>")],
    "subject-far-too-long": [mail(subject="a" * 151)],
    "subject-too-long": [mail(subject="a" * 61)],
    "subject-begins-elsewhere": [swap("<h1>Soil: what it tells you", "<h1>Rows")],
    "subject-shouts": [
        mail(subject="SOIL IS WHAT MATTERS"),
        mail(subject="Soil!! at last"),
        mail(subject="FREE soil for everybody"),
        mail(subject="Soil \U0001f331\U0001f331"),
    ],
    "preheader-too-short": [mail(preheader="a" * 39)],
    "preheader-too-long": [mail(preheader="a" * 151)],
    "preheader-repeats-subject": [mail(subject=PREHEADER[:60], preheader=PREHEADER[:60])],
    "preheader-says-view-in-browser": [
        mail(preheader="View this mail in your browser, if it looks odd here")
    ],
    "preheader-not-first": [swap("<body>", '<body><div lang="en" dir="ltr">Logo</div>')],
    "text-hidden": [
        body(f'<p style="display:none">{FIRST[:80]}</p>'),
        body(f'<p style="opacity:0">{FIRST[:80]}</p>'),
        swap(f"{PREHEADER}</div>", f"{PREHEADER}{FILLER}</div>"),
    ],
    "title-missing": [swap("<title>Soil: what it tells you</title>")],
    "title-differs": [swap("<title>Soil: what it tells you", "<title>The Kitchen Garden")],
}
PARTS: dict[str, list[Found]] = {
    "unsubscribe-link-missing": [mail(is_way_out=False), mail(is_text_way_out=False)],
    "postal-address-missing": [mail(html_footer=""), mail(text_footer=f"{ADDRESS[:12]}\n")],
    "html-too-large": [body("<p>é</p>" * 12_000)],
    "unsubscribe-link-too-late": [body("<p>é</p>" * 10_700)],
    "html-large": [body("<p>é</p>" * 10_000)],
    "text-part-differs": [
        mail(body=f"<p>{'Compost is old. ' * 20}</p>", text=f"{wrapped(FIRST)}\n"),
        mail(text_more="Compost is old.\n" * 20),
    ],
    "text-part-unrelated": [mail(text_more="Compost is old.\n" * 60)],
    "text-line-long": [mail(text_more=FIRST[:90])],
    "text-has-markup": [mail(text_more="Rake &amp; hoe"), mail(text_more="<strong>Rake</strong>")],
    "text-part-missing": [raw(b"Rake the bed level and firm it with the back of the rake.", b"Rake.")],
}
PICTURES: dict[str, list[Found]] = {
    "image-without-alt": [body(picture(alt="none"))],
    "image-link-without-alt": [
        body(f'<a href="https://example.org/">{picture(alt="").replace(">", "></a>", 1)}')
    ],
    "alt-says-nothing": [
        body(picture(alt=alt)) for alt in ("IMG_12.jpg", "image", "Photo of beans", "a" * 151)
    ],
    "image-without-width": [body(picture(width="none")), body(picture(width="50%"))],
    "image-too-wide": [body(picture(width="601"))],
    "image-of-odd-resolution": [pictures(1, data=PNG)],
    "image-not-secure": [
        body(picture(src="http://news.example.org/a.png")),
        body(picture(src="data:image/png;base64,AA==")),
    ],
    "image-format-unsupported": [
        body(picture(src=f"https://news.example.org/a.{x}")) for x in ("svg", "avif")
    ],
    "image-is-webp": [body(picture(src="https://news.example.org/a.webp"))],
    "image-heavy": [pictures(200_001)],
    "image-too-heavy": [pictures(1_000_001)],
    "images-heavy-together": [pictures(*[190_000] * 5)],
    "images-almost-alone": [
        mail(
            body=picture().partition("<p>")[0],
            swap=(f"<p>{FIRST}</p>", "<p>Sow.</p>"),
            text="Soil: what it tells you. Sow.\n",
        )
    ],
    "images-outweigh-text": [body(picture().partition("<p>")[0] + f"<p>{FIRST}</p>")],
    "images-beside-little-text": [body(picture().partition("<p>")[0] + f"<p>{FIRST * 3}</p>")],
    "image-may-hold-text": [body(picture(alt="Beans " * 14))],
}
LINKS: dict[str, list[Found]] = {
    "link-leads-nowhere": [
        body(link(href))
        for href in (
            "",
            "#",
            "javascript:x()",
            "file:///a",
            "https://localhost/",
            "https://192.168.0.1/a",
            "https://example.com/",
            "https://a.local/",
            "https://example.org/a b",
            "http://[::1",
        )
    ],
    "link-not-secure": [body(link("http://example.org/"))],
    "link-text-misleads": [body(link("https://example.org/", "www.bank.example/login"))],
    "link-shortened": [body(link("https://bit.ly/3x"))],
    "link-without-text": [body(link("https://example.org/", " "))],
    "link-text-vague": [
        body(link("https://example.org/", text)) for text in ("here", "Read more…", "This link")
    ],
    "link-text-ambiguous": [body(link("https://example.org/a") + link("https://example.org/b"))],
    "link-repeated": [body("".join(link("https://example.org/", f"Step {n}") for n in range(4)))],
    "address-link-malformed": [body(link("mailto:ada")), body(link("tel:ask us"))],
    "jump-without-target": [body(link("#rows"))],
    "jump-inside-mail": [body(link("#rows") + '<p id="rows">Rows.</p>')],
    "campaign-tag-repeated": [
        body(link("https://example.org/?utm_source=a&utm_source=b")),
        body(
            link("https://example.org/?utm_campaign=a", "A")
            + link("https://example.org/?utm_campaign=b", "B")
        ),
    ],
    "campaign-tag-personal": [body(link("https://example.org/?utm_term=ada@example.org"))],
    "link-by-colour-alone": [
        body('<p>Sow <a href="https://example.org/" style="text-decoration:none">as it is drawn</a>.</p>')
    ],
    "link-missing-in-text": [
        mail(
            body=link("https://example.org/a"),
            text=f"{wrapped(FIRST)}\nBefore you sow: see how a drill is drawn, in four steps.\n",
        )
    ],
}
READING: dict[str, list[Found]] = {
    "language-missing": [
        swap('<html lang="en"', "<html"),
        swap('<div lang="en"', "<div"),
        swap('"en"', '"e n"'),
    ],
    "direction-missing": [
        swap('en" dir="ltr" x', 'en" x'),
        swap('<div lang="en" dir="ltr">', '<div lang="en">'),
    ],
    "layout-table-unmarked": [body("<table><tr><td>Sow.</td></tr></table>")],
    "table-heads-without-scope": [body("<table><tr><th>Seed</th></tr><tr><td>Bean</td></tr></table>")],
    "headings-without-one-title": [body("<h1>Water</h1>")],
    "heading-skips-level": [body("<h3>Water</h3>")],
    "heading-empty": [body("<h2> </h2>")],
    "bold-instead-of-heading": [body("<p><strong>Water</strong></p>")],
    "text-small": [styled("font-size:13px")],
    "text-too-small": [styled("font-size:11px")],
    "text-justified": [styled("text-align:justify")],
    "charset-undeclared": [swap('<meta charset="utf-8">')],
    "viewport-undeclared": [swap('<meta name="viewport" content="width=device-width">')],
    "zoom-forbidden": [swap("width=device-width", "width=device-width, user-scalable=no")],
    "contrast-too-low": [styled("color:#999999"), styled("color:#fff"), styled("background:rgb(90, 90, 90)")],
    "contrast-lost-in-the-dark": [styled("color:#2563eb")],
    "text-gone-in-the-dark": [styled("color:#3333ff")],
    "colour-schemes-undeclared": [swap('<meta name="supported-color-schemes" content="light">')],
}
STYLES: dict[str, list[Found]] = {
    "style-sheet-too-large": [head(f"<style>{'.a { margin: 0 } ' * 1_100}</style>")],
    "style-poisons-others": [
        head("<style>.a { border-color: rgb(0 128 0) }</style>"),
        head("<style>@import 'a.css';</style>"),
        head("<style>/* rows */ .a { margin: 0 }</style>"),
        styled("list-style: url(a.png)"),
        body("<style>.a { margin: 0 }</style>"),
    ],
    "layout-unsupported": [
        styled(f"{style}")
        for style in ("position:absolute", "float:left", "display:flex", "width:var(--a)", "margin-top:-4px")
    ],
    "element-not-allowed": [
        head('<link rel="stylesheet" href="https://example.org/a.css">'),
        body("<form></form>"),
        body("<script>x()</script>"),
        body('<p onclick="x()">Sow.</p>'),
    ],
    "background-without-colour": [styled("background-image:url(https://example.org/a.png)")],
    "font-without-fallback": [styled("font-family:Fancy")],
    "media-query-unsupported": [head("<style>@media (orientation: portrait) { .a { margin: 0 } }</style>")],
    "style-unsupported": [template(f"p {{ {one} }}") for one in ("inset: 0", "transform: none")],
    "style-unsupported-somewhere": [
        template("p { border-radius: 4px }"),
        template("@media (hover) { p { transform: none } }"),
        template("p { width: 10px; width: min(10px, 90%) }"),
    ],
    "conditions-unbalanced": [body("<!--[if mso]><p>Sow.</p>-->")],
    "tags-not-nested": [
        body("<!--[if mso]><table><tr><td><![endif]-->"),
        body("<!--[if !mso]><!--></div><!--<![endif]-->"),
        body("<!--[if mso]></td><![endif]-->"),
    ],
    "condition-unknown": [body("<!--[if outlook]><p>Sow.</p><![endif]-->")],
    "vml-without-namespace": [
        mail(body="<!--[if mso]><v:rect></v:rect><![endif]-->", swap=(' xmlns:v="urn:v"', ""))
    ],
    "outlook-scaling-missing": [swap("<o:PixelsPerInch>96</o:PixelsPerInch>")],
}
CLAIMS = {
    "claim-of-cure": [
        "Massage cures back pain.",
        "It will get rid of the pain.",
        "It cures your stiff neck.",
    ],
    "claim-of-guarantee": ["Guaranteed relief awaits you.", "It works for everyone."],
    "claim-of-permanence": ["You will be pain-free in 7 days.", "Your aches leave for good."],
    "claim-of-miracle": ["A miracle for your shoulders.", "What doctors don’t want you to know."],
    "claim-of-proof": ["It is clinically proven."],
    "claim-of-safety": ["There are simply no side effects.", "It is completely safe."],
    "claim-against-care": ["Try it instead of surgery.", "Skip the doctor this week."],
    "claim-of-treatment": ["We treat chronic arthritis.", "This treats sciatica."],
    "claim-of-detox": ["Kneading flushes toxins out.", "It boosts your immunity."],
    "claim-unhedged": ["Kneading relieves back pain.", "It eases aches."],
    "evidence-without-link": ["Studies show that it helps."],
    "condition-of-reader": ["You get this because you have chronic pain."],
}
HEALTH: dict[str, list[Found]] = {
    **{name: [health(one) for one in sentences] for name, sentences in CLAIMS.items()},
    "health-disclaimer-missing": [health("Sow.", "<p>Read when to get help.</p>")],
    "red-flags-missing": [health("Stretching takes an hour.", "<p>This is not medical advice.</p>")],
}
BAD = {**SERIES, **INBOX, **PARTS, **PICTURES, **LINKS, **READING, **STYLES, **HEALTH, **BYTES}

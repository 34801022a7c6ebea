"""One small document for each attribute of each element of MJML, with a value that is not its default."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from newsletter.rendering import schema as schema_module

SCHEMA = json.loads(Path(schema_module.__file__).with_name("mjml_schema.json").read_text(encoding="utf-8"))
_BY_NAME = {
    "href": "https://example.org/page",
    "src": "https://example.org/picture.png",
    "srcset": "https://example.org/big.png 2x",
    "alt": "A bed in April",
    "name": "a-name",
    "title": "A title",
    "rel": "noopener",
    "target": "_self",
    "font-family": "Georgia, serif",
    "font-size": "18px",
    "font-weight": "700",
    "font-style": "italic",
    "text-decoration": "underline",
    "text-transform": "uppercase",
    "border": "2px solid #123456",
    "inner-border": "2px solid #123456",
    "border-style": "dashed",
    "border-width": "3px",
    "background-url": "https://example.org/ground.png",
    "background-size": "cover",
    "background-position": "left top",
    "mode": "fixed-height",
    "usemap": "#map",
    "sizes": "(max-width: 480px) 100vw",
    "ico-padding": "4px",
    "thumbnails": "hidden",
    "inline": "inline",
}
_BY_KIND = {
    "color": "#abc",
    "integer": "2",
    "boolean": "true",
    "unit(px)": "80px",
    "unit(px,%)": "24px",
    "unit(px,%){1,4}": "5px 0 7px 9px",
    "unit(px,%,)": "30px",
    "unit(px,auto)": "120px",
    "unit(px,%,auto)": "200px",
    "unitWithNegative(px,em)": "2px",
}
_COLUMN = "<mj-section><mj-column>{}</mj-column></mj-section>"
_PICTURE = '<mj-image src="https://example.org/a.png" alt="a" />'
#: How each element stands in a body; {} is the element's attributes.
AROUND = {
    "mj-body": "",
    "mj-section": f"<mj-section{{}}><mj-column>{_PICTURE}</mj-column></mj-section>",
    "mj-column": f"<mj-section><mj-column{{}}>{_PICTURE}</mj-column><mj-column></mj-column></mj-section>",
    "mj-group": f"<mj-section><mj-group{{}}><mj-column>{_PICTURE}</mj-column><mj-column></mj-column>"
    "</mj-group></mj-section>",
    "mj-wrapper": f"<mj-wrapper{{}}><mj-section><mj-column>{_PICTURE}</mj-column></mj-section>"
    "<mj-section><mj-column></mj-column></mj-section></mj-wrapper>",
    "mj-hero": '<mj-hero background-url="https://example.org/g.png" background-width="600px" '
    'background-height="200px"{}><mj-text>a</mj-text></mj-hero>',
    "mj-text": _COLUMN.format("<mj-text{}>a <b>b</b></mj-text>"),
    "mj-button": _COLUMN.format('<mj-button href="https://example.org"{}>Go</mj-button>'),
    "mj-image": _COLUMN.format(_PICTURE.replace(" />", "{} />")),
    "mj-divider": _COLUMN.format("<mj-divider{} />"),
    "mj-spacer": _COLUMN.format("<mj-spacer{} />"),
    "mj-table": _COLUMN.format("<mj-table{}><tr><td>a</td></tr></mj-table>"),
    "mj-raw": _COLUMN.format("<mj-raw{}><p>a</p></mj-raw>"),
    "mj-social": _COLUMN.format(
        '<mj-social{}><mj-social-element name="web" src="https://example.org/w.png" alt="w" '
        'href="https://example.org">W</mj-social-element></mj-social>'
    ),
    "mj-social-element": _COLUMN.format(
        '<mj-social><mj-social-element name="web" src="https://example.org/w.png" '
        'href="https://example.org"{}>W</mj-social-element></mj-social>'
    ),
    "mj-navbar": _COLUMN.format('<mj-navbar{}><mj-navbar-link href="/a">A</mj-navbar-link></mj-navbar>'),
    "mj-navbar-link": _COLUMN.format('<mj-navbar><mj-navbar-link href="/a"{}>A</mj-navbar-link></mj-navbar>'),
    "mj-accordion": "accordion",
    "mj-accordion-element": "element",
    "mj-accordion-title": "title",
    "mj-accordion-text": "text",
    "mj-carousel": "carousel",
    "mj-carousel-image": "picture",
}
_ACCORDION = _COLUMN.format(
    "<mj-accordion{accordion}><mj-accordion-element{element}><mj-accordion-title{title}>Q</mj-accordion-title>"
    "<mj-accordion-text{text}>A</mj-accordion-text></mj-accordion-element></mj-accordion>"
)
_CAROUSEL = _COLUMN.format(
    '<mj-carousel{carousel}><mj-carousel-image src="https://example.org/1.png" alt="1"{picture} />'
    '<mj-carousel-image src="https://example.org/2.png" alt="2" /></mj-carousel>'
)


@dataclass(frozen=True)
class Case:
    """An attribute with a value, and the document that has it."""

    element: str
    attribute: str
    value: str

    @property
    def name(self) -> str:
        return f"{self.element} {self.attribute}"

    @property
    def mjml(self) -> str:
        return document(self.element, f' {self.attribute}="{self.value}"' if self.attribute else "")


def cases() -> Iterator[Case]:
    """Yield every attribute of every element of the body; the empty one is the element without any."""
    for element in AROUND:
        yield Case(element, "", "")
        for attribute, kind in {**SCHEMA["attributes"][element], "css-class": "string"}.items():
            yield Case(element, attribute, _value(element, attribute, kind))


def document(element: str, attributes: str) -> str:
    """Write the document in which an element has these attributes."""
    around = AROUND[element]
    if element.startswith("mj-accordion"):
        slots = dict.fromkeys(("accordion", "element", "title", "text"), "") | {around: attributes}
        around = _ACCORDION.format(**slots)
    elif element.startswith("mj-carousel"):
        around = _CAROUSEL.format(**(dict.fromkeys(("carousel", "picture"), "") | {around: attributes}))
    written = _once(around.format(attributes) if "{}" in around else around)
    body = attributes if element == "mj-body" else ""
    section = _COLUMN.format(_PICTURE) if element == "mj-body" else written
    return f'<mjml lang="en" dir="ltr"><mj-body{body}>{section}</mj-body></mjml>'


def _once(mjml: str) -> str:
    """Let an attribute stand once: the last one, which is the case's, in the place of the document's own."""

    def kept(tag: re.Match[str]) -> str:
        found = dict(re.findall(r' ([\w-]+)="([^"]*)"', tag.group(2)))
        return tag.group(1) + "".join(f' {name}="{value}"' for name, value in found.items()) + tag.group(3)

    return re.sub(r'(<mj-[a-z-]+)((?: [\w-]+="[^"]*")+)( ?/?>)', kept, mjml)


def _value(element: str, attribute: str, kind: str) -> str:
    if kind.startswith("enum("):
        options = [option for option in kind[5:-1].split(",") if option]
        return options[0 if attribute in ("align", "vertical-align", "full-width") else -1]
    if attribute in _BY_NAME and kind == "string":
        return _BY_NAME[attribute]
    if attribute.startswith(("border-", "inner-border-", "tb-border")) and kind == "string":
        return "2px solid #123456"
    return _BY_KIND.get(kind, "something")


def _whole(head: str, body: str) -> str:
    return (
        f'<mjml lang="en" dir="ltr"><mj-head>{head}</mj-head><mj-body>{_COLUMN.format(body)}</mj-body></mjml>'
    )


_RED = '<mj-class name="red" color="#ff0000" font-size="20px" />'
_BLUE = '<mj-class name="blue" color="#0000ff" />'
#: What the compiler in use is known to read otherwise, unless it is written for it.
DEVIATIONS = {
    "a style over many lines": _whole("", '<mj-text><p style="color:red;\n\tmargin:0">a</p></mj-text>'),
    "a backslash in a value": _whole("", '<mj-text><a href="https://example.org/a\\b">a</a></mj-text>'),
    "quotes in single quotes": _whole("", "<mj-text><a title='say \"a\"' href='/'>a</a></mj-text>"),
    "a joiner in an alt": _whole("", '<mj-image src="/a.png" alt="\U0001f469\u200d\U0001f33e" />'),
    "a soft hyphen in a title": _whole("", '<mj-text><b title="long\u00adword">a</b></mj-text>'),
    "an angle bracket behind an umlaut": _whole("", "<mj-text>Men\u00fc > Datei</mj-text>"),
    "a bare zero": _whole("", '<mj-image padding="20px 20px 0 20px" src="/a.png" alt="a" />'),
    "a bare zero in single quotes": _whole("", "<mj-image padding='0 20px' src='/a.png' alt='a' />"),
    "a bare zero for all": _whole(
        '<mj-attributes><mj-all padding="0 20px" /></mj-attributes>', '<mj-image src="/a.png" alt="a" />'
    ),
    "two classes": _whole(
        f"<mj-attributes>{_RED}{_BLUE}</mj-attributes>", '<mj-text mj-class="red blue">a</mj-text>'
    ),
    "two classes the other way": _whole(
        f"<mj-attributes>{_RED}{_BLUE}</mj-attributes>", '<mj-text mj-class="blue red">a</mj-text>'
    ),
    "short colours": _whole("", '<mj-text color="#abc" container-background-color="#FED">a</mj-text>'),
    "a link that looks like a colour": _whole("", '<mj-text><a href="#abc">a</a></mj-text>'),
    "a short colour for all": _whole(
        '<mj-attributes><mj-text color="#abc" /></mj-attributes>', "<mj-text>a</mj-text>"
    ),
    "a button": _whole("", '<mj-button href="/">a</mj-button>'),
    "a decoration": _whole("", '<mj-image src="/a.png" alt="" />'),
    "a preview": _whole(
        "<mj-title>a</mj-title><mj-preview>a &amp; b&#847;</mj-preview>", "<mj-text>a</mj-text>"
    ),
    "a font in use": _whole(
        '<mj-font name="Own" href="https://example.org/own.css" />',
        '<mj-text font-family="Own, serif">a</mj-text>',
    ),
    "umlauts in a style sheet": _whole(
        "<mj-style>.a::before { content: '\u00e9' }</mj-style>", "<mj-text>a</mj-text>"
    ),
    "a breakpoint": _whole('<mj-breakpoint width="400px" />', "<mj-text>a</mj-text>"),
    "three columns": '<mjml lang="en" dir="ltr"><mj-body><mj-section>'
    + '<mj-column><mj-image src="/a.png" alt="a" /></mj-column>' * 3
    + "</mj-section></mj-body></mjml>",
    "columns of an odd width": '<mjml lang="en" dir="ltr"><mj-body><mj-section padding-left="25px">'
    + '<mj-column><mj-image src="/a.png" alt="a" /></mj-column>' * 2
    + "</mj-section></mj-body></mjml>",
    "conditions between sections": '<!-- a --><mjml lang="en" dir="ltr"><!-- b -->'
    "<mj-body><!-- c --><!--[if mso]><p>a</p><![endif]-->"
    + _COLUMN.format("<mj-text>a<!-- é > --></mj-text><!--[if mso]><p>b</p><![endif]-->")
    + "<!--[if mso]><p>c</p><![endif]--></mj-body><!-- d --></mjml><!-- e -->",
    "space in a narrow element": _whole(
        "<mj-attributes> <mj-all color='#123456' /> </mj-attributes>",
        "<mj-navbar> <mj-navbar-link href='/'>a</mj-navbar-link>\t<!-- b --> </mj-navbar>",
    ),
    "a conditional": _whole("", "<mj-raw><!--[if mso]><p>a</p><![endif]--></mj-raw>"),
}

"""What an element's attributes may say. The compiler itself copies nonsense into the mail without a word."""

from collections import Counter
from collections.abc import Mapping
from operator import itemgetter

from newsletter.domain.slugs import offer
from newsletter.errors import Place, TemplateError
from newsletter.rendering.schema import SHARED, expected, fits, schema
from newsletter.rendering.tags import VOID, Tag
from newsletter.rendering.tokens import FRAGMENT, holds_content

_STYLED = "write it as a style in <mj-text>, or leave it out"
#: What mrml 6.0.1 leaves out of the mail, or writes otherwise than MJML 4.18 does.
NOT_COMPILED: Mapping[str, Mapping[str, str]] = {
    "mjml": {"owa": "leave it out"},
    "mj-button": {"title": "say it in the label"},
    "mj-carousel": {"thumbnails": "leave it out"},
    "mj-accordion-title": {"font-weight": "leave it out"},
    "mj-column": dict.fromkeys(
        ("inner-border", "inner-border-left", "inner-border-radius", "inner-border-right"), _STYLED
    ),
    "mj-hero": {"border-radius": "leave it out"},
    "mj-image": {
        **dict.fromkeys((f"border-{side}" for side in ("bottom", "left", "right", "top")), "write border"),
        "sizes": "write width",
    },
    "mj-social-element": dict.fromkeys(("icon-position", "sizes", "srcset"), "leave it out"),
    "mj-table": dict.fromkeys(
        ("border", "cellspacing", "role", "width"), "write the whole <table> into <mj-text>"
    ),
    "mj-wrapper": {"gap": "give the sections padding"},
}
_PICTURES = ("img", "mj-image", "mj-carousel-image")


def check_attributes(tag: Tag, parent: str, place: Place) -> None:
    """Raise TemplateError at the first attribute that is miswritten, unknown or cannot be used."""
    if tag.unread:
        message = f"an attribute of <{tag.name}> cannot be read: {tag.unread!r}"
        raise TemplateError(message, place=place, mend='write name="value"')
    names = [name for name, _ in tag.attributes]
    often, times = max(Counter(names).items(), key=itemgetter(1), default=("", 0))
    if times > 1:
        raise TemplateError(f"<{tag.name}> has {often!r} twice", place=place, mend="keep one of them")
    if FRAGMENT in tag.rest:
        raise TemplateError("markup stands in an attribute", place=place, mend="write its .text there")
    if tag.name.startswith("mj"):
        for name, value in tag.attributes:
            _check_name(tag.name, name, place)
            _check_value(tag.name, name, value, place)
    _check_needed(tag, parent, names, place)


def _check_name(element: str, name: str, place: Place) -> None:
    if element == "mj-style" and name == "inline":
        raise TemplateError(
            "mj-style cannot be inlined", place=place, mend="write the rules into inline.css.j2"
        )
    if mend := NOT_COMPILED.get(element, {}).get(name, ""):
        raise TemplateError(f"{name!r} of <{element}> is not supported here", place=place, mend=mend)
    if not schema().kinds_of(element, name):
        mend = offer(name, schema().attributes_of(element))
        raise TemplateError(f"<{element}> has no attribute {name!r}", place=place, mend=mend)


def _check_value(element: str, name: str, value: str, place: Place) -> None:
    kinds = schema().kinds_of(element, name)
    if holds_content(value) or any(fits(value, kind) for kind in kinds):
        return
    mend = expected(min(kinds))
    raise TemplateError(f"{value!r} cannot be used for {name!r} of <{element}>", place=place, mend=mend)


def _check_needed(tag: Tag, parent: str, names: list[str], place: Place) -> None:
    if parent in ("mj-attributes", *SHARED):
        if tag.name == "mj-class" and "name" not in names:
            raise TemplateError("<mj-class> has no name", place=place, mend='write name="quiet"')
        return
    if tag.name in _PICTURES:
        if "alt" not in names:
            raise TemplateError(f"<{tag.name}> has no alt", place=place, mend='write alt="" for a decoration')
        if not dict(tag.attributes).get("src"):
            raise TemplateError(f"<{tag.name}> has no src", place=place, mend="write the picture's address")


def check_form(tag: Tag, place: Place) -> None:
    """Raise TemplateError for a tag that the compiler and browsers read differently."""
    if tag.name.lower() in VOID and tag.name != tag.name.lower():
        mend = f"write <{tag.name.lower()} />"
        raise TemplateError(f"<{tag.name}> must be written in lower case", place=place, mend=mend)
    if tag.rest.endswith("/") and tag.name not in VOID and not tag.name.startswith("mj"):
        mend = f"write <{tag.name}></{tag.name}>"
        raise TemplateError(f"in HTML its slash does not close <{tag.name} />", place=place, mend=mend)

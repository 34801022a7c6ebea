"""What Outlook on Windows sees: its conditional comments, and tags that nest in its view and all others."""

import re
from collections.abc import Iterator

from newsletter.checks.page import Page, Seen, Sightings
from newsletter.checks.rules import error, info

MICROSOFT = "learn.microsoft.com (about conditional comments)"

UNBALANCED = error(
    "conditions-unbalanced",
    "MSO-1",
    "there are not as many `<!--[if` as `<![endif]-->`",
    "Outlook then hides the rest of the mail, or shows everybody what is for it alone",
    "close every condition",
    MICROSOFT,
)
CROSSED = error(
    "tags-not-nested",
    "MSO-2",
    "tags are not nested in Outlook's view, or in that of all others",
    "a table that is closed for one and not for the other breaks the page, and no browser shows it",
    "check the conditional comments of the template",
)
UNKNOWN_CONDITION = error(
    "condition-unknown",
    "MSO-3",
    "a condition is not of the form `mso`, `!mso`, `mso | IE`, `gte mso 9` or the like",
    "Outlook takes it for false",
    "write a condition that it knows",
    MICROSOFT,
)
NO_NAMESPACE = error(
    "vml-without-namespace",
    "MSO-5",
    "there is VML, and `<html>` has no `xmlns:v` and `xmlns:o`",
    "Outlook shows nothing of it",
    "put the namespaces back into the layout",
)
NO_SCALING = info(
    "outlook-scaling-missing",
    "MSO-6",
    "`<o:PixelsPerInch>96` is missing",
    "on a fine screen Outlook enlarges pictures and not their tables",
    "put the block back into the layout",
)

_OPEN = re.compile(r"<!--\[if\s+([^\]]*)\]>", re.IGNORECASE)
_CLOSE = re.compile(r"<!\[endif\]-->", re.IGNORECASE)
_CONDITION = re.compile(
    r"[(!]*\s*(?:(?:gte?|lte?)\s+)?(?:mso|ie|vml)(?:\s+\d+)?\)?"
    r"(?:\s*[|&]\s*[(!]*\s*(?:(?:gte?|lte?)\s+)?(?:mso|ie|vml)(?:\s+\d+)?\)?)*",
    re.IGNORECASE,
)
_FOR_OTHERS = re.compile(r"<!--\[if\s+!mso[^\]]*\]><!-->.*?<!--<!\[endif\]-->", re.IGNORECASE | re.DOTALL)
_FOR_OUTLOOK = re.compile(r"<!--\[if\s+(?!!mso)[^\]]*\]>(.*?)<!\[endif\]-->", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_UNREAD = re.compile(r"<(style|script|title|xml)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:.-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(/?)>")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


def check_outlook(page: Page) -> Sightings:
    """Check conditional comments, and both views of the HTML."""
    html = page.html
    if (opened := len(_OPEN.findall(html))) != (closed := len(_CLOSE.findall(html))):
        yield Seen(UNBALANCED, f"{opened} conditions are opened and {closed} closed")
    else:
        for name, view in (("Outlook", _outlook_view(html)), ("all others", _COMMENT.sub("", html))):
            if problem := next(_crossings(view), ""):
                yield Seen(CROSSED, f"in the view of {name} {problem}")
    for condition in dict.fromkeys(_OPEN.findall(html)):
        if not _CONDITION.fullmatch(condition.strip()):
            yield Seen(UNKNOWN_CONDITION, f"a condition is {condition!r}")
    head = re.search(r"<html[^>]*>", html)
    namespaces = head.group() if head else ""
    if re.search(r"<v:\w", html) and not ("xmlns:v" in namespaces and "xmlns:o" in namespaces):
        yield Seen(NO_NAMESPACE, "the VML has no namespace")
    if "<o:PixelsPerInch>96" not in html:
        yield Seen(NO_SCALING, "Outlook is not told how many pixels an inch has")


def _outlook_view(html: str) -> str:
    return _COMMENT.sub("", _FOR_OUTLOOK.sub(r"\1", _FOR_OTHERS.sub("", html)))


def _crossings(view: str) -> Iterator[str]:
    opened: list[str] = []
    for close, name, _, alone in _TAG.findall(_UNREAD.sub("", view)):
        tag = name.lower()
        if tag in _VOID or alone:
            continue
        if not close:
            opened.append(tag)
        elif not opened:
            yield f"</{tag}> closes nothing"
        elif (last := opened.pop()) != tag:
            yield f"<{last}> is closed by </{tag}>"
    if opened:
        yield f"<{opened[-1]}> is never closed"

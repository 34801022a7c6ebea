"""Condense the data of caniemail.com to what `check` asks of it.

npm pack caniemail && tar xzf caniemail-*.tgz
python -m newsletter.checks.caniemail.condensing package > newsletter/checks/caniemail/support.json
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

#: Clients that five readers in a hundred or more may have, by the names of the data.
CLIENTS = {
    "apple-mail": ("Apple Mail", {"macos": "macOS", "ios": "iOS"}),
    "gmail": (
        "Gmail",
        {"desktop-webmail": "web", "ios": "iOS", "android": "Android", "mobile-webmail": "mobile web"},
    ),
    "outlook": (
        "Outlook",
        {"windows": "Windows", "macos": "macOS", "outlook-com": "web", "ios": "iOS", "android": "Android"},
    ),
}
#: Titles that name several things, or in other words than one writes.
_TITLES: Mapping[str, tuple[str, ...]] = {
    "css-block-inline-size": ("property block-size", "property inline-size"),
    "css-border-inline-block": ("property border-inline", "property border-block"),
    "css-border-radius-logical": tuple(
        f"property border-{one}-radius" for one in ("start-start", "start-end", "end-start", "end-end")
    ),
    "css-column-layout-properties": tuple(
        f"property {one}" for one in ("columns", "column-fill", "column-rule", "column-span", "column-width")
    ),
    "css-color-scheme": ("property color-scheme",),
    "css-gap": ("property gap", "property column-gap", "property row-gap"),
    "css-grid-template": (
        "property grid-template",
        "property grid-template-areas",
        "property grid-template-columns",
        "property grid-template-rows",
    ),
    "css-intrinsic-size": ("word fit-content", "word min-content", "word max-content"),
    "css-left-right-top-bottom": ("property left", "property right", "property top", "property bottom"),
    "css-margin-block-start-end": ("property margin-block-start", "property margin-block-end"),
    "css-margin-inline-block": ("property margin-inline", "property margin-block"),
    "css-margin-inline-start-end": ("property margin-inline-start", "property margin-inline-end"),
    "css-modern-color": ("function lch", "function oklch", "function lab", "function oklab"),
    "css-padding-block-start-end": ("property padding-block-start", "property padding-block-end"),
    "css-padding-inline-block": ("property padding-inline", "property padding-block"),
    "css-padding-inline-start-end": ("property padding-inline-start", "property padding-inline-end"),
    "css-sytem-ui": ("word system-ui", "word ui-serif", "word ui-sans-serif", "word ui-rounded"),
    "css-unit-calc": ("function calc",),
    "css-unit-initial": ("word initial",),
    "css-unit-percent": ("unit %",),
    "css-variables": ("function var",),
    "css-at-media-hover": ("media hover", "media any-hover"),
    "css-pseudo-class-lang": ("pseudo lang",),
    "html-lists": ("element ul", "element ol", "element dl"),
    "html-svg": ("element svg",),
}
_SHAPES = (
    (re.compile(r"(:{1,2})([a-z-]+)(?:\(\))?"), "pseudo {1}"),
    (re.compile(r"@media \(([a-z-]+)\)"), "media {0}"),
    (re.compile(r"@([a-z-]+)"), "at {0}"),
    (re.compile(r"([a-z-]+): ?([a-z-]+)"), "value {0}:{1}"),
    (re.compile(r"([a-z-]+)\(\)"), "function {0}"),
    (re.compile(r"([a-z]+) unit"), "unit {0}"),
    (re.compile(r"(!?[a-z]+) keyword"), "word {0}"),
    (re.compile(r"([a-z-]+)(?: property| shorthand)? ?"), "property {0}"),
    (re.compile(r"<([a-z]+)>(?: element)?"), "element {0}"),
)


def condense(data: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Keep of every feature that can be met what the newest test of each client said."""
    clients = [(family, platform) for family, (_, platforms) in CLIENTS.items() for platform in platforms]
    features = {
        one["slug"]: {"keys": keys, **_condensed(one, clients)}
        for one in data["data"]
        if (keys := list(_keys(one)))
    }
    names = [f"{CLIENTS[family][0]}/{CLIENTS[family][1][platform]}" for family, platform in clients]
    return {
        "source": source,
        "updated": data["last_update_date"][:10],
        "clients": names,
        "features": {slug: one for slug, one in sorted(features.items()) if set(one["support"]) - {"y", "u"}},
    }


def _keys(feature: Mapping[str, Any]) -> Iterator[str]:
    if feature["slug"] in _TITLES:
        yield from _TITLES[feature["slug"]]
    elif feature["category"] in ("css", "html"):
        title = feature["title"]
        found = ((pattern.fullmatch(title), key) for pattern, key in _SHAPES)
        match = next(((one, key) for one, key in found if one), None)
        # A bare word is a property in CSS, and nothing that can be looked for in HTML.
        if match and (feature["category"] == "css" or match[1].startswith("element")):
            yield match[1].format(*match[0].groups())


def _condensed(feature: Mapping[str, Any], clients: list[tuple[str, str]]) -> dict[str, Any]:
    support, notes = "", {}
    for at, (family, platform) in enumerate(clients):
        versions = feature["stats"].get(family, {}).get(platform, {})
        newest = list(versions.values())[-1] if versions else "u"
        answer, *numbers = newest.replace("#", " ").split()
        support += answer if answer in "yna" else "u"
        if answer == "a" and numbers:
            notes[str(at)] = (feature["notes_by_num"] or {}).get(numbers[0], "")
    return {
        "title": feature["title"].strip(),
        "tested": feature["last_test_date"],
        "support": support,
        "notes": {at: note for at, note in notes.items() if note},
    }


def main(package: str) -> None:
    """Print what is kept of an unpacked npm package."""
    folder = Path(package)
    version = json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"]
    data = json.loads((folder / "data" / "caniemail.json").read_text(encoding="utf-8"))
    condensed = condense(data, f"caniemail.com, npm caniemail {version}")
    lines = [
        f"    {json.dumps(slug)}: {json.dumps(one, ensure_ascii=False)}"
        for slug, one in condensed.pop("features").items()
    ]
    head = json.dumps(condensed, ensure_ascii=False, indent=2).removesuffix("\n}")
    sys.stdout.write(f'{head},\n  "features": {{\n' + ",\n".join(lines) + "\n  }\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])

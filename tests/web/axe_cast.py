"""What axe-core finds on a page, in light and in dark."""

import json
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

_WHOLE = {"resultTypes": ["violations"]}
#: What the other scheme changes is colours.
_COLOURS = {**_WHOLE, "runOnly": ["color-contrast"]}


def violations(page: Any) -> list[str]:
    """List what axe finds on a page as it stands, each with the places.

    It looks at a copy that may run scripts: axe is one, and our pages allow none.
    """
    context = page.context.browser.new_context(viewport=page.viewport_size)
    try:
        copy = context.new_page()
        copy.set_content(page.content())
        copy.evaluate(AXE_SCRIPT)
        return [
            f"{scheme}: {one['id']}: {', '.join(str(node['target']) for node in one['nodes'])}"
            for scheme, options in (("light", _WHOLE), ("dark", _COLOURS))
            for one in _run(copy, scheme, options)
        ]
    finally:
        context.close()


def _run(page: Any, scheme: str, options: dict[str, object]) -> list[dict[str, Any]]:
    page.emulate_media(color_scheme=scheme)
    return page.evaluate(f"axe.run(document, {json.dumps(options)}).then(found => found.violations)")

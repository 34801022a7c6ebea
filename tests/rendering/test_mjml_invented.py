"""Whatever passes the check is compiled; what does not is one sentence. The compiler alone may panic."""

import random
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent / "references"))

from attribute_cases import DEVIATIONS, cases

from newsletter.errors import TemplateError
from newsletter.rendering.mjml import compile_mjml
from newsletter.rendering.structure import Marked

WHOLE = [*(case.mjml for case in cases()), *DEVIATIONS.values()]
PIECES = [
    "<",
    ">",
    '"',
    "'",
    "&",
    "&amp;",
    "&#0;",
    "&#xD800;",
    "<p>",
    "</p>",
    "<br>",
    "<br/>",
    "<BR>",
    "<!--",
    "-->",
    "<!---->",
    "<!--",
    "--",
    "-->",
    "<!--[if",
    "é><![endif]-->",
    "\\",
    "{{",
    "<b",
    "/>",
    "</",
    "=",
    '@click="x"',
    'data-é="x"',
    "x:y='z'",
    "<mj-text>",
    "</mj-text>",
    "<mj-raw>a</mj-raw>",
    "<script>a</script>",
    "<style>",
    "<svg:rect/>",
    "<div/>",
    "<?xml?>",
    "<!doctype>",
    "<![CDATA[a]]>",
    "é",
    ">",
    "0",
    "10",
    "px",
    "%",
    ";",
    "#",
    "\u200d",
    "\x00",
    "\x7f",
    "@@",
    "@@h41@@",
    "@@t41@@",
]


def broken(chance: random.Random) -> str:
    """Take a document, and put in or take out a few pieces."""
    mjml = chance.choice(WHOLE)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(mjml) + 1)
        left_out = chance.choice((0, 0, 0, chance.randint(1, 8)))
        put_in = "" if left_out else chance.choice([*PIECES, " ", "\n", "\t"])
        mjml = mjml[:place] + put_in + mjml[place + left_out :]
    return mjml


@given(st.integers(min_value=0))
def test_what_passes_the_check_is_compiled_and_the_rest_is_one_sentence(seed):
    chance = random.Random(seed)
    for _ in range(20):
        mjml = broken(chance)
        try:
            html = compile_mjml(Marked(mjml, (), ()))
        except TemplateError as error:
            assert "this MJML" not in str(error), mjml  # noqa: PT017
        else:
            assert html.rstrip().endswith("</html>"), mjml

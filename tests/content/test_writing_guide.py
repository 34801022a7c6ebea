"""Every example of docs/writing.md is true."""

import re
import tomllib
from pathlib import Path

from newsletter.content.articles import parse_article
from newsletter.content.front_matter import KEYS
from newsletter.content.markdown import TONES
from newsletter.content.series_files import parse_series
from newsletter.content.series_tables import CadenceTable, IssueTable, SeriesTable
from newsletter.domain.blocks import Callout

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/writing.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def example(start: str) -> str:
    (text,) = [text for _, text in EXAMPLES if text.startswith(start)]
    return text


def test_the_article_of_the_guide_has_the_sections_it_shows() -> None:
    article = parse_article(example("---"), slug="guide", file="docs/writing.md")
    assert [section.id for section in article.walk()] == ["introduction", "understanding", "signs"]


def test_the_callout_of_the_guide_is_one() -> None:
    text = "---\ntitle: Guide\n---\n" + example("> [!")
    (block,) = parse_article(text, slug="guide", file="docs/writing.md").sections[0].blocks
    assert isinstance(block, Callout)


def test_the_series_of_the_guide_can_be_used() -> None:
    series = parse_series(example("title ="), slug="back-pain", file="docs/writing.md")
    assert [issue.id for issue in series.issues] == ["lower-back"]


def test_every_expression_of_the_guide_can_be_read_and_stands_in_a_series() -> None:
    _, _, rest = GUIDE.partition("\n| expression |")
    expressions = [row.split("`")[1] for row in rest.split("\n\n")[0].splitlines()[2:]]
    expressions.append(tomllib.loads(example("audience ="))["audience"])
    assert len(expressions) > 5
    for expression in expressions:
        series = example("title =").replace("[cadence]", f"audience = '{expression}'\n[cadence]")
        assert parse_series(series, slug="x", file="docs/writing.md").audience == expression


def test_the_settings_of_the_guide_are_those_of_this_letter() -> None:
    ours = tomllib.loads((ROOT / "newsletter.toml").read_text(encoding="utf-8"))
    assert tomllib.loads(example("name ")) == ours


def test_the_guide_names_every_key_of_an_article_and_a_series() -> None:
    fields = {**SeriesTable.model_fields, **CadenceTable.model_fields, **IssueTable.model_fields}
    keys = {field.alias or name for name, field in fields.items()} - {"cadence", "issue"}
    named = [key for key in keys.union(KEYS, TONES) if re.search(rf"[`.!]{key}[`\]]", GUIDE)]
    assert sorted(named) == sorted(keys.union(KEYS, TONES))

import pytest
from pydantic import field_validator

from newsletter.content.strict_toml import StrictTable, Unusable, line_of, read_toml
from newsletter.errors import ConfigError, LetterError

TEXT = '''# a comment with [brackets] and = signs
title = """
several
lines"""
"quoted key" = 1
a.b.c = 2

[table]
one = [
    "x",  # a note
    ["deep", 1],
    { in = 1, side = [2] },
]
[table.inner]
two = 'it''s'

[[issue]]
id = "first"
[issue.extra]
x = 1
[[issue]]
subject = "has # and ] inside"
id = "second"
[[issue.part]]
p = 1
[[issue.part]]
p = 2
'''.replace("'it''s'", "'its'")


class Database(StrictTable):
    url: str = "sqlite"
    size: int = 1


class Issue(StrictTable):
    subject: str
    sections: list[str] = []


class Settings(StrictTable):
    name: str
    dark: bool = False
    database: Database | None = None
    issue: list[Issue] = []


def refusal(text: str, error=LetterError) -> str:
    with pytest.raises(error) as caught:
        read_toml(text, "newsletter.toml", Settings, error=error)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("quoted key",), 5),
        (("a", "b", "c"), 6),
        (("table",), 8),
        (("table", "one"), 9),
        (("table", "one", 0), 10),
        (("table", "one", 1, 1), 11),
        (("table", "one", 2, "side", 0), 12),
        (("table", "inner", "two"), 15),
        (("issue", 0), 17),
        (("issue", 0, "extra", "x"), 20),
        (("issue", 1), 21),
        (("issue", 1, "id"), 23),
        (("issue", 1, "part", 1, "p"), 27),
        (("issue", 1, "missing"), 21),
        (("nowhere",), 1),
    ],
)
def test_every_key_has_its_line(path, line):
    assert line_of(TEXT, path) == line
    assert line_of(TEXT.replace("\n", "\r\n"), path) == line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('nam = "x"', "1: unknown key 'nam'; did you mean 'name'?"),
        ('name = "x"\n[database]\nurll = "x"', "3: unknown key 'urll' of [database]; did you mean 'url'?"),
        ('name = "x"\n[databse]\nurl = "x"', "2: unknown key 'databse'; did you mean 'database'?"),
        (
            'name = "x"\n[[issue]]\nsubject = "a"\n[[issue]]\nsubjct = "b"',
            "5: unknown key 'subjct' of [issue]; did",
        ),
        (
            'name = "x"\n[[issue]]\nsubject = "a"\nsections = [\n "a",\n 5,\n]',
            "6: an entry of 'sections' of [issue] must be a text",
        ),
        ("dark = true", "1: the key 'name' is missing"),
        ('name = "x"\ndark = "yes"', "2: 'dark' must be true or false"),
        ("name = 5", "1: 'name' must be a text in quotes"),
        ('name = "x"\ndatabase = 5', "2: 'database' must be a table"),
        ('name = "x"\nissue = "a"', "2: 'issue' must be a list"),
        ('name = "x"\n[database]\nsize = 1.5', "3: 'size' of [database] must be a whole number"),
        ('name = "x"\ntitle = Hello', "2: this is not TOML: invalid value; text stands in quotes"),
        ('name = "x"\nname = "y"', "2: this is not TOML: cannot overwrite a value"),
        ('name = "x', "1: this is not TOML"),
        ('name = "x"\n\nb = "\0"', "3: this is not TOML: illegal character"),
        ("name = " + "[" * 5000, "nested too deeply"),
        ("name = " + "9" * 5000, ""),
    ],
)
def test_what_cannot_be_used_is_one_sentence_with_its_line(text, said):
    message = refusal(text)
    assert message.startswith("newsletter.toml")
    assert said in message
    assert "\n" not in message


def test_the_caller_s_kind_of_error_is_raised():
    assert "unknown key" in refusal("x = 1", ConfigError)


def test_a_validator_words_its_own_refusal():
    class Even(StrictTable):
        size: int

        @field_validator("size")
        @classmethod
        def check(cls, value: int) -> int:
            if value % 2:
                raise Unusable(f"{value} is odd", mend="add one")
            return value

    with pytest.raises(LetterError, match=r"x.toml:2: 3 is odd; add one"):
        read_toml("\nsize = 3", "x.toml", Even)


def test_a_byte_order_mark_and_windows_line_ends_are_read():
    assert read_toml('\ufeffname = "x"\r\ndark = true\r\n', "x.toml", Settings) == Settings(
        name="x", dark=True
    )

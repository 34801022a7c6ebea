"""Lists of people, as all kinds of programs write them, and as nobody should."""

import codecs

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.content.addresses import normalised
from newsletter.content.formulas import bare, guarded
from newsletter.content.people_files import open_people
from newsletter.domain.columns import read_map
from newsletter.domain.joining import Refusal
from newsletter.domain.typos import meant_domain
from newsletter.errors import LetterError, NewsletterError

PLAIN = "address,name\nada@example.org,Zoë\n"


@pytest.fixture
def listed(tmp_path):
    """Give what reads a list: its people, or why a line has none."""

    def read(content, *pairs, attributes=""):
        file = tmp_path / "people.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        people = open_people(file, read_map(pairs, attributes))
        return [
            (one.line, one.reason)
            if isinstance(one, Refusal)
            else (one.line, one.person.address, one.person.name)
            for one in people.entries()
        ]

    return read


@pytest.fixture
def refused(listed):
    def read(content, *pairs, attributes=""):
        with pytest.raises(NewsletterError) as error:
            listed(content, *pairs, attributes=attributes)
        said = str(error.value)
        assert "\n" not in said
        return said.rpartition("/people.csv")[2]

    return read


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_delimiter_is_found(listed, delimiter):
    assert listed(PLAIN.replace(",", delimiter)) == [(2, "ada@example.org", "Zoë")]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        PLAIN.encode("windows-1252"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        b"sep=,\n" + PLAIN.encode(),
        b"\n\n" + PLAIN.encode(),
    ],
)
def test_an_encoding_and_the_ends_of_lines_are_found(listed, content):
    ((_, address, name),) = listed(content)
    assert (address, name) == ("ada@example.org", "Zoë")


def test_a_file_of_windows_is_read_with_a_note(tmp_path):
    (tmp_path / "people.csv").write_bytes(PLAIN.encode("windows-1252"))
    (note,) = open_people(tmp_path / "people.csv", {}).notes
    assert note.endswith("people.csv is not UTF-8 (line 2): it is read as Windows-1252")


@pytest.mark.parametrize("name", ["email", "E-Mail", "address", "Email Address", "mail", "EMAIL_ADDRESS"])
def test_the_column_of_addresses_has_many_names(listed, name):
    assert listed(f"{name}\nada@example.org\n") == [(2, "ada@example.org", "")]


def test_a_name_may_be_in_two_columns(listed):
    assert listed("First name,Last name,mail\nAda,Lovelace,a@example.org\n,Byron,b@example.org\n") == [
        (2, "a@example.org", "Ada Lovelace"),
        (3, "b@example.org", "Byron"),
    ]


def test_columns_are_mapped_and_others_are_attributes_where_they_are_named(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("E-Mail-Adresse;Vorname;Ort;plan;notes\nada@example.org;Ada;Ulm;pro;secret\n")
    pairs = ["address=E-Mail-Adresse", "name=Vorname", "attributes.city=Ort"]
    people = open_people(file, read_map(pairs, "plan"))
    (entry,) = people.entries()
    assert (entry.person.name, entry.attributes) == ("Ada", {"city": "Ulm", "plan": "pro"})
    assert people.notes == ('left out: the columns notes; take one with --map attributes.city="Column"',)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("address", "'address' maps nothing"),
        ("adress=Mail", "people have no field 'adress'; did you mean 'address'"),
        ("address=Mail", "the first line names no column 'Mail'"),
        ("attributes.a b=Mail", "'a b' cannot be the name of an attribute"),
    ],
)
def test_a_map_that_cannot_be_used_says_so(refused, pair, said):
    assert said in refused(PLAIN, pair)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ": the file is empty"),
        (b"\n \n", ": the file is empty"),
        (b"who,name\na@example.org,A\n", ": the first line does not name a column 'address'"),
        (b"email,mail\na@example.org,b@example.org\n", ": two columns are the address: 'email' and 'mail'"),
        (b"address\na\0b@example.org\n", ":2: a NUL character is in the line"),
        (PLAIN.encode("utf-16-le"), ":1: a NUL character is in the line"),
        (codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le") + b"x", ": the file begins as UTF-16"),
        (
            b"address\na@example.org\n" + b"x" * 10_000_000 + b"\n",
            ":3: the line is longer than 1,000,000 bytes",
        ),
        (b"x" * 10_000_000, ":1: the line is longer than 1,000,000 bytes"),
        (
            "name,address\nZoë,a@example.org\n".encode() + b"Zo\xeb,b@example.org\n",
            ":3: the line is not UTF-8",
        ),
        (b"address,name\na@example.org,\x81\n", ":2: the line is neither UTF-8 nor Windows-1252"),
        (b"PK\x03\x04rest", ": the file is a spreadsheet or an archive"),
        (b'"address,name\na@example.org,A\n', ":1: the line that names the columns cannot be read"),
    ],
)
def test_a_file_that_is_no_list_says_why_in_one_sentence(refused, content, said):
    assert refused(content).startswith(said)


def test_a_directory_and_a_file_that_is_not_there_are_named(tmp_path):
    with pytest.raises(LetterError, match="it is a directory"):
        open_people(tmp_path, {})
    with pytest.raises(LetterError, match=r"nobody\.csv: the file cannot be read"):
        open_people(tmp_path / "nobody.csv", {})


def test_a_header_alone_is_nobody(listed):
    assert listed("address,name\n") == []


def test_a_thousand_columns_are_no_harm(tmp_path):
    names = ",".join(f"c{n}" for n in range(999))
    (tmp_path / "people.csv").write_text(f"address,{names}\na@example.org{',x' * 999}\nb@example.org\n")
    people = open_people(tmp_path / "people.csv", {})
    assert [one.person.address for one in people.entries()] == ["a@example.org", "b@example.org"]
    assert "c0, c1, c2, c3, c4 and 994 more" in people.notes[0]


def test_a_quote_that_is_never_closed_costs_its_own_line_only(listed):
    lines = ["address,name", 'a@example.org,"Ada', "b@example.org,Ben", 'c@example.org,"Cleo"']
    assert listed("\n".join(lines)) == [
        (2, "a quote is opened in it and never closed"),
        (3, "b@example.org", "Ben"),
        (4, "c@example.org", "Cleo"),
    ]


def test_a_cell_in_quotes_may_hold_delimiters_quotes_and_lines(listed):
    content = (
        'address,name,notes\na@example.org,"Lovelace, ""Ada""","two\nlines"\nb@example.org,Ben,5" pipe\n'
    )
    assert listed(content) == [(2, "a@example.org", 'Lovelace, "Ada"'), (4, "b@example.org", "Ben")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a@example.org,Smith, Ada", "it has 3 cells and the first line names 2"),
        ('a@example.org,"A"da', "there is text after a closing quote"),
        ("a@exa\rmple.org,Ada", "a line break (CR) is in the middle of it"),
        (f"a@example.org,{'x' * 200_000}", "a cell is longer than any that is read"),
    ],
)
def test_a_row_that_cannot_be_read_has_its_reason(listed, line, reason):
    found = listed(f"address,name\n{line}\nb@example.org,Ben\n")
    assert found[0][0] == 2
    assert found[0][1].startswith(reason)
    assert found[1:] == [(3, "b@example.org", "Ben")]


def test_who_left_by_what_the_file_says_is_refused(listed):
    assert listed("email,status\na@example.org,unsubscribed\nb@example.org,subscribed\n") == [
        (2, "the file says of them: unsubscribed"),
        (3, "b@example.org", ""),
    ]


def test_a_quoted_cell_may_reach_over_the_end_of_a_block(listed):
    rows = "".join(f'r{n}@example.org,"Reader\t{n}, of {"x" * 80}"\n' for n in range(20_000))
    found = listed(f"address,name\n{rows}")
    assert [line for line, *_ in found] == list(range(2, 20_002))


@given(st.text())
@example("'=1")
@example("''-")
def test_a_guarded_cell_is_no_formula_and_reads_back_as_it_was(text):
    assert bare(guarded(text)) == text
    assert guarded(text)[:1] not in tuple("=+-@\t\r")


ATOMS = st.text("abzABZ019!#$%&'*+/=?^_`{|}~.-@ \"éß", max_size=12)
HOSTS = st.sampled_from(["example.org", "Example.ORG", "exa_mple.org", "xn--bcher-kva.example", "a.test"])
LONG = st.builds(lambda n, m: f"{'a' * n}@{'b' * m}.org", st.integers(55, 70), st.integers(50, 250))


@given(st.one_of(st.builds("{}@{}".format, ATOMS, st.one_of(HOSTS, ATOMS)), ATOMS, LONG, st.text()))
@example("INFO@example.org")
@example("a@@example.org")
@example("a@b.-c.org")
def test_a_fast_address_is_what_email_validator_makes_of_it(text):
    try:
        expected = validate_email(text.strip(), check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        with pytest.raises(NewsletterError):
            normalised(text)
    else:
        assert normalised(text) == expected


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("Outlok.com", "outlook.com"),
        ("gmail.com", None),
        ("ymail.com", None),
        ("example.org", None),
    ],
)
def test_a_slip_in_a_common_domain_is_noticed(domain, meant):
    assert meant_domain(domain) == meant

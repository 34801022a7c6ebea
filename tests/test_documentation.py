"""Every command that the documents show exists, with the options they give it."""

import re
import shlex
from pathlib import Path

import pytest

from newsletter.cli import app, run

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:^|`)newsletter ((?:[^`\n#])+)", re.MULTILINE)
PLACEHOLDER = re.compile(r"^[A-Z]+…?$")


def shown_commands() -> list[tuple[str, str]]:
    found = [
        (path.name, command.strip())
        for path in DOCUMENTS
        for command in COMMAND.findall(path.read_text(encoding="utf-8"))
    ]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("document", "command"), shown_commands())
def test_a_command_of_the_documents_exists_with_its_options(document: str, command: str) -> None:
    import typer.main

    words = shlex.split(command)
    while words and words[0] in ("-C", "-q", "-v", "-y"):
        words = words[2:] if words[0] == "-C" else words[1:]
    node = typer.main.get_command(app)
    while words and hasattr(node, "commands") and words[0] in node.commands:
        node = node.commands[words.pop(0)]
    assert node.name != "newsletter", f"{document}: no such command: {command}"
    known = {option for parameter in node.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("-")} <= known, f"{document}: {command}"


def test_the_readme_starts_with_what_it_does_a_picture_and_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.index("![") < readme.index("make demo") < readme.index("make test")
    picture = re.search(r"!\[[^\]]+\]\(([^)]+)\)", readme)
    assert picture is not None
    assert (ROOT / picture.group(1)).stat().st_size > 10_000


def test_every_file_that_the_documents_link_to_exists() -> None:
    for path in DOCUMENTS:
        for link in re.findall(
            r"\]\((?!https?:|#)([^)#]+)", re.sub(r"```.*?```|`[^`]*`", "", path.read_text(), flags=re.DOTALL)
        ):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_six_commands_of_the_readme_make_a_queued_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    twins = sorted((ROOT / "tests" / "content" / "twins").glob("*.txt"))
    (home / "pasted-article.txt").write_bytes(twins[0].read_bytes())
    (home / "people.csv").write_text("address,name,zone\nada@example.org,Ada,Europe/London\n")
    monkeypatch.setenv("HOME", str(home))
    section = (ROOT / "README.md").read_text().split("## Your own series")[1].split("```")[1]
    commands = [line for line in section.splitlines() if line.startswith("newsletter ")]
    assert len(commands) == 6
    for command in commands[:-1]:
        monkeypatch.chdir(tmp_path)
        words = [
            str(Path(word).expanduser()) if word.startswith("~") else word for word in shlex.split(command)
        ]
        assert run(words[1:]) == 0, capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert run(["-C", "my-letter", "run", "--play", "1"]) == 0
    assert list((tmp_path / "my-letter" / "outbox").rglob("*.eml"))

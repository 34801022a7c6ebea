"""Make the references again: MJML's schema, and what MJML's own implementation writes. Needs node and npm.

    make references

The schema goes to newsletter/rendering/mjml_schema.json; skeletons and what they compile to, to this folder.
The tests compare with what is stored and need neither.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

#: 4.17.0 and 4.17.1 have faults of their own in wrappers.
MJML = "mjml@4.18.0"
SCHEMA = HERE.parents[2] / "newsletter" / "rendering" / "mjml_schema.json"


def main() -> None:
    """Install MJML in a temporary folder, ask it, and store its answers."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        subprocess.run(["npm", "init", "-y"], cwd=folder, check=True, capture_output=True)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", MJML], cwd=folder, check=True)
        SCHEMA.write_text(_node(folder, "schema.js", ""), encoding="utf-8")
        _store(folder)


def _store(folder: Path) -> None:
    # Read after the schema is written, because they follow it.
    from attribute_cases import DEVIATIONS, cases
    from mail_views import digest
    from skeletons import skeletons

    written = skeletons()
    answers = _compiled(folder, written)
    for name, mjml in written.items():
        (HERE / f"{name}.mjml").write_text(mjml, encoding="utf-8")
        (HERE / f"{name}.html").write_text(answers[name], encoding="utf-8")
    documents = {case.name: case.mjml for case in cases()} | DEVIATIONS
    digests = {name: digest(html) for name, html in _compiled(folder, documents).items()}
    lines = json.dumps({name: digests[name] for name in sorted(digests)}, indent=0)
    (HERE / "attributes.json").write_text(f"{lines}\n", encoding="utf-8")
    sys.stdout.write(f"{len(written)} skeletons and {len(documents)} attributes are stored in {HERE}\n")


def _compiled(folder: Path, documents: dict[str, str]) -> dict[str, str]:
    answers: dict[str, str] = json.loads(_node(folder, "compile.js", json.dumps(documents)))
    return answers


def _node(folder: Path, script: str, given: str) -> str:
    done = subprocess.run(
        ["node", str(HERE / script)], cwd=folder, input=given, capture_output=True, text=True, check=True
    )
    sys.stderr.write(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()

"""The workflow of docs/ci.md is run here, step by step, on a pull request to a real repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BLOCKS = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8").split("```yaml\n")[1:]
WORKFLOW, COMMITTED = (yaml.safe_load(block.split("```")[0]) for block in BLOCKS)
STEPS = {step["name"]: step for step in WORKFLOW["jobs"]["letter"]["steps"] if "name" in step}
pytestmark = pytest.mark.process
ARTICLE = "content/articles/sports-massage-for-back-pain.md"


class Runner:
    """Does what a runner does: a checkout, variables, and a shell that stops at the first failure."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.summary = checkout.parent / "summary"

    def git(self, *words: str) -> None:
        named = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *words]
        subprocess.run(named, cwd=self.checkout, check=True, capture_output=True)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a step's script as the host does."""
        found = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "BASE": "origin/main"}
        return subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.checkout,
            env={**os.environ, **found, "GITHUB_STEP_SUMMARY": str(self.summary)},
            capture_output=True,
            text=True,
            check=False,
        )

    def step(self, name: str) -> subprocess.CompletedProcess[str]:
        return self.run(STEPS[name]["run"])

    def change(self, old: str, new: str) -> None:
        file = self.checkout / ARTICLE
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        self.git("commit", "-qam", "Change a word")


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    checkout = tmp_path / "checkout"
    for folder in ("articles", "images", "series"):
        shutil.copytree(ROOT / "content" / folder, checkout / "content" / folder)
    shutil.copy(ROOT / "newsletter.toml", checkout)
    made = Runner(checkout)
    made.git("init", "-q", "-b", "change")
    made.git("add", ".")
    made.git("commit", "-q", "-m", "Begin")
    made.git("update-ref", "refs/remotes/origin/main", "HEAD")
    return made


def test_a_good_change_passes_every_step_and_shows_what_changed(runner):
    runner.change("## ", "A new sentence for everybody.\n\n## ")
    for name in ("Check what changed", "Write the findings for the code host", "Plan", "Render both sides"):
        done = runner.step(name)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
    assert (runner.checkout / "findings.sarif").stat().st_size > 100
    compared = runner.step("Compare them")
    assert compared.returncode == 0, compared.stderr
    assert "back-pain-lower-back.html" in runner.summary.read_text()
    assert "back-pain-neck" not in runner.summary.read_text()


def test_mails_that_differ_in_their_date_only_are_not_shown(runner):
    for side, date in (
        ("base", "Mon, 23 Nov 2026 09:00:00 +0000"),
        ("head", "Mon, 23 Nov 2026 09:01:07 +0000"),
    ):
        folder = runner.checkout / "renders" / side
        folder.mkdir(parents=True)
        (folder / "neck.eml").write_text(f"Subject: Neck\nDate: {date}\n\nHello.\n")
    compared = runner.step("Compare them")
    assert (compared.returncode, compared.stdout) == (0, "")


def test_an_error_fails_its_step_and_is_still_written_for_the_code_host(runner):
    runner.change("## ", "Read [this](http://example.org/).\n\n## ")
    checked = runner.step("Check what changed")
    assert checked.returncode == 3
    assert "link-not-secure" in checked.stdout
    assert runner.step("Write the findings for the code host").returncode == 0
    assert "link-not-secure" in (runner.checkout / "findings.sarif").read_text()


def test_a_template_that_cannot_be_read_fails_its_step_with_one_line(runner):
    template = runner.checkout / "templates" / "email" / "paragraph.mjml.j2"
    template.parent.mkdir(parents=True)
    template.write_text("<mj-txt></mj-txt>")
    for name in ("Check what changed", "Write the findings for the code host"):
        done = runner.step(name)
        assert done.returncode == 1, (name, done.stdout, done.stderr)
        said = done.stderr.splitlines()[-1]
        assert said.startswith("newsletter: templates/email/paragraph.mjml.j2:1:1: <mj-txt> is not known")


def test_renders_that_are_not_committed_or_out_of_date_are_refused(runner):
    (step,) = COMMITTED
    (runner.checkout / ".gitignore").write_text("renders/*.eml\nnewsletter.db*\n")
    assert runner.run(step["run"]).returncode == 1
    (runner.checkout / "renders" / "back-pain-neck.txt").write_text("What it said last week.\n")
    runner.git("add", ".")
    runner.git("commit", "-q", "-m", "Render")
    refused = runner.run(step["run"])
    assert refused.returncode == 1
    assert "back-pain-neck.txt" in refused.stdout
    assert "1 file changed" in refused.stdout


def test_the_workflow_asks_for_no_more_than_it_needs():
    assert WORKFLOW["permissions"] == {"contents": "read", "security-events": "write"}
    assert all("secrets." not in str(step) for step in STEPS.values())

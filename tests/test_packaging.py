"""The wheel carries everything that the program needs outside a checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_carries_templates_sample_and_migrations(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("newsletter_series-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = [
        path.relative_to(ROOT).as_posix()
        for pattern in ("templates/**/*", "content/articles/*", "content/series/*", "content/images/*.png")
        for path in ROOT.glob(pattern)
        if path.is_file()
    ]
    assert {f"newsletter/_shipped/{name}" for name in [*shipped, "newsletter.toml"]} <= names
    migrations = (ROOT / "newsletter" / "store" / "migrations").rglob("*.py")
    assert {path.relative_to(ROOT).as_posix() for path in migrations} <= names
    beside = ("drawn.js", "caniemail/support.json", "caniemail/LICENSE")
    assert {f"newsletter/checks/{name}" for name in beside} <= names

"""`newsletter` and `python -m newsletter`."""

import sys

from newsletter.cli import run


def main() -> None:
    """Run the command line."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

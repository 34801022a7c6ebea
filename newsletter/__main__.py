"""`newsletter` and `python -m newsletter`."""

import sys

from newsletter.cli import run
from newsletter.signals import raise_on_ctrl_c


def main() -> None:
    """Run the command line."""
    raise_on_ctrl_c()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

"""The process that calls for a `newsletter` process that is in a hurry: in a hurry, too.

It imports little: it is started each time that a process is.
"""

from datetime import timedelta

from newsletter import calling
from newsletter.providers import account, resend, wire

#: What the processes under test are given: seconds.
START_DEADLINE = timedelta(seconds=1)
CALL = timedelta(seconds=2)
_SECOND = timedelta(seconds=1)


def patience() -> wire.Patience:
    """Make seconds of what a call may take."""
    return wire.Patience(connect=_SECOND, write=_SECOND, read=1.5 * _SECOND, pool=_SECOND, call=CALL)


#: What takes as long in whoever calls as in whoever plans.
SECONDS = (
    (calling, "START_DEADLINE", START_DEADLINE),
    (resend, "_STILL_RUNNING", timedelta(seconds=0.3)),
    (account, "Patience", patience),
)


def main() -> None:
    """Call for a planner."""
    for owner, name, value in SECONDS:
        assert hasattr(owner, name), f"{owner} has no {name}"
        setattr(owner, name, value)
    calling.main()

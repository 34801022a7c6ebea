"""What a database refuses, in one sentence with its mend."""

from sqlalchemy.exc import DBAPIError, OperationalError

_THEIRS = ("not a database", "malformed", "permission denied", "the connection is closed")
AWAY = "wait until the database server runs again; what was not committed is not written"
_MENDS = {
    "deadlock detected": "try again",
    "unable to open": "check that its folder exists and may be written",
    "readonly": "check that the file and its folder may be written",
    "locked": "another program is writing to it; try again in a moment",
    "is full": "free some disk space",
    "disk I/O error": "check the disk and its free space",
    "not a database": "check [database] url in newsletter.toml",
    "malformed": "restore it from a backup",
    "permission denied": "give its user the rights to make, read and change tables",
    "Connection refused": "check that the database server runs and [database] url is right",
    "terminating connection": AWAY,
    "server closed the connection": AWAY,
    "connection is closed": AWAY,
    "connection is lost": AWAY,
    "consuming input failed": AWAY,
    "starting up": AWAY,
    "not yet accepting": AWAY,
    "shutting down": AWAY,
    "too many clients": "allow more connections, or run fewer workers",
    "No space left on device": "free some disk space on the database server",
    "could not serialize": "try again",
}


def is_ours(error: DBAPIError) -> bool:
    """Tell whether an error is a bug of ours, and not what a database refuses."""
    # Constraint and programming errors come from the driver too: those are bugs.
    if error.connection_invalidated:
        return False
    text = str(error.orig)
    is_operational = isinstance(error, OperationalError) or any(words in text for words in _THEIRS)
    return not is_operational or "no such column" in text or "syntax error" in text


def sentence(error: DBAPIError, name: str) -> str:
    """Say in one sentence what the database said."""
    said = str(error.orig).strip() or type(error.orig).__name__
    return f"cannot use the database {name}: {said.splitlines()[0]}"


def mend(error: DBAPIError) -> str:
    """Say what to do about it, where that is known."""
    text = str(error.orig)
    return next((what for words, what in _MENDS.items() if words in text), "")

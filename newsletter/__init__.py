"""Turn an article into a weekly email series and deliver it exactly once."""

from zoneinfo import reset_tzpath

__version__ = "0.1.0"

# Zones go by the tzdata that is installed with this, on every machine, not by the system's, often older one.
reset_tzpath(to=[])

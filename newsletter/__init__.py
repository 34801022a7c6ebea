"""Turn an article into a weekly email series and deliver it exactly once."""

__version__ = "0.1.0"

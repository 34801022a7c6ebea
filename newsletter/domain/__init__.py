"""The nouns of a newsletter and every decision about them: standard library only, no I/O, no clock."""

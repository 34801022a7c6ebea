"""The nouns of a newsletter and every decision about them: no I/O, no clock.

Standard library only, save the table that spells other scripts in Latin letters for an id.
"""

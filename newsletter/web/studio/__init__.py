"""The preview studio: every issue as it will arrive, renewed whenever a file changes."""

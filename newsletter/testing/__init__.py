"""Fakes of what the project does not own: email services over real HTTP, on this machine only."""

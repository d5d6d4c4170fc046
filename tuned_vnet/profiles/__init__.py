"""Profiles: which files there are, what they say with file and line, which device they are for, and their merging."""

"""The `uws` command."""

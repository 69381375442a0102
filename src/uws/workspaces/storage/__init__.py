"""Storage methods: where workspaces live. The contract is in `base.py`."""

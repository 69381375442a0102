"""Job types: what can be started in a workspace. The contract is in `base.py`."""

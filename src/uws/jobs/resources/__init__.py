"""Compute resources: where jobs run. The contract is in `base.py`."""

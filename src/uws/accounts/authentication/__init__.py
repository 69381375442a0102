"""Authentication methods: who a user is. The contract is in `base.py`."""

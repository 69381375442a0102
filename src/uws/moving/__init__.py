"""Moving over from the original server: its database, its configuration, and views under its tables' names."""

"""User Workspaces Server: workspaces with data, and the jobs that compute in them."""

__version__ = "0.1.0"

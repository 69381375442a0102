"""Shared, locked Python environments, and each workspace's own thin layer over one of them."""

"""The ASGI front, the roles, and the supervisor that runs them."""

"""File and process work done as the user: a small program that runs as them, and the server's half of it.

`uws.agent.client.Agents` is the entrance. Nothing here imports Django or another part of the package.
"""

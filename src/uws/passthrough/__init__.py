"""The way to a running job: a reverse proxy in a process of its own, one origin a job, authorised every time.

`application` answers a request from what `guards` (whose page asks?), `gate` (may this user?) and `tickets` say;
`exchange` and `sockets` carry the bytes; `headers` is the table of what may pass; `pages` are the words for people.
"""

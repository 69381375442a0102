"""Keeping the token of an application that another server launched: it can't be derived, so it is stored sealed.

Sealed text is a tag of the token (16 bytes of HMAC-SHA256) and the token XOR a pad that belongs to the job and the tag.
Both come of the installation's secret: without it, the database tells nothing but the token's length. The
tag makes the pad another one for another token of the same job, and tells a foreign or changed text when it is opened
(the construction is that of a synthetic initialisation vector, RFC 5297).
"""

from __future__ import annotations

import hmac
from itertools import count, islice

from uws.jobs.tickets import DerivesKeys

PURPOSE = "imported application token"
TAG_BYTES = 16
TOKEN_BYTES_LIMIT = 512


class BrokenSeal(ValueError):
    """The text was not sealed for this job with this installation's secret, or has been changed since."""


def seal(secrets: DerivesKeys, launch_key: str, token: str) -> str:
    """Return a token as it may be stored, in hexadecimal digits; the same for the same arguments.

    Raises `ValueError` for a token of more than 512 bytes, or of none.
    """
    plain = token.encode()
    if not 1 <= len(plain) <= TOKEN_BYTES_LIMIT:
        raise ValueError(f"the token has {len(plain)} bytes; expected 1 to {TOKEN_BYTES_LIMIT}")
    tag = _tag(secrets, launch_key, plain)
    return (tag + _xor(plain, secrets, launch_key, tag)).hex()


def unseal(secrets: DerivesKeys, launch_key: str, sealed: str) -> str:
    """Return the token again. Raises `BrokenSeal`."""
    try:
        stored = bytes.fromhex(sealed)
    except ValueError:
        raise BrokenSeal("the sealed token is no hexadecimal text") from None
    tag, hidden = stored[:TAG_BYTES], stored[TAG_BYTES:]
    plain = _xor(hidden, secrets, launch_key, tag)
    if not plain or not hmac.compare_digest(tag, _tag(secrets, launch_key, plain)):
        raise BrokenSeal("the sealed token was not sealed for this job with this installation's secret")
    return plain.decode()


def _tag(secrets: DerivesKeys, launch_key: str, plain: bytes) -> bytes:
    return secrets.derive(PURPOSE, launch_key, "tag", plain.hex())[:TAG_BYTES]


def _xor(data: bytes, secrets: DerivesKeys, launch_key: str, tag: bytes) -> bytes:
    pad = (byte for block in count() for byte in secrets.derive(PURPOSE, launch_key, tag.hex(), str(block)))
    return bytes(left ^ right for left, right in zip(data, islice(pad, len(data)), strict=True))

"""Files that came with a form, as the service takes them: names, open descriptors, sizes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.http import HttpRequest

from uws.workspaces.service import Upload


@contextmanager
def uploads_of(request: HttpRequest, field: str = "files") -> Iterator[list[Upload]]:
    """Give the files of one field of the form, each open at its beginning until the block ends.

    What Django kept in memory goes to an unnamed temporary file first, since the service takes descriptors.
    """
    with ExitStack() as stack:
        yield [_upload(stack, file) for file in request.FILES.getlist(field)]


def _upload(stack: ExitStack, file: UploadedFile[Any]) -> Upload:
    size = file.size or 0
    name = file.name or ""
    if isinstance(file, InMemoryUploadedFile):
        spool = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        file.seek(0)
        shutil.copyfileobj(file, spool)
        spool.flush()
        spool.seek(0)
        return Upload(name, spool.fileno(), size)
    file.seek(0)
    return Upload(name, file.fileno(), size)

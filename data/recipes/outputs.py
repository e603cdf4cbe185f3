"""The two file formats of the bundle, written so that the same content is always the same bytes."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable

# Deflate, no flags, time 0, best compression, Unix. Python's gzip module writes another last byte
# from 3.13 on, so the header stands here.
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"


def tsv_gz(rows: Iterable[Iterable[str]]) -> bytes:
    """Return gzip-compressed UTF-8 text: a row a line, columns separated by tabs."""
    text = "".join("\t".join(row) + "\n" for row in rows).encode()
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(text) + deflate.flush()
    return GZIP_HEADER + body + struct.pack("<II", zlib.crc32(text), len(text))


def npz(**arrays) -> bytes:
    """Return a compressed NumPy archive; NumPy gives its members a fixed date."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()

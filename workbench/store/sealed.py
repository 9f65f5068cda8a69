"""Small secrets sealed under the master key: AES-256-GCM, one file each, replaced whole.

The key that makes customers' marks (`workbench.store.marks`) lives so: it stays when the master key
is rotated, only its seal is renewed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import StorageError, StoreMissing
from workbench.store.keys import derive, sync_folder

_NONCE_BYTES = 12


def seal(content: bytes, master: bytes, name: str) -> bytes:
    """Return content only the master key opens, bound to its name."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(derive(master, "seal")).encrypt(nonce, content, name.encode())


def unseal(sealed: bytes, masters: Sequence[bytes], name: str) -> bytes:
    """Return what was sealed, opened by whichever key fits.

    Raises
    ------
    StoreMissing
        None does.

    Examples
    --------
    >>> unseal(seal(b"secret", bytes(32), "name"), [b"other", bytes(32)], "name")
    b'secret'
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    for master in masters:
        try:
            return AESGCM(derive(master, "seal")).decrypt(nonce, text, name.encode())
        except (InvalidTag, ValueError):  # another key, or cut
            continue
    raise StoreMissing(
        f"'{name}' cannot be opened: the key is not the one it was sealed with, or the file was "
        "changed. Put the right key back; nothing was changed."
    )


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file durably: the old content or the new one is there, never a part; mode 0600.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as problem:
        with contextlib.suppress(OSError):  # why: what cannot be written may not be there at all
            partial.unlink(missing_ok=True)
        raise StorageError(
            f"{path} cannot be written: {problem.strerror}. Make room or let this user write "
            "there, and run it again; what was there is unchanged."
        ) from None


def sealed_secret(path: Path, masters: Sequence[bytes]) -> bytes:
    """Return the 32 bytes sealed in a file; made when it is not there."""
    if not path.exists():
        write_whole(path, seal(secrets.token_bytes(32), masters[0], path.name))
    return unseal(path.read_bytes(), masters, path.name)


def reseal(path: Path, masters: Sequence[bytes]) -> None:
    """Seal a file anew under the last of the keys, whichever of them it is sealed with."""
    if path.exists():
        content = unseal(path.read_bytes(), masters, path.name)
        write_whole(path, seal(content, masters[-1], path.name))

"""Small secrets sealed under the master key: AES-256-GCM, one file each, replaced whole.

The key that makes customers' marks (`workbench.store.keys.marks`) lives so: it stays when the
master key is rotated, only its seal is renewed.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import StoreMissing
from workbench.store.durable import write_whole
from workbench.store.keys.master import derive

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

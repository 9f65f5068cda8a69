"""The workspace's master key and what is derived from it: file encryption, pseudonyms, seals.

The key is a file only its owner may read. Whoever holds it holds the data: keep it out of backups
of the data, and copy it once to a safe place. Small secrets are sealed under it, AES-256-GCM, one
file each, replaced whole: the key that makes customers' marks (`workbench.store.keys.marks`) stays
when the master key is rotated, only its seal is renewed.
"""

import hashlib
import hmac
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import StoreMissing
from workbench.store.durable import file_lock, write_whole

_NAME = "master.key"
SEAL_FILE = "seal.secret"


def make_master_key(folder: Path) -> None:
    """Create the master key unless it is there; mode 0600 in a folder of mode 0700.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    path = folder / _NAME
    if path.exists():
        return
    with file_lock(folder / "lock"):
        if not path.exists():
            for leftover in folder.glob("master*.part"):  # of one that was cut off
                leftover.unlink(missing_ok=True)
            write_whole(path, secrets.token_hex(32).encode())


def read_key_file(path: Path) -> bytes:
    """Return the key in a file.

    Raises
    ------
    StoreMissing
        There is none, others may read it, or it is not a key.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        raise StoreMissing(
            f"no key at {path}. 'workbench init' makes one for a new store; for an existing store "
            "put its own key back, without it the data cannot be read."
        ) from None
    except OSError as problem:
        raise StoreMissing(f"the key {path} cannot be read: {problem.strerror}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise StoreMissing(
            f"others may read the key {path} (mode {stat.S_IMODE(mode):04o}). "
            f"Run 'chmod 600 {path}' and consider the key known to them."
        )
    return parse_key(text, str(path))


def parse_key(text: str, place: str) -> bytes:
    """Return the key a text holds; refuse what is none without showing it."""
    digits = text.strip()
    if len(digits) != 64 or not all(c in "0123456789abcdef" for c in digits):
        raise StoreMissing(f"{place} is not a key: it must hold 64 hexadecimal digits.")
    return bytes.fromhex(digits)


def derive(master: bytes, use: str) -> bytes:
    """Return the 32-byte key of one use, such as ``purpose:segmentation``."""
    return hmac.new(master, use.encode(), hashlib.sha256).digest()


class Seal:
    """What stands outside the private folder for a hash of what is in it: keyed, so none can tell.

    Whoever knows every row but one customer's can compute the hash of either estate and compare.
    The key lies in the private folder beside the logs whose hashes it seals, goes into every
    backup, and stays when the master key is rotated or lost: what editions know of the ledger must
    fit for years.

    Parameters
    ----------
    private : Path
        Its private folder.
    """

    def __init__(self, private: Path) -> None:
        self.path = private / SEAL_FILE

    def head(self, hash_: str) -> str:
        """Return what editions hold of the hash of a log's entry."""
        return self._of("log head", hash_)

    def version(self, version: str) -> str:
        """Return what readers are shown of a version of the data."""
        return self._of("data version", version)[:16]

    def _of(self, use: str, text: str) -> str:
        if not self.path.exists():
            with file_lock(self.path.with_suffix(".lock")):
                if not self.path.exists():
                    write_whole(self.path, secrets.token_hex(32).encode())
        key = derive(read_key_file(self.path), use)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


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

"""What stands outside the private folder for a hash of what is in it: keyed, so that none can tell.

Whoever knows every row but one customer's can compute the hash of either estate and compare. The
key lies in the private folder beside the logs whose hashes it seals, goes into every backup, and
stays when the master key is rotated or lost: what editions know of the ledger must fit for years.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from workbench.store.durable import file_lock, write_whole
from workbench.store.keys.master import derive, read_key_file

FILE = "seal.secret"


class Seal:
    """The seal of one workspace.

    Parameters
    ----------
    private : Path
        Its private folder.
    """

    def __init__(self, private: Path) -> None:
        self.path = private / FILE

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

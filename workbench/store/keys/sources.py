"""Where the master key is kept: a file, the environment, or the operating system's keyring.

A rotation has two keys for a while, the present one and the next. Whatever opens a store may try
both, so that a rotation that was cut off at any point leaves nothing unreadable.
"""

import contextlib
import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.errors import StorageError, StoreMissing
from workbench.store.durable import sync, write_whole
from workbench.store.keys.master import make_master_key, parse_key, read_key_file

Kind = Literal["file", "environment", "keyring"]
KINDS: tuple[Kind, ...] = ("file", "environment", "keyring")
KEY, NEW_KEY = "WORKBENCH_KEY", "WORKBENCH_NEW_KEY"
PIPE = "WORKBENCH_KEY_PIPE"
_PIPE_BYTES, _PIPE_SECONDS = 512, 10.0  # one message: less than a pipe takes or gives in parts
_BLOCK_BYTES = 1 << 20
_FILE, _NEXT, _ID = "master.key", "next.key", "keyring.id"
_SERVICE = "workbench"


def fingerprint(key: bytes) -> str:
    """Return twelve letters by which a key is told from another; they say nothing of the key.

    Examples
    --------
    >>> fingerprint(bytes(32)) == fingerprint(bytes(32))
    True
    """
    return hashlib.sha256(b"workbench master key\0" + key).hexdigest()[:12]


@dataclass(frozen=True)
class Keys:
    """The master key of one workspace.

    Parameters
    ----------
    folder : Path
        Folder of what belongs to keys, inside the private one.
    kind : {"file", "environment", "keyring"}
        Where the key itself is.
    given : bytes, optional
        The key, for a while: of a backup that is looked over. It is written nowhere.
    """

    folder: Path
    kind: Kind = "file"
    given: bytes | None = field(default=None, repr=False)

    def read(self) -> bytes:
        """Return the master key.

        Raises
        ------
        StoreMissing
            There is none, others may read it, or it is not a key.
        """
        if self.given is not None:
            return self.given
        if self.kind == "environment":
            return self._of_environment(KEY)
        if self.kind == "keyring":
            found = self._from_keyring(self._keyring_id())
            if found is None:
                raise StoreMissing(
                    "the keyring holds no key for this workspace "
                    f"({self._keyring_id()}). 'workbench init' makes one for a new store; for an "
                    "existing store put its own key back, without it the data cannot be read."
                )
            return found
        return read_key_file(self.folder / _FILE)

    def next(self) -> bytes | None:
        """Return the key a rotation that is under way changes to; None when there is none."""
        if self.given is not None:
            return None
        if self.kind == "environment":
            there = os.environ.get(NEW_KEY) or _of_pipe().get(NEW_KEY)
            return parse_key(there, f"${NEW_KEY}") if there else None
        if self.kind == "keyring":
            return self._from_keyring(f"{self._keyring_id()}.next")
        path = self.folder / _NEXT
        try:
            return read_key_file(path)
        except StoreMissing:
            if path.exists():
                raise
        return None  # or none any more: the rotation has just ended

    def candidates(self) -> list[bytes]:
        """Return the keys that may open something: the present one, and the next one if any."""
        return [each for each in (self.read(), self.next()) if each is not None]

    def make(self) -> None:
        """Make the key of a new store, unless it is there.

        Raises
        ------
        StoreMissing
            It comes from the environment, which nobody but the user can set.
        """
        if self.kind == "file":
            make_master_key(self.folder)
        elif self.kind == "keyring" and self._from_keyring(self._keyring_id()) is None:
            self._to_keyring(self._keyring_id(), secrets.token_hex(32))
        else:
            self.read()

    def begin(self) -> bytes:
        """Make the next key, or take up the one of a rotation that was cut off.

        Raises
        ------
        StoreMissing
            The key comes from the environment and no new one is named there.
        """
        there = self.next()
        if there is not None:
            return there
        if self.kind == "environment":
            raise StoreMissing(
                f"the key comes from ${KEY}; set ${NEW_KEY} to a new one, such as 'openssl rand "
                f"-hex 32' makes, and run again. Nothing was changed."
            )
        new = secrets.token_hex(32)
        if self.kind == "keyring":
            self._to_keyring(f"{self._keyring_id()}.next", new)
        else:
            write_whole(self.folder / _NEXT, new.encode())
        return bytes.fromhex(new)

    def finish(self) -> None:
        """Make the next key the present one; the old one is gone."""
        if self.kind == "keyring":
            new = self.next()
            if new is not None:
                self._to_keyring(self._keyring_id(), new.hex())
                self._forget(f"{self._keyring_id()}.next")
        elif self.kind == "file":
            old = _open(self.folder / _FILE)
            (self.folder / _NEXT).replace(self.folder / _FILE)
            _overwrite(old)
            sync(self.folder)

    def shred(self) -> None:
        """Destroy every key in this place, but for one of the environment, which is not ours."""
        if self.kind == "keyring" and (self.folder / _ID).exists():
            for name in (self._keyring_id(), f"{self._keyring_id()}.next"):
                self._forget(name)
        for path in self.folder.glob("*.key"):
            destroy(path)
        if self.folder.is_dir():
            sync(self.folder)

    def put(self, key: bytes) -> None:
        """Keep a key that is handed in: the one of a backup that was restored."""
        if self.kind == "keyring":
            self._to_keyring(self._keyring_id(), key.hex())
        elif self.kind == "file":
            write_whole(self.folder / _FILE, key.hex().encode())

    def place(self) -> str:
        """Return where the key is, for messages."""
        if self.kind == "environment":
            return f"${KEY}"
        return f"the keyring ({_SERVICE})" if self.kind == "keyring" else str(self.folder / _FILE)

    def _of_environment(self, name: str) -> bytes:
        text = os.environ.get(name) or _of_pipe().get(name)
        if not text:
            raise StoreMissing(
                f'${name} is not set, and workbench.toml says key = "environment". Set it to the '
                "store's key, 64 hexadecimal digits; for a new store 'openssl rand -hex 32' makes "
                "one."
            )
        return parse_key(text, f"${name}")

    def _keyring_id(self) -> str:
        """Return the name this workspace has in the keyring; it stays when the folder moves."""
        path = self.folder / _ID
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # why not over another's: of two that begin at once, both must mean the same name
            with contextlib.suppress(FileExistsError), path.open("x") as file:
                file.write(secrets.token_hex(8))
        return path.read_text(encoding="ascii").strip()

    def _from_keyring(self, name: str) -> bytes | None:
        with _keyring() as ring:
            text = ring.get_password(_SERVICE, name)
        return None if text is None else parse_key(text, self.place())

    def _to_keyring(self, name: str, text: str) -> None:
        with _keyring() as ring:
            ring.set_password(_SERVICE, name, text)

    def _forget(self, name: str) -> None:
        if self._from_keyring(name) is not None:
            with _keyring() as ring:
                ring.delete_password(_SERVICE, name)


def without_keys() -> dict[str, str]:
    """Return this process's environment for a child that does not open the store."""
    return {name: value for name, value in os.environ.items() if name not in (KEY, NEW_KEY)}


@contextlib.contextmanager
def offered(folder: Path) -> Iterator[dict[str, str]]:
    """Offer the environment's keys by a pipe in a private folder; yield what names it to a child.

    Who opens the store takes them there. So they stand in no child's environment, which its own
    children inherit and every process of the user may read.
    """
    keys = {name: os.environ[name] for name in (KEY, NEW_KEY) if os.environ.get(name)}
    keys = keys or _of_pipe()
    if not keys:
        yield {}
        return
    path, ended = folder / "key", threading.Event()
    os.mkfifo(path, 0o600)
    message = json.dumps(keys).encode().ljust(_PIPE_BYTES)

    def give() -> None:
        while not ended.is_set():
            handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)  # waits for somebody who reads
            try:
                if not ended.is_set():
                    os.write(handle, message)
            except BrokenPipeError:  # it had enough
                pass
            finally:
                os.close(handle)
            ended.wait(0.01)

    giver = threading.Thread(target=give, daemon=True)
    giver.start()
    try:
        yield {PIPE: str(path)}
    finally:
        ended.set()
        release = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        giver.join()
        os.close(release)
        path.unlink()


def _of_pipe() -> dict[str, str]:
    """Return the keys that whoever started this process offers; none where nobody does."""
    named = os.environ.get(PIPE)
    if not named:
        return {}
    try:
        handle = os.open(named, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # who offered them has gone
        return {}
    try:
        until = time.monotonic() + _PIPE_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(BlockingIOError):  # another one took it just now
                message = os.read(handle, _PIPE_BYTES)
                if len(message) == _PIPE_BYTES:
                    found: dict[str, str] = json.loads(message)
                    return found
            time.sleep(0.002)
        return {}
    finally:
        os.close(handle)


@contextlib.contextmanager
def _keyring() -> Iterator[Any]:
    """Yield the keyring package, its errors told as ours."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        raise StoreMissing(
            'workbench.toml says key = "keyring", which needs the package keyring: install '
            "'workbench[keyring]', or keep the key in a file."
        ) from None
    try:
        yield keyring
    except KeyringError as problem:
        raise StoreMissing(
            f"the operating system's keyring cannot be used ({type(problem).__name__}). Unlock "
            'it, or say key = "file" or "environment" in workbench.toml.'
        ) from None


def _overwrite(handle: int) -> None:
    """Write over a file that is gone; on disks that copy on write this is no more than a wish."""
    try:
        size = os.fstat(handle).st_size
        for at in range(0, size, _BLOCK_BYTES):
            os.pwrite(handle, secrets.token_bytes(min(_BLOCK_BYTES, size - at)), at)
        os.fsync(handle)
    finally:
        os.close(handle)


def destroy(path: Path) -> None:
    """Remove a file, and write over what it held.

    Raises
    ------
    StorageError
        It cannot be opened.
    """
    handle = _open(path)
    path.unlink()
    _overwrite(handle)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as problem:
        raise StorageError(f"{path} cannot be destroyed: {problem.strerror}.") from None

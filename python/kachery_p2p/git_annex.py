"""git-annex-remote-kp2p: kp2p as a special remote of git-annex, and so of DataLad.

    git annex initremote kp2p type=external externaltype=kp2p encryption=none
    git annex copy --to kp2p recording.dat
    git annex addurl --file recording.dat sha1://.../recording.dat     # what somebody else has stored

and in a clone on another computer, whose daemon is in a common channel

    git annex enableremote kp2p && git annex get recording.dat

What is copied to the remote goes into the storage of this computer, and whoever gets it provides it
too. A key of the backend SHA1 is its own name; of any other the remote's state has the URI. Present
is what the storage here has, or somebody who can be reached provides.

Dropped from the remote is what the remote has put here. What was in the storage before, or what
another repository's remote has put there as well, stays, and what others provide is theirs.
"""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import re
import sys
from typing import Any, Dict, Iterator, List, Optional
from urllib.parse import unquote

from . import _api, _storage
from ._errors import Error, NoDaemonError, NotFoundError
from ._paths import local_path
from ._source import Named, Source
from ._store import store_file

try:
    from annexremote import Master, RemoteError, SpecialRemote
except ImportError:
    from ._annex_protocol import Master, RemoteError, SpecialRemote

_block_bytes = 1 << 20
_uri = re.compile(r"sha1://([0-9a-f]{40})(?:[./]([^?]*))?(?:\?.*)?", re.I | re.S)
# Neither of a chunk, which is not what the hash is of.
_sha1_key = re.compile(r"SHA1E?(?:-[sm]\d+)*--([0-9a-f]{40})(?:\..*)?")
# Why a search that finds nobody has not shown that there is nobody.
_unasked = {"network", "channel", "reach"}


def _sha1_of(uri: str) -> str:
    match = _uri.fullmatch(uri)
    if match is None:
        raise RemoteError(f"not a sha1:// URI: {uri}")
    return match.group(1).lower()


@contextlib.contextmanager
def _words() -> Iterator[None]:
    """What goes wrong, as git-annex is to hear it."""
    try:
        yield
    except (Error, OSError) as error:
        raise RemoteError(str(error)) from error


def _storage_dir() -> pathlib.Path:
    """The daemon's, or where none runs the one that it would take."""
    try:
        told = _api.call("GET", "/v1/status", None, "storage_dir")["storage_dir"]
        return pathlib.Path(local_path(str(told)))
    except NoDaemonError:
        return _storage.root_folder(make=True)


class _Claims:
    """Which remotes, by their UUIDs, have put a file into the storage: kp2p/annex/SHA1/UUID. What
    nobody has claimed there was in the storage before."""

    def __init__(self, sha1: str, uuid: str) -> None:
        root = _storage_dir()
        self._place = _storage._place(root, sha1)
        self._folder = root / "kp2p" / "annex" / sha1
        self._own = self._folder / uuid

    def claim(self) -> None:
        """Before the file is put there."""
        if self._folder.is_dir() or not self._place.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._own.touch()

    def give_up(self) -> bool:
        """False if others need the file. Else it is gone."""
        if not self._own.exists():
            return not self._place.exists()
        others = any(other != self._own for other in self._folder.iterdir())
        if not others:
            self._place.unlink(missing_ok=True)
        self._own.unlink()
        if not others:
            with contextlib.suppress(OSError):  # somebody has just claimed it
                self._folder.rmdir()
        return not others


class Kp2pRemote(SpecialRemote):
    """A failure of what git-annex asks is a RemoteError."""

    def initremote(self) -> None:
        """There is nothing to set up."""

    def prepare(self) -> None:
        with _words():
            _storage_dir()

    def getcost(self) -> int:
        return 175  # the storage here is near, what others provide is far

    def getavailability(self) -> str:
        return "global"

    def transfer_store(self, key: str, path: str) -> None:
        with _words():
            sha1 = self._hash(path)
            _Claims(sha1, self.annex.getuuid()).claim()
            uri = store_file(path, key.replace("/", "_"))
        if _sha1_of(uri) != sha1:
            raise RemoteError(f"{path} changed while it was being stored")
        self.annex.setstate(key, uri)

    def _hash(self, path: str) -> str:
        found, done = hashlib.sha1(), 0
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(_block_bytes), b""):
                found.update(block)
                done += len(block)
                self.annex.progress(done)
        return found.hexdigest()

    def transfer_retrieve(self, key: str, path: str) -> None:
        uri = self._uri_of(key)
        if uri is None:
            raise RemoteError("it has not been copied to this remote")
        with _words():
            self._load(uri)
            done = 0
            with open(path, "wb") as file:
                for block in Source().cat(Named(uri)):
                    file.write(block)
                    done += len(block)
                    if done == len(block) or done % (16 * _block_bytes) < len(block):
                        self.annex.progress(done)

    def _load(self, uri: str) -> None:
        """Into the storage, so that this computer provides it too."""
        with contextlib.suppress(NoDaemonError):
            for event in _api.events("/v1/load", {"uri": uri}, "path"):
                if event.get("event") == "progress":
                    self.annex.progress(event["verified_bytes"])

    def checkpresent(self, key: str) -> bool:
        uri = self._uri_of(key)
        if uri is None:
            return False
        with _words():
            return self._found(uri) is not None

    def _found(self, uri: str) -> Optional[Dict[str, Any]]:
        """The first who provides it, None if nobody does. An Error if that cannot be known."""
        try:
            for event in _api.events("/v1/find", {"uri": uri}, "providers"):
                if event.get("event") == "provider":
                    return event
        except NotFoundError as error:
            if any(finding.get("stage") in _unasked for finding in error.findings):
                raise
        except NoDaemonError:
            here = _storage.find(_sha1_of(uri))
            if here is None:
                raise
            with here:
                return {"size": pathlib.Path(here.path).stat().st_size}
        return None

    def remove(self, key: str) -> None:
        uri = self._uri_of(key)
        if uri is None:
            return
        with _words():
            if not _Claims(_sha1_of(uri), self.annex.getuuid()).give_up():
                self.annex.info("it stays in the storage of this computer, where others put it too")
        if self.annex.getstate(key):
            self.annex.setstate(key, "")

    def claimurl(self, url: str) -> bool:
        return _uri.fullmatch(url) is not None

    def checkurl(self, url: str) -> List[Dict[str, Any]]:
        match = _uri.fullmatch(url)
        if match is None:
            raise RemoteError(f"not a sha1:// URI: {url}")
        with _words():
            found = self._found(url)
        if found is None:
            raise RemoteError("nobody who can be reached provides it")
        name = unquote(match.group(2) or match.group(1)).rpartition("/")[2]
        return [{"size": found["size"], "filename": name}]

    def whereis(self, key: str) -> Optional[str]:
        return self._own_uri_of(key)  # git-annex itself says the URLs that were added

    def _own_uri_of(self, key: str) -> Optional[str]:
        said = self.annex.getstate(key)
        if said:
            return str(said)
        match = _sha1_key.fullmatch(key)
        return f"sha1://{match.group(1)}" if match else None

    def _uri_of(self, key: str) -> Optional[str]:
        own = self._own_uri_of(key)
        if own:
            return own
        urls = self.annex.geturls(key, "sha1://")
        return str(urls[0]) if urls else None


def main() -> None:
    # Whatever else is printed is no answer to git-annex.
    master = Master(output=sys.stdout)
    sys.stdout = sys.stderr
    master.LinkRemote(Kp2pRemote(master))
    with contextlib.suppress(KeyboardInterrupt):  # which git-annex hears as well, and speaks of
        master.Listen()

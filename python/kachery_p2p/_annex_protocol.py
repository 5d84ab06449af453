"""How git-annex talks to a special remote, line by line: what of the library annexremote our remote
needs, under the same names, for where that is not installed. Source:
https://git-annex.branchable.com/design/external_special_remote_protocol/"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List, Optional, TextIO


class RemoteError(Exception):
    """What was asked could not be done; git-annex shows the words."""


class SpecialRemote:
    """What a remote answers where it says nothing of its own."""

    def __init__(self, annex: "Master") -> None:
        self.annex = annex


class Master:
    """Reads what git-annex asks, one line each, and has the remote answer."""

    def __init__(self, output: Optional[TextIO] = None) -> None:
        self._output = output or sys.stdout
        self._informs = False
        self._answers: Dict[str, Callable[..., None]] = {
            "EXTENSIONS": self._extensions, "LISTCONFIGS": self._list_configs,
            "INITREMOTE": self._init_remote, "PREPARE": self._prepare,
            "GETCOST": lambda: self._say("COST", self._remote.getcost()),
            "GETAVAILABILITY": lambda: self._say("AVAILABILITY", "GLOBAL"),
            "TRANSFER": self._transfer, "CHECKPRESENT": self._check_present,
            "REMOVE": self._remove, "CLAIMURL": self._claim_url, "CHECKURL": self._check_url,
            "WHEREIS": self._where_is,
        }
        # Of these the last argument may hold blanks.
        self._arguments = {"TRANSFER": 3}

    def LinkRemote(self, remote: Any) -> None:
        self._remote = remote

    def Listen(self) -> None:
        self._say("VERSION", 1)
        for line in sys.stdin:
            word, *rest = line.rstrip("\r\n").split(" ", 1)
            if word == "ERROR":
                sys.exit(f"git-annex: {' '.join(rest)}")
            answer = self._answers.get(word)
            if answer is None:
                self._say("UNSUPPORTED-REQUEST")
            elif rest:
                answer(*rest[0].split(" ", self._arguments.get(word, 1) - 1))
            else:
                answer()

    # What the remote asks of git-annex.

    def getuuid(self) -> str:
        return self._ask("GETUUID")

    def getstate(self, key: str) -> str:
        return self._ask("GETSTATE", key)

    def setstate(self, key: str, value: str) -> None:
        self._say("SETSTATE", key, value)

    def geturls(self, key: str, prefix: str) -> List[str]:
        urls = []
        url = self._ask("GETURLS", key, prefix)
        while url:
            urls.append(url)
            url = self._value()
        return urls

    def progress(self, size: int) -> None:
        self._say("PROGRESS", size)

    def info(self, message: str) -> None:
        if self._informs:
            self._say("INFO", message)

    def _say(self, *words: Any) -> None:
        print(*(" ".join(str(word).splitlines()) for word in words), file=self._output, flush=True)

    def _ask(self, *words: Any) -> str:
        self._say(*words)
        return self._value()

    def _value(self) -> str:
        return sys.stdin.readline().rstrip("\r\n").partition(" ")[2]

    # What git-annex asks of the remote.

    def _extensions(self, offered: str = "") -> None:
        self._informs = "INFO" in offered.split()
        self._say("EXTENSIONS", *(["INFO"] if self._informs else []))

    def _list_configs(self) -> None:
        self._say("CONFIGEND")

    def _init_remote(self) -> None:
        try:
            self._remote.initremote()
        except RemoteError as error:
            self._say("INITREMOTE-FAILURE", error)
        else:
            self._say("INITREMOTE-SUCCESS")

    def _prepare(self) -> None:
        try:
            self._remote.prepare()
        except RemoteError as error:
            self._say("PREPARE-FAILURE", error)
        else:
            self._say("PREPARE-SUCCESS")

    def _transfer(self, way: str, key: str, path: str) -> None:
        transfer = self._remote.transfer_store if way == "STORE" else self._remote.transfer_retrieve
        try:
            transfer(key, path)
        except RemoteError as error:
            self._say("TRANSFER-FAILURE", way, key, error)
        else:
            self._say("TRANSFER-SUCCESS", way, key)

    def _check_present(self, key: str) -> None:
        try:
            present = self._remote.checkpresent(key)
        except RemoteError as error:
            self._say("CHECKPRESENT-UNKNOWN", key, error)
        else:
            self._say("CHECKPRESENT-" + ("SUCCESS" if present else "FAILURE"), key)

    def _remove(self, key: str) -> None:
        try:
            self._remote.remove(key)
        except RemoteError as error:
            self._say("REMOVE-FAILURE", key, error)
        else:
            self._say("REMOVE-SUCCESS", key)

    def _claim_url(self, url: str) -> None:
        self._say("CLAIMURL-" + ("SUCCESS" if self._remote.claimurl(url) else "FAILURE"))

    def _check_url(self, url: str) -> None:
        try:
            found = self._remote.checkurl(url)[0]
        except RemoteError as error:
            self._say("CHECKURL-FAILURE", error)
        else:
            self._say("CHECKURL-CONTENTS", found["size"], found["filename"])

    def _where_is(self, key: str) -> None:
        where = self._remote.whereis(key)
        if where:
            self._say("WHEREIS-SUCCESS", where)
        else:
            self._say("WHEREIS-FAILURE")

"""Paths as this program, another, and the daemon take them."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pwd
import re
from typing import Optional, Type, TypeVar, Union

from ._errors import UsageError, exhaustion

PathLike = Union[str, "os.PathLike[str]"]
_Kind = TypeVar("_Kind", str, int)

_of_path = re.compile(r"\A(sha1|sha1dir):/(?=[0-9a-fA-F]{40})")
_of_uri = re.compile(r"sha1(dir)?:/", re.I)
_scheme = re.compile(r"\Asha1(?:dir)?:/", re.I)
_quotes = ("''", '""', "``", "<>", "()", "[]", "“”", "„“", "„”", "‘’", "‚‘", "«»")
_unseen_blanks = "\u200b\ufeff"
_sha1 = re.compile(r"[0-9a-fA-F]{40}")


def home() -> pathlib.Path:
    """As the commands have it: of a job that has none, or an empty one, that of its user."""
    try:
        return pathlib.Path(os.environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        raise UsageError("HOME is not set") from None


def make_private(folder: pathlib.Path) -> None:
    """For its owner alone. What root makes in the directory of another user is that user's, who could do
    nothing with it otherwise."""
    folder.mkdir(mode=0o700)
    with contextlib.suppress(OSError):
        made = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        give_to_owner(folder.parent, made)
        os.close(made)


def give_to_owner(above: pathlib.Path, made: int) -> None:
    status = os.stat(above)
    if status.st_uid and not os.geteuid():
        with contextlib.suppress(OSError):
            os.fchown(made, status.st_uid, status.st_gid)


def named_path(name: str) -> pathlib.Path:
    """As one stands in the environment or in config.json."""
    return home() / name[2:] if name == "~" or name.startswith("~/") else pathlib.Path(name)


def local_path(path: str) -> str:
    """One out of a file or an answer, which are UTF-8, as this program names it in any locale."""
    return os.fsdecode(path.encode())


def told_path(path: str) -> str:
    """The other way: one of this program's, or a name, as files and the daemon have it."""
    try:
        return os.fsencode(path).decode()
    except UnicodeError:
        raise UsageError(f"not UTF-8: {path!r}") from None


def config_dir() -> pathlib.Path:
    named = os.environ.get("KACHERY_P2P_CONFIG_DIR")
    return named_path(named) if named else home() / ".kachery-p2p"


def configured(key: str, kind: Type[_Kind]) -> Optional[_Kind]:
    """What config.json says of it, None if nothing. What the commands refuse is refused: somebody meant
    another storage, or daemon, than the usual one."""
    path = config_dir() / "config.json"
    try:
        told = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise exhaustion(error) or UsageError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise UsageError(f"{path} is not a JSON object")
    if key not in told:
        return None
    value = told[key]
    if not isinstance(value, kind) or isinstance(value, bool) or value == "":
        wanted = "a string" if kind is str else "a whole number"
        raise UsageError(f'{path}: "{key}": not {wanted}')
    return value


def as_uri(given: PathLike) -> str:
    """What people pass as a URI, as the daemon takes it: blanks, line ends and quotes around it, a
    hash alone, and a Path that was made of it and so has lost a "/"."""
    path = os.fspath(given)
    text = _stripped(os.fsdecode(path) if isinstance(path, bytes) else str(path))
    inner = _stripped(text[1:-1])
    if text[:1] + text[-1:] in _quotes and (_sha1.fullmatch(inner) or _of_uri.match(inner)):
        text = inner
    text = _scheme.sub(lambda found: found.group().lower(), text)
    return f"sha1://{text}" if _sha1.fullmatch(text) else _of_path.sub(r"\1://", text, count=1)


def _stripped(text: str) -> str:
    before = ""
    while text != before:
        before, text = text, text.strip().strip(_unseen_blanks)
    return text


def absolute_path(path: PathLike) -> str:
    """The path as one with another working directory takes it."""
    try:
        text = os.fspath(path)
        if isinstance(text, bytes):
            text = os.fsdecode(text)
        os.fsencode(text)
        if text and "\0" not in text:
            return os.path.abspath(text)
    except UnicodeError:  # what no file can be called
        pass
    except OSError as error:  # there is no working directory
        raise UsageError(f"{path!r}: {error}") from None
    raise UsageError(f"no path: {path!r}")

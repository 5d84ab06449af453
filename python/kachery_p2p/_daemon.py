"""The daemon itself, and the channels it is in."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from typing import Any, Dict, List, Optional, Sequence

from . import _api
from ._errors import FailedError, NoDaemonError, UsageError, error_of, error_of_system
from ._options import mean_nothing

_command = "kp2p-start-daemon"
_old_options = frozenset((
    "auth_group", "dverbose", "file_server_port", "install_only", "isbootstrap", "nobootstrap",
    "node_arg", "nomulticast", "noudp", "public_url", "static_config", "udp_port",
    "websocket_port"))


def get_channels(*, api_port: Optional[int] = None) -> List[str]:
    """The names of the channels that the node is in."""
    return list(_api.call("GET", "/v1/channels", None, "channels", api_port)["channels"])


def join_channel(name: str, *, api_port: Optional[int] = None) -> None:
    """Joins a channel, until leave_channel(). Whoever knows the name can join."""
    _api.call("POST", "/v1/channels", {"name": name}, "channels", api_port)


def leave_channel(name: str, *, api_port: Optional[int] = None) -> None:
    """Leaves a channel. A UsageError if the node is not in it."""
    _api.call("DELETE", "/v1/channels", {"name": name}, "channels", api_port)


def status(*, api_port: Optional[int] = None) -> Dict[str, Any]:
    """What the node is doing: its version, addresses, channels, peers and storage, and whether
    others can reach it, as node/api/API.md says."""
    return _api.call("GET", "/v1/status", None, "node", api_port)


def peers(*, api_port: Optional[int] = None) -> List[Dict[str, Any]]:
    """The nodes that this one is connected to, each with the channels that both are in and its
    paths, the best first."""
    return list(status(api_port=api_port).get("peers", []))


def get_node_id(api_port: Optional[int] = None) -> str:
    """The public key of the node, 64 hex digits."""
    return str(status(api_port=api_port)["node"])


def stop_daemon(api_port: Optional[int] = None, api_host: Optional[str] = None) -> None:
    """Asks the daemon to stop; it ends soon after. It is on this computer, whatever `api_host`."""
    mean_nothing(api_host=api_host)
    _api.call("POST", "/v1/stop", {}, port=api_port)


class Daemon(subprocess.Popen):  # type: ignore[type-arg]
    """The process of a daemon. Used as a context manager, it ends with the block."""

    def __exit__(self, *exception: Any) -> None:
        self.terminate()
        self.wait()
        super().__exit__(*exception)


def start_daemon(*, channels: Sequence[str] = (), bootstrap: Sequence[str] = (),
                 host: Optional[str] = None, port: Optional[int] = None,
                 api_port: Optional[int] = None, storage_dir: Optional[str] = None,
                 config_dir: Optional[str] = None, label: Optional[str] = None,
                 method: Optional[str] = None, verbose: int = 0, **old: Any) -> Daemon:
    """Starts kp2p-start-daemon, which must be in PATH, waits until it is ready and returns its
    process. It goes on when this program ends, unless that ends it, or has used it in a `with`
    block. What it logs goes on to our standard error. The channels' names, which are secrets, are
    not in its arguments, where every user of this computer could read them. `label` names the node
    for the members of its channels. `method`, `verbose` and what else kachery_p2p had (`udp_port`,
    ...) are taken for the sake of scripts for it, and mean nothing."""
    for name in old:
        if name not in _old_options:
            raise TypeError(f"start_daemon() has no {name}=")
    mean_nothing(**old)
    program = shutil.which(_command)
    if program is None:
        raise NoDaemonError(f"{_command} is not installed, or not in PATH")
    command = [program, "--json", "--channel-file", "-"]
    for value in _texts("bootstrap", bootstrap):
        command += ["--bootstrap", value]
    names = [name.strip() for name in _texts("channels", channels)]
    for name in names:
        if not name or "\n" in name:
            raise UsageError(f"not the name of a channel: {name!r}")
    flags = {"--host": host, "--port": port, "--api-port": api_port, "--storage-dir": storage_dir,
             "--config-dir": config_dir, "--label": label}
    for flag, given in flags.items():
        if given is not None:
            command += [flag, str(given)]
    try:
        process = Daemon(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         encoding="utf-8", start_new_session=True)
    except OSError as error:
        raise error_of_system(program, error) from error
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:  # then it has failed, and says why
            process.stdin.write("".join(name + "\n" for name in names))
        _await_ready(process)
    except BaseException:  # interrupted, too: nobody would know of it
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        raise
    return process


def _texts(what: str, given: Sequence[str]) -> List[str]:
    """A string is a sequence as well, of letters."""
    values: Any = [None] if given is None or isinstance(given, str) else list(given)
    if not all(isinstance(value, str) for value in values):
        raise UsageError(f"{what}= is a list of strings, not {given!r}")
    return list(values)


def _await_ready(process: "subprocess.Popen[str]") -> None:
    import json

    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        event = json.loads(line)
    except ValueError:
        event = {}
    if event.get("event") == "ready":
        # Nothing more comes, but what does must not block the daemon.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return
    if event.get("event") == "error":
        raise error_of(event)
    raise FailedError(f"{_command} ended before it was ready")

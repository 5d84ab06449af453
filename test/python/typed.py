"""What a script with types does with the package: to be checked by mypy --strict, not to be run."""
import asyncio
import pathlib
from typing import Any, Dict, List, Optional

import kachery_p2p as kp
from kachery_p2p import aio
from kachery_p2p.pooch import Downloader


def show(done: int, size: int, providers: int) -> None:
    print(done, size, providers)


def work() -> None:
    uri: str = kp.store_file(pathlib.Path("file"))
    with kp.start_daemon(channels=["lab"], label="here", port=0) as daemon:
        print(daemon.pid)
    path: Optional[str] = kp.load_file(uri, pathlib.Path("dest"), progress=True, timeout=3,
                                       wait=True)
    certain: str = kp.load_text(uri, missing="raise")
    part: Optional[bytes] = kp.load_bytes(uri, 0, 10, progress=show)
    with kp.open(uri) as binary, kp.open(uri, "r") as text:
        read: bytes = binary.read()
        lines: List[str] = list(text)
    paths: List[Optional[str]] = kp.load_files([uri, pathlib.Path("file")], progress=show)
    here: List[str] = kp.load_files((one for one in [uri]), missing="raise")
    why: Optional[kp.NotFoundError] = kp.why()
    known: List[Dict[str, Any]] = kp.list_files() + kp.peers() + kp.find_file(uri)
    print(path, certain, part, read, lines, paths, here, why, known, Downloader(progressbar=True))


async def work_async() -> None:
    uri: str = await aio.store_text("text")
    path: Optional[str] = await aio.load_file(uri, pathlib.Path("dest"), progress=show)
    certain: str = await aio.load_text(uri, missing="raise")
    part: Optional[bytes] = await aio.load_bytes(uri, 0, 10)
    text, array = await asyncio.gather(aio.load_text(uri), aio.load_npy(uri))
    maybe: Optional[str] = text
    async with aio.open(uri) as file:
        read: bytes = await file.read()
    print(path, certain, part, maybe, array, read)


work()
asyncio.run(work_async())

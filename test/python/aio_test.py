"""aio_test.py COMMANDS [TEST...]: the calls for asyncio, and pooch."""
import asyncio
import importlib.util
import io
import os
import subprocess
import sys
import threading
import time
import unittest
import unittest.mock

from case import ABSENT, CHANNEL, ROOT, Network, kp, main
from kachery_p2p import aio
from kachery_p2p.pooch import Downloader


class Asyncio(Network):
    def test_values_go_across(self):
        async def across():
            with self.at("alice"):
                text = await aio.store_text("text")
                value = await aio.store_json({"a": 1})
            with self.at("bob"):
                self.assertEqual(await asyncio.gather(aio.load_text(text), aio.load_json(value)),
                                 ["text", {"a": 1}])
                self.assertIsNone(aio.why())
                self.assertIsNone(await aio.load_text(ABSENT))
                self.assertIsInstance(aio.why(), kp.NotFoundError)
                with self.assertRaises(FileNotFoundError):
                    await aio.load_text(ABSENT, missing="raise")
                self.assertEqual(await aio.get_channels(), [CHANNEL])

        asyncio.run(across())

    def test_why_is_each_tasks_own(self):
        async def lacking():
            await aio.load_text(ABSENT)
            return kp.why()

        async def both():
            with self.at("bob"):
                reasons = await asyncio.gather(lacking(), lacking())
                self.assertIsNot(*reasons)
                self.assertIsNone(kp.why())

        asyncio.run(both())

    def test_two_hundred_at_once(self):
        async def many():
            with self.at("alice"):
                uri = await aio.store_text("for many")
                return await asyncio.gather(*(aio.load_text(uri) for _ in range(200)))

        self.assertEqual(asyncio.run(many()), ["for many"] * 200)

    def test_a_loop_that_waits_for_a_call_sleeps(self):
        async def timers():
            loop = asyncio.get_running_loop()
            with unittest.mock.patch.object(loop, "call_later") as later:
                await aio.load_text(await aio.store_text("no hurry"))
            return later.mock_calls

        with self.at("alice"):
            self.assertEqual(asyncio.run(timers()), [])

    def test_what_is_cancelled_is_called_off(self):
        async def cancelled(work):
            task = asyncio.ensure_future(work)
            await asyncio.sleep(0.2)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        with self.at("bob"):
            started = time.monotonic()
            asyncio.run(cancelled(aio.load_file(ABSENT, wait=True)))
            while any(thread.name.startswith("kachery_p2p") and busy(thread)
                      for thread in threading.enumerate()):
                self.assertLess(time.monotonic() - started, 20)
                time.sleep(0.01)

    def test_a_program_that_ends_calls_off_what_it_left_behind(self):
        script = ("import asyncio; from kachery_p2p import aio; loop = asyncio.new_event_loop(); "
                  f"left = loop.create_task(aio.load_file('{ABSENT}', wait=True)); "
                  "loop.call_later(0.3, loop.stop); loop.run_forever()")
        with self.at("bob"):
            subprocess.run([sys.executable, "-c", script], stderr=subprocess.DEVNULL, timeout=20,
                           env={**os.environ, "PYTHONPATH": str(ROOT / "python")})

    def test_a_file_is_read(self):
        content = os.urandom(3_000_000)
        path = self.write("async.dat", content)

        async def read():
            with self.at("alice"):
                uri = await aio.store_file(path)
            with self.at("bob"):
                async with aio.open(uri) as file:
                    self.assertEqual(await file.seek(2_000_000), 2_000_000)
                    self.assertEqual(await file.read(9), content[2_000_000:2_000_009])
                    self.assertEqual(file.tell(), 2_000_009)
                file = await aio.open(uri)
                self.assertEqual(await file.read(), content)
                await file.close()
                with self.assertRaises(FileNotFoundError):
                    async with aio.open(ABSENT):
                        pass

        asyncio.run(read())


def busy(thread):
    frame = sys._current_frames().get(thread.ident)
    while frame:
        if frame.f_code.co_name == "load":
            return True
        frame = frame.f_back
    return False


class Pooch(Network):
    @unittest.skipUnless(importlib.util.find_spec("pooch"), "pooch is not installed")
    def test_it_gets_what_a_uri_names(self):
        import pooch

        with self.at("alice"):
            uri = kp.store_text("for pooch", "data.txt")
        with self.at("bob"):
            path = pooch.retrieve(uri, "sha1:" + uri[7:47], fname="data.txt",
                                  path=self.root / "pooch", downloader=Downloader())
            with open(path) as file:
                self.assertEqual(file.read(), "for pooch")
            registry = pooch.create(self.root / "pooch2", uri.rsplit("/", 1)[0] + "/",
                                    registry={"data.txt": None})
            with open(registry.fetch("data.txt", downloader=Downloader())) as file:
                self.assertEqual(file.read(), "for pooch")

    def test_it_is_what_a_downloader_is(self):
        with self.at("alice"):
            uri = kp.store_text("plain")
        with self.at("bob"):
            out = io.BytesIO()
            Downloader(timeout=30)(uri, out)
            self.assertEqual(out.getvalue(), b"plain")
            self.assertTrue(Downloader()(uri, None, None, check_only=True))
            self.assertFalse(Downloader()(ABSENT, None, None, check_only=True))
            self.assertRaises(FileNotFoundError, Downloader(), ABSENT, str(self.root / "no"))


if __name__ == "__main__":
    main()

"""notebook_test.py COMMANDS [TEST...]: the package in a notebook, run by what runs notebooks."""
import asyncio
import importlib.util
import json
import os
import sys
import unittest

from case import ABSENT, ROOT, Network, kp, main

NEEDED = ("nbclient", "nbformat", "ipykernel")
LACKING = [name for name in NEEDED if not importlib.util.find_spec(name)]
if not LACKING:
    import nbclient
    import nbformat


@unittest.skipIf(LACKING, f"{' and '.join(LACKING)} not installed")
class Notebook(Network):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        jupyter = cls.root / "jupyter"
        kernel = jupyter / "kernels" / "kp2p"
        kernel.mkdir(parents=True)
        (kernel / "kernel.json").write_text(json.dumps({
            "argv": [sys.executable, "-B", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "kp2p", "language": "python", "env": {"PYTHONPATH": str(ROOT / "python")}}))
        os.environ.update({"JUPYTER_PATH": str(jupyter), "JUPYTER_RUNTIME_DIR": str(cls.root / "runtime"),
                           "IPYTHONDIR": str(cls.root / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                           "KACHERY_P2P_CONFIG_DIR": str(cls.root / "bob" / "config")})

    def run_notebook(self, *cells, meanwhile=None):
        """What each cell has shown: its streams and its last value, as text. `meanwhile`, given the kernel,
        runs beside them."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        client = nbclient.NotebookClient(notebook, timeout=60, kernel_name="kp2p", allow_errors=True,
                                         resources={"metadata": {"path": str(self.root)}})

        async def both():
            async with client.async_setup_kernel():
                beside = asyncio.ensure_future(meanwhile(client.km)) if meanwhile else None
                for index, cell in enumerate(notebook.cells):
                    await client.async_execute_cell(cell, index)
                if beside:
                    await beside
        asyncio.run(both())
        return ["".join(map(self.text, cell.outputs)) for cell in notebook.cells]

    @staticmethod
    def text(output):
        if output.output_type == "stream":
            return output.text
        if output.output_type == "error":
            return f"{output.ename}: {output.evalue}"
        return output.data["text/plain"]

    def test_a_file_is_loaded_with_a_bar_and_shown(self):
        with self.at("alice"):
            table = kp.store_text("unit,rate\n1,4.5\nü,0.2\n", "table.csv")
            number = kp.store_json(7)
        loaded, shown, awaited, absent, why = self.run_notebook(
            f"import kachery_p2p as kp\npath = kp.load_file('{table}', progress=True)\nopen(path).read()",
            f"kp.cat_file('{table}')",
            f"from kachery_p2p import aio\nawait aio.load_json('{number}'), kp.load_json('{number}')",
            f"kp.load_file('{ABSENT}') is None",
            "kp.why()")
        # With ipywidgets the bar is a widget, elsewhere a line of text.
        self.assertRegex(loaded, r"table\.csv: 100%|HBox|FloatProgress")
        self.assertIn(r"'unit,rate\n1,4.5\nü,0.2\n'", loaded)
        self.assertNotIn("Warning", loaded)
        self.assertEqual(shown, "unit,rate\n1,4.5\nü,0.2\n23")
        self.assertEqual(awaited, "(7, 7)")
        self.assertEqual(absent, "True")
        self.assertIn("NotFoundError", why)

    def test_a_load_that_is_interrupted_ends_and_is_called_off(self):
        self.assertEqual(kp.transfers(), [])

        async def interrupt(kernel):
            while not kp.transfers():
                await asyncio.sleep(0.05)
            await kernel.interrupt_kernel()

        for load, error in ((f"kp.load_file('{ABSENT}', wait=True)", "^KeyboardInterrupt"),
                            (f"await aio.load_file('{ABSENT}', wait=True)", "^CancelledError")):
            with self.subTest(load):
                broken, again = self.run_notebook(
                    f"import kachery_p2p as kp\nfrom kachery_p2p import aio\n{load}",
                    "import time\nwhile kp.transfers():\n    time.sleep(0.05)\nlen(kp.list_files())",
                    meanwhile=interrupt)
                self.assertRegex(broken, error)
                self.assertRegex(again, r"^\d+$")


if __name__ == "__main__":
    main()

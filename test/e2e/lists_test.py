#!/usr/bin/env python3
"""Many files that are wanted at once: by one call of the API, and by kp2p-load of a list."""
import json
import pathlib
import re
import subprocess
import urllib.parse

from api_client import local_connection
from case import NetworkCase, main
from network import MIB, random_file, sha1_of


KIB = 1 << 10


def absent(digit):
    return f"sha1://{digit * 40}/none-{digit}.dat"


def timeless(line):
    """Without what took how long."""
    for finding in line.get("findings", ()):
        finding.pop("ms", None)
    return {**line, "message": re.sub(r" \(after .*?\)", "", line["message"])}


class Lists(NetworkCase):
    daemons = ("alice", "bob")

    def make(self, count, size_bytes):
        folder = self.path("made")
        folder.mkdir(exist_ok=True)
        paths = [folder / f"{number}-{size_bytes}.dat" for number in range(count)]
        for path in paths:
            random_file(path, size_bytes)
        return paths

    def call(self, daemon, body):
        """Of each file its lines, the last line of all, and the files as they ended."""
        connection = local_connection(daemon, self)
        connection.request("POST", "/v1/load", json.dumps(body), {"Content-Type": "application/json"})
        *lines, last = map(json.loads, connection.getresponse().read().splitlines())
        files, ended = [[] for _ in body["uris"]], []
        for line in lines:
            self.assertEqual(line["event"], "file")
            files[line["index"]].append(line["line"])
            if line["line"]["event"] != "progress":
                ended.append(line["index"])
        return files, last, ended

    def listed(self, uris):
        listing = self.path("listing")
        listing.write_text("\n".join(uris) + "\n")
        return listing

    def test_each_of_a_call_is_told_of_as_if_it_were_alone(self):
        folder = self.path("folder")
        (folder / "sub").mkdir(parents=True)
        random_file(folder / "sub/in it.dat", 1000)
        directory = self.alice.store(folder)
        small, large, here, empty = (*self.make(1, 3 * KIB), *self.make(1, 3 * MIB),
                                     *self.make(1, 5 * KIB), self.path("empty"))
        empty.touch()
        paths = [small, large, here, empty, folder / "sub/in it.dat", small]
        self.bob.load(self.alice.store(here))
        uris = [self.alice.store(path) for path in (small, large, here, empty)]
        uris += [f"{directory}/sub/in%20it.dat", uris[0].replace(small.name, "other.dat")]
        wrong = {absent("1"): "not_found", f"{directory}/sub": "usage",
                 f"{directory}/no": "usage", f"sha1dir://{'2' * 40}/a/b": "not_found"}
        files, last, ended = self.call(self.bob, {"uris": [*uris, *wrong]})
        self.assertEqual(last, {"event": "result", "files": len(uris)})
        self.assertEqual(sorted(ended), list(range(len(files))))
        # What waits for a document that nobody has keeps none of the others waiting.
        self.assertGreater(ended.index(len(files) - 1), ended.index(0))
        for path, uri, lines in zip(paths, uris, files):
            with self.subTest(uri):
                loaded = pathlib.Path(lines[-1]["path"])
                self.assertEqual(loaded.name, urllib.parse.unquote(uri.split("?")[0].split("/")[-1]))
                self.assertEqual(sha1_of(loaded), sha1_of(path))
                self.assertEqual("stamp" in lines[-1], path not in (here, empty))
        self.assertIn("progress", [line["event"] for line in files[1]])
        for code, (uri, lines) in zip(wrong.values(), zip(wrong, files[len(uris):])):
            with self.subTest(uri):
                alone = self.alone(uri)
                self.assertEqual(lines[-1]["code"], code)
                self.assertEqual(timeless(lines[-1]), timeless(alone))

    def transfers(self):
        return json.loads(self.bob.run("kp2p-transfers", "--json").stdout)["transfers"]

    def alone(self, uri):
        connection = local_connection(self.bob, self)
        connection.request("POST", "/v1/load", json.dumps({"uri": uri}),
                           {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read().splitlines()[-1])

    def test_a_call_takes_so_many_and_nothing_that_is_no_uri(self):
        for uris in ([absent("3")] * 1025, ["sha1://"], [1], "sha1"):
            with self.subTest(str(uris)[:20]):
                connection = local_connection(self.bob, self)
                connection.request("POST", "/v1/load", json.dumps({"uris": uris}),
                                   {"Content-Type": "application/json"})
                last = json.loads(connection.getresponse().read().splitlines()[-1])
                self.assertEqual((last["event"], last["code"]), ("error", "usage"))

    def test_a_long_list_comes_in_its_order_and_small_files_together(self):
        paths = self.make(600, 2 * KIB) + self.make(3, 2 * MIB)
        paths.insert(1, paths.pop())
        paths.insert(300, paths.pop())
        uris = [self.alice.store(path) for path in paths]
        again = uris[300].replace(paths[300].name, "again.dat")
        uris.append(again)
        paths.append(paths[300])
        uris.insert(150, absent("4"))
        uris.insert(450, absent("5"))
        done = subprocess.run([self.network.command("kp2p-load"), "-i", self.listed(uris)],
                              capture_output=True, env=self.bob.environment(), timeout=120)
        self.assert_ends(done, 4)
        loaded = done.stdout.decode().splitlines()
        self.assertEqual([pathlib.Path(path).name for path in loaded],
                         [*(path.name for path in paths[:-1]), "again.dat"])
        for path, there in zip(paths, loaded):
            self.assertEqual(sha1_of(there), sha1_of(path))
        said = done.stderr.decode().splitlines()
        self.assertEqual([line.split(": ")[1] for line in said if "/none-" in line],
                         [absent("4"), absent("5")], said)
        self.assertEqual(self.bob.log().count(f"load of {'4' * 40} failed"), 1)
        self.assertIn("more small files", self.alice.log())
        # Of what is much alike the log has the first ones.
        said = [self.bob.log().count(f"loaded {sha1_of(path)} ") for path in paths]
        twice = said.pop(300)  # under two names, each of which is a load
        self.assertEqual(said.pop(), twice)
        self.assertLessEqual(twice, 2)
        self.assertEqual(max(said), 1)
        self.assertGreater(sum(said), 20)

    def test_one_of_a_list_that_is_called_off_leaves_the_others(self):
        self.alice.run("kp2p-limit", "--up", "2M")
        self.addCleanup(self.alice.run, "kp2p-limit", "--up", "none")
        self.alice.run("kp2p-limit", "--lan", "on")
        paths = self.make(3, 6 * MIB)
        uris = [self.alice.store(path) for path in paths]
        with self.bob.popen("kp2p-load", "-i", self.listed(uris), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE) as load:
            wanted = sha1_of(paths[1])

            def ours():
                return [row for row in self.transfers() if row["sha1"] == wanted]
            self.bob.process.wait_until(ours, "its transfer")
            self.bob.run("kp2p-transfers", "--cancel", str(ours()[0]["id"]))
            out, said = load.communicate(timeout=120)
        self.assertEqual([pathlib.Path(line).name for line in out.decode().splitlines()],
                         [paths[0].name, paths[2].name], said)
        self.assertIn("called off elsewhere", said.decode())
        self.assertEqual(load.returncode, 1)

    def test_who_goes_ends_all_that_was_asked_for(self):
        self.alice.run("kp2p-limit", "--up", "1M")
        self.addCleanup(self.alice.run, "kp2p-limit", "--up", "none")
        uris = [self.alice.store(path) for path in self.make(20, 4 * MIB)]
        with self.bob.popen("kp2p-load", "-i", self.listed(uris), stdout=subprocess.DEVNULL) as load:
            self.bob.process.wait_until(self.transfers, "the transfers")
            load.kill()
        self.bob.process.wait_until(lambda: not self.transfers(), "their end")


if __name__ == "__main__":
    main()

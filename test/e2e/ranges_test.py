"""Ranges of files over the API (node/api/API.md): several in one call, on one connection."""
import json

from api_client import local_connection, read_frames
from case import NetworkCase, main
from network import random_file

MIB = 1 << 20
JSON = {"Content-Type": "application/json"}


class Ranges(NetworkCase):
    daemons = ("alice", "bob")

    def ask(self, connection, **body):
        """The bytes of each range, or the error event."""
        connection.request("POST", "/v1/cat", json.dumps(body), JSON)
        data, last = read_frames(connection.getresponse())
        if last["event"] == "error":
            return last
        self.assertEqual(last["bytes"], len(data))
        slices = []
        for length in last.get("ranges", [len(data)]):
            slices.append(data[:length])
            data = data[length:]
        return slices

    def test_several_ranges_come_in_one_call_and_many_calls_on_one_connection(self):
        path = self.path("several.dat")
        random_file(path, 24 * MIB + 5)
        content = path.read_bytes()
        uri = self.alice.store(path)
        connection = local_connection(self.bob, self)
        rows = [[[0, 10]], [[5, 5]], [[9 * MIB - 3, 9 * MIB + 3], [0, 7], [3, 9]],
                [[len(content) - 2, len(content) + 9], [len(content), len(content) + 1], [1, 2]]]
        for ranges in rows:
            with self.subTest(ranges):
                self.assertEqual(self.ask(connection, uri=uri, ranges=ranges),
                                 [content[start:end] for start, end in ranges])
        self.assertEqual(self.ask(connection, uri=uri, start=3, end=9), [content[3:9]])
        self.assertEqual(self.ask(connection, uri=uri, ranges=[]), [])

    def test_a_range_costs_what_it_reads_and_that_once_also_over_a_restart(self):
        path = self.path("scattered.dat")
        random_file(path, 64 * MIB + 5)
        content = path.read_bytes()
        uri = self.alice.store(path)
        bob = self.daemon("bob")
        ranges = [[at, at + 4000] for at in range(1, len(content), 3_000_017)]
        for most_bytes in (3_000_000, 0):
            before = bob.status()["received_bytes"]
            got = self.ask(local_connection(bob, self), uri=uri, ranges=ranges)
            self.assertEqual(got, [content[start:end] for start, end in ranges])
            self.assertLessEqual(bob.status()["received_bytes"] - before, most_bytes)
            bob.kill()
            bob.start()
        self.assertEqual(bob.status()["partial_files"], 1)
        bob.load(uri)
        self.assertEqual(bob.stored(uri.split("/")[2]).read_bytes(), content)
        self.assertEqual(bob.status()["partial_files"], 0)
        self.assertLess(bob.status()["received_bytes"], len(content) - len(ranges) * 14_000)

    def test_ranges_that_make_no_sense_are_refused(self):
        path = self.path("refused.dat")
        random_file(path, 100)
        uri = self.bob.store(path)
        connection = local_connection(self.bob, self)
        for wrong in ({"ranges": [[5, 3]]}, {"ranges": [[1]]}, {"ranges": [[0, -1]]},
                      {"ranges": "all"}, {"ranges": [[0, 1]] * 1025},
                      {"ranges": [[0, 1]], "start": 1}):
            with self.subTest(wrong):
                self.assertEqual(self.ask(connection, uri=uri, **wrong)["code"], "usage")
        self.assertEqual(len(self.ask(connection, uri=uri, ranges=[[0, 1]] * 1024)), 1024)


if __name__ == "__main__":
    main()

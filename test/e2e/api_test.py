"""The daemon's HTTP API as a program sees it that is not ours: node/api/API.md, over the Unix socket
and over TCP."""
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import secrets
import socket
import stat
import sys
import unittest

from api_client import local_connection
from case import NetworkCase, main

MIB = 1 << 20
JSON = {"Content-Type": "application/json"}


class Api:
    def __init__(self, daemon, case):
        self.daemon = daemon
        self.case = case

    def local(self):
        return local_connection(self.daemon, self.case)

    def tcp(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=60)
        self.case.addCleanup(connection.close)
        return connection

    def port(self):
        return int((self.daemon.config_dir / "api-port").read_text())

    def token(self):
        return bytes.fromhex((self.daemon.config_dir / "api-token").read_text().strip())

    def hello(self, connection, port=None):
        """The value of the Authorization header, and whether the daemon has proven itself."""
        nonce = secrets.token_bytes(32)
        answer = ask(connection, "POST", "/v1/hello", {"nonce": nonce.hex()})[1]
        tail = b"\0" + (port or self.port()).to_bytes(2, "big") + nonce
        tail += bytes.fromhex(answer["nonce"])
        server, client = (hmac.new(self.token(), b"kp2p api " + role + tail, hashlib.sha256)
                          for role in (b"server", b"client"))
        return "KP2P " + client.hexdigest(), answer["proof"] == server.hexdigest()

    def call(self, path, body):
        """The last line of a streamed call."""
        connection = self.local()
        connection.request("POST", path, json.dumps(body), JSON)
        last = connection.getresponse().read().decode().splitlines()[-1]
        connection.close()
        return json.loads(last)

    def upload(self, content, query, **options):
        connection = self.local()
        connection.request("POST", "/v1/upload?" + query, content, **options)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer


def ask(connection, method, path, body=None, headers=None):
    body = json.dumps(body) if body is not None else None
    connection.request(method, path, body, {**(JSON if body else {}), **(headers or {})})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


class Connections(NetworkCase):
    daemons = ("alice",)

    def setUp(self):
        super().setUp()
        self.api = Api(self.alice, self)

    def test_the_unix_socket_needs_no_secret_and_is_its_owners_alone(self):
        connection = self.api.local()
        for _ in range(3):  # of one connection
            self.assertEqual(ask(connection, "GET", "/v1/status")[0], 200)
        mode = os.stat(self.alice.config_dir / "api.sock").st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_over_tcp_both_sides_prove_that_they_know_the_token(self):
        connection = self.api.tcp()
        proof, proven = self.api.hello(connection)
        self.assertTrue(proven)
        headers = {"Authorization": proof}
        self.assertEqual(ask(connection, "GET", "/v1/status", headers=headers)[0], 200)
        self.assertEqual(ask(connection, "GET", "/v1/status")[0], 200)
        self.assertEqual(ask(self.api.tcp(), "GET", "/v1/status", headers=headers)[0], 401)

    def test_the_port_wants_a_proof_its_host_and_no_foreign_origin(self):
        bearer = "Bearer " + self.api.token().hex()
        rows = [({}, 401), ({"Authorization": bearer}, 401),
                ({"Authorization": "KP2P " + "0" * 64}, 401),
                ({"Authorization": None}, 200),
                ({"Authorization": None, "Host": "evil.example"}, 403),
                ({"Authorization": None, "Origin": "http://evil.example"}, 403)]
        for headers, status in rows:
            with self.subTest(headers):
                connection = self.api.tcp()
                proof = self.api.hello(connection)[0]
                said = {name: value or proof for name, value in headers.items()}
                self.assertEqual(ask(connection, "GET", "/v1/status", headers=said)[0], status)

    def test_head_is_answered_as_get_is_without_the_body(self):
        connection = self.api.local()
        for path, status in (("/", 200), ("/healthz", 200), ("/v1/channels", 200),
                             ("/v1/events", 404), ("/none", 404), ("/v1/status", 200)):
            with self.subTest(path):  # of one connection: a body would be the next answer
                connection.request("HEAD", path)
                response = connection.getresponse()
                self.assertEqual((response.status, response.read()), (status, b""))
                self.assertGreater(int(response.headers["Content-Length"]), 0)

    def test_a_proof_that_was_passed_on_from_another_port_is_refused(self):
        connection = self.api.tcp()
        proof, proven = self.api.hello(connection, port=1)
        self.assertFalse(proven)
        answer = ask(connection, "GET", "/v1/status", headers={"Authorization": proof})
        self.assertEqual(answer[0], 401)

    def test_a_token_holds_for_one_run_and_a_stale_socket_is_replaced(self):
        daemon = self.daemon("carol")
        api = Api(daemon, self)
        before = api.token()
        daemon.kill()
        daemon.start()
        self.assertNotEqual(api.token(), before)
        self.assertEqual(ask(api.local(), "GET", "/v1/status")[0], 200)
        daemon.stop()
        self.assertFalse((daemon.config_dir / "api.sock").exists())

    def test_hundreds_of_calls_at_once_are_all_answered(self):
        file = self.path("file")
        file.write_bytes(b"x")
        uri = self.alice.store(file)
        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(lambda _: self.api.call("/v1/load", {"uri": uri}), range(600)))
        self.assertEqual({answer["event"] for answer in answers}, {"result"})

    @unittest.skipUnless(sys.platform == "linux", "/proc")
    def test_headers_without_end_cost_no_memory(self):
        def held():
            statm = pathlib.Path(f"/proc/{self.alice.process.pid}/statm").read_text()
            return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

        before = held()
        for line in (b"A: b\r\n" * 10000, b"A" * 60000):
            with socket.create_connection(("127.0.0.1", self.api.port())) as stranger:
                with self.assertRaises(OSError):
                    stranger.sendall(b"GET / HTTP/1.1\r\n")
                    for _ in range(71 * MIB // len(line)):
                        stranger.sendall(line)
        self.assertLess(held() - before, 16 * MIB)

    def test_callers_are_answered_while_strangers_hold_what_they_can(self):
        port = self.api.port()
        strangers = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        for _ in range(100):
            strangers.append(socket.create_connection(("127.0.0.1", port)))
            strangers.pop(0).close()
            self.assertEqual(ask(self.api.local(), "GET", "/v1/status")[0], 200)
        for stranger in strangers:
            stranger.close()


class Bytes(NetworkCase):
    daemons = ("alice",)

    def setUp(self):
        super().setUp()
        self.api = Api(self.alice, self)

    def cat(self, uri):
        return self.alice.run("kp2p-cat", uri).stdout

    def test_bytes_are_stored_as_they_come(self):
        large = secrets.token_bytes(21 * MIB)
        rows = [(b"", "name=empty"), (b"x", "name=a%20b%2B%25"), (large, "name=large"),
                (large, "name=large&bare=1"), (b"\0" * (3 * MIB) + b"x", "name=sparse")]
        for content, query in rows:
            with self.subTest(query):
                status, answer = self.api.upload(content, query)
                self.assertEqual(status, 200, answer)
                self.assertEqual(answer["size"], len(content))
                self.assertEqual(answer["sha1"], hashlib.sha1(content).hexdigest())
                self.assertEqual("?manifest=" in answer["uri"], query == "name=large")
                file = self.path("file")
                file.write_bytes(content)
                self.assertEqual(self.cat(answer["uri"]), content)
                self.assertEqual(self.api.call("/v1/load", {"uri": answer["uri"]})["event"],
                                 "result")

    def test_a_long_list_is_searched_where_it_is(self):
        for name in ("one.tif", "two%20Cells.TIF", "three.dat"):
            self.api.upload(name.encode(), "name=" + name)

        def listed(query):
            connection = self.api.local()
            connection.request("GET", "/v1/files" + query)
            *files, last = map(json.loads, connection.getresponse().read().splitlines())
            connection.close()
            return sorted(file["name"] for file in files), last.get("files"), last.get("bytes")
        cells = ["one.tif", "three.dat", "two Cells.TIF"]
        self.assertEqual(listed(""), (cells, 3, 31))
        self.assertEqual(listed("?limit=0&search=.tif"), (["one.tif", "two Cells.TIF"], 2, 22))
        self.assertEqual(listed("?search=O%20cElLs"), (["two Cells.TIF"], 1, 15))
        names, files, size = listed("?limit=2")
        self.assertEqual((len(names), files, size), (2, 3, 31))
        self.assertEqual(listed("?limit=x"), ([], None, None))

    def test_bytes_in_chunks_of_no_known_number(self):
        parts = [secrets.token_bytes(size) for size in (1, 100000, 21 * MIB)]
        status, answer = self.api.upload(iter(parts), "name=parts", encode_chunked=True)
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.cat(answer["uri"]), b"".join(parts))
        self.assertIn("?manifest=", answer["uri"])

    def test_names_that_are_none_are_refused(self):
        for query in ("", "name=", "name=%", "bare=1"):
            with self.subTest(query):
                status, answer = self.api.upload(b"x", query)
                self.assertEqual((status, answer["code"]), (400, "usage"))

    def test_how_long_is_waited_has_a_limit(self):
        for wait in (10 ** 9, -1, "long"):
            with self.subTest(wait):
                answer = self.api.call("/v1/load", {"uri": f"sha1://{'7' * 40}", "wait": wait})
                self.assertEqual(answer["code"], "usage")

    def test_what_is_broken_off_leaves_nothing(self):
        connection = self.api.local()
        connection.putrequest("POST", "/v1/upload?name=half")
        connection.putheader("Content-Length", str(10 * MIB))
        connection.endheaders()
        connection.send(secrets.token_bytes(5 * MIB))
        folder = self.alice.storage_dir / "sha1"
        before = [file for file in folder.rglob("*") if file.is_file()]
        connection.close()
        self.alice.process.wait_until(
            lambda: not any(folder.glob("*.kp2p-temp")), "the half of an upload stayed")
        after = [file for file in folder.rglob("*") if file.is_file()]
        self.assertLessEqual({f for f in after}, {f for f in before})

    def test_what_the_daemon_does_not_see_as_its_client_does_is_not_stored(self):
        file, other = self.path("file"), self.path("other")
        file.write_bytes(b"x")
        other.write_bytes(b"y")
        seen = file.stat()
        good = {"path": str(file), "device": seen.st_dev, "inode": seen.st_ino}
        self.assertEqual(self.api.call("/v1/store", good)["event"], "result")
        for wrong in ({**good, "path": str(other)}, {**good, "path": str(file) + "-not-there"},
                      {**good, "device": seen.st_dev + 1}):
            with self.subTest(wrong):
                answer = self.api.call("/v1/store", wrong)
                self.assertEqual(answer["event"], "error")
                self.assertIn("does not see " + wrong["path"] + " as you do", answer["message"])


if __name__ == "__main__":
    main()

"""What tests need to speak to a daemon's API themselves."""
import http.client
import json
import socket


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def local_connection(daemon, case):
    connection = UnixConnection(daemon.config_dir / "api.sock")
    case.addCleanup(connection.close)
    return connection


def read_frames(response):
    """The bytes of an answer in frames, and the line that ends it."""
    data = bytearray()
    while length := int.from_bytes(response.read(4), "little"):
        data += response.read(length)
    return bytes(data), json.loads(response.read())

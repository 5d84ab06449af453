"""Those that bring a file or a directory from one process to another over loopback, for bench.py.

Each is used as
    with Rsync(place) as contender:
        offer = contender.offer(path)          # whatever has to be done once; not measured
        seconds = contender.fetch(offer, to)   # into `to`, which is not there before
and raises Unavailable where its program is not installed. What does not compare with a hash that the
receiver knew before has its result hashed, which counts."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from apart import DaemonApart, Namespace, Unavailable, bootstrap_apart  # noqa: E402
from network import Network, Process, sha1_of  # noqa: E402

FETCH_SECONDS = 600


def need(program):
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not path:
        raise Unavailable(f"{program} is not installed")
    return path


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def run(*arguments, **options):
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    subprocess.run([str(argument) for argument in arguments], check=True, timeout=FETCH_SECONDS,
                   stdout=subprocess.DEVNULL, **options)


def files_below(path):
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def hash_all(path):
    run("xargs", "-0", "openssl", "sha1",
        input=b"\0".join(os.fsencode(each) for each in files_below(path)))


def version(*arguments):
    done = subprocess.run([str(each) for each in arguments], capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


class Contender:
    directories = True  # whether it takes them
    least_bytes = 0     # below which its seconds do not mean the same

    def __init__(self, place):
        self.place = place
        self.processes = contextlib.ExitStack()

    def start(self, name, *arguments):
        process = Process(arguments, self.place / f"{name}.log")
        self.processes.callback(process.end)
        return process

    def listening(self, process, port):
        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        process.wait_until(answers, "it does not listen")

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.processes.close()
            raise
        return self

    def __exit__(self, *_):
        self.processes.close()

    def set_up(self):
        pass

    def offer(self, path):
        return path

    def fetch(self, offer, to):
        started = time.monotonic()
        self.bring(offer, to)
        return time.monotonic() - started


class Floor(Contender):
    """A local copy, and its hash."""
    name, how, version = "cp, openssl sha1", "", ""

    def bring(self, path, to):
        run("cp", "-r", path, to)
        hash_all(to)


class Ours(Contender):
    """Two daemons that know each other. `flags` are of the one that loads, `load_flags` of kp2p-load."""

    how = "AES-256-GCM"
    flags = load_flags = ()

    def __init__(self, place, commands):
        super().__init__(place)
        self.commands = commands

    def set_up(self):
        self.version = "kp2p " + version(self.commands / "kp2p-load", "--version").split()[-1]
        self.network = self.processes.enter_context(Network(self.commands, self.place))
        self.giver = self.network.daemon("giver")
        self.loader = self.network.idle("loader").start(flags=self.flags)
        self.meet()

    def meet(self):
        """Once they are connected a load measures loading; what connecting takes is apart."""
        small = self.network.root / "greeting"
        small.write_bytes(os.urandom(100))
        self.loader.load(self.giver.store(small, "--bare"))

    def offer(self, path):
        return self.giver.store(path)

    def fetch(self, uri, to):
        seconds = super().fetch(uri, to)
        if str(uri).startswith("sha1:"):  # else it would be many files
            self.loader.run("kp2p-gc", "--max", "0")
        return seconds

    def peaks(self):
        """The most MiB that giver and loader have had resident since forget_peaks()."""
        found = []
        for daemon in (self.giver, self.loader):
            status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            found.append(int(peak.split()[1]) / 1024)
        return found

    def forget_peaks(self):
        for daemon in (self.giver, self.loader):
            pathlib.Path(f"/proc/{daemon.process.pid}/clear_refs").write_text("5")


class Flushed(Ours):
    name = "kp2p"

    def bring(self, uri, to):
        self.loader.load(uri, *(["--dest", to, *self.load_flags] if uri.startswith("sha1dir:") else []))


class Unflushed(Flushed):
    name, flags = "kp2p --no-flush", ("--no-flush",)
    load_flags = ("--no-flush",)


class OverUdx(Unflushed):
    """In a namespace where no TCP passes between the two, as where a NAT lets only UDP through."""
    name, directories, how = "kp2p --no-flush, over UDX", False, "ChaCha20"
    giver_host, loader_host, dht_host, dht_port = "127.0.0.2", "127.0.0.3", "127.0.0.4", 5000

    def set_up(self):
        need("nft")
        self.version = ""
        namespace = Namespace()
        namespace.run("nft", "add table inet wall; add chain inet wall out { type filter hook output "
                      "priority 0; }; add rule inet wall out ip daddr != 127.0.0.1 meta l4proto tcp drop")
        self.network = self.processes.enter_context(Network(self.commands, self.place))
        self.processes.callback(
            bootstrap_apart(self.network, namespace, self.dht_host, self.dht_port).end)
        self.giver, self.loader = (DaemonApart(self.network, name, namespace)
                                   for name in ("giver", "loader"))
        for daemon, host, flags in ((self.giver, self.giver_host, ()),
                                    (self.loader, self.loader_host, self.flags)):
            daemon.start(under=daemon.under, bootstrap=[f"{self.dht_host}:{self.dht_port}"],
                         host=host, flags=flags)
            self.processes.callback(daemon.stop)
        self.meet()
        if self.loader.status()["peers"][0]["paths"][0]["path"].startswith("tcp"):
            raise Unavailable("TCP passes all the same")


class ToDestination(Unflushed):
    name, directories = "kp2p --no-flush, load --dest", False  # which all go to one

    def bring(self, uri, to):
        self.loader.load(uri, "--dest", to, *self.load_flags)


class OneByOne(Unflushed):
    """Each file of a directory by itself."""
    name = "kp2p --no-flush, load -i"
    least_bytes = 1 << 60

    def offer(self, path):
        uris = [self.giver.store(each) for each in files_below(path)]
        listed = self.network.root / f"uris-{path.name}"
        listed.write_text("\n".join(uris) + "\n")
        return listed

    def bring(self, listed, to):
        self.loader.run("kp2p-load", "-i", listed)


class Piped(Unflushed):
    """Into a pipe, at whose end it is hashed."""
    name, directories = "kp2p-cat into sha1sum", False

    def bring(self, uri, to):
        with self.loader.popen("kp2p-cat", uri, stderr=subprocess.DEVNULL) as cat:
            run("sha1sum", stdin=cat.stdout)
            if cat.wait():
                raise subprocess.CalledProcessError(cat.returncode, "kp2p-cat")


class Storing(Ours):
    """No transfer: a file is put into the storage."""
    name, how, directories = "kp2p-store --no-flush", "", False

    def set_up(self):
        self.version = ""
        self.environment = {**os.environ, "KACHERY_STORAGE_DIR": str(self.place / "storage"),
                            "KACHERY_P2P_CONFIG_DIR": str(self.place / "config")}

    def offer(self, path):
        return path

    def fetch(self, path, to):
        (self.place / "storage").mkdir()
        started = time.monotonic()
        run(self.commands / "kp2p-store", "--no-flush", path, env=self.environment)
        seconds = time.monotonic() - started
        shutil.rmtree(self.place / "storage")
        return seconds


class Rsync(Contender):
    name, how = "rsync", "in clear"

    def set_up(self):
        program = need("rsync")
        self.version = "rsync " + version(program, "--version").split()[2]
        self.port = free_port()
        config = self.place / "rsyncd.conf"
        config.write_text(f"use chroot = no\n[all]\npath = {self.place.parent}\n"
                          f"uid = {os.getuid()}\ngid = {os.getgid()}\n")
        server = self.start("rsyncd", program, "--daemon", "--no-detach", f"--port={self.port}",
                            "--address=127.0.0.1", f"--config={config}")
        self.listening(server, self.port)

    def bring(self, path, to):
        within = path.relative_to(self.place.parent)
        if path.is_dir():
            to.mkdir()
        run("rsync", "-r", f"rsync://127.0.0.1:{self.port}/all/{within}" + "/" * path.is_dir(), to)
        hash_all(to)


class Https(Contender):
    """nginx with TLS, for the clients below."""
    how = "TLS"

    def set_up(self):
        program = need("nginx")
        self.client = need(self.program)
        client = version(self.client, "--version").split()[self.version_word]
        self.version = f"{self.program} {client}, nginx " + version(program, "-v").split("/")[-1]
        self.port = free_port()
        self.certificate = self.place / "certificate.pem"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", self.place / "key.pem", "-out", self.certificate, stderr=subprocess.DEVNULL)
        user = "user root;" if os.getuid() == 0 else ""
        config = self.place / "nginx.conf"
        config.write_text(f"""
{user} daemon off; worker_processes auto; pid {self.place}/nginx.pid; error_log stderr;
events {{}}
http {{ access_log off; sendfile on; keepalive_requests 100000;
  client_body_temp_path {self.place}/t1; proxy_temp_path {self.place}/t2;
  fastcgi_temp_path {self.place}/t3; uwsgi_temp_path {self.place}/t4; scgi_temp_path {self.place}/t5;
  server {{ listen 127.0.0.1:{self.port} ssl; root {self.place.parent};
    ssl_certificate {self.certificate}; ssl_certificate_key {self.place}/key.pem; }} }}
""")
        self.listening(self.start("nginx", program, "-c", config, "-p", self.place), self.port)

    def url(self, path):
        return f"https://127.0.0.1:{self.port}/{path.relative_to(self.place.parent)}"


class Curl(Https):
    name, program, version_word = "curl, nginx", "curl", 1

    def bring(self, path, to):
        if path.is_dir():
            to.mkdir()
        lines = "".join(f'url = "{self.url(each)}"\n'
                        f'output = "{to / each.relative_to(path) if path.is_dir() else to}"\n'
                        for each in files_below(path))
        run(self.client, "-sSf", "--cacert", self.certificate, "--no-progress-meter", "--parallel",
            "--config", "-", input=lines.encode())
        hash_all(to)


class CurlPiped(Https):
    name, program, version_word = "curl into sha1sum, nginx", "curl", 1
    directories = False

    def bring(self, path, to):
        with subprocess.Popen([self.client, "-sSf", "--cacert", self.certificate, self.url(path)],
                              stdout=subprocess.PIPE) as curl:
            run("sha1sum", stdin=curl.stdout)


class Aria2(Https):
    name, program, version_word = "aria2, nginx", "aria2c", 2

    def offer(self, path):
        return path, {each: sha1_of(each) for each in files_below(path)}

    def bring(self, offer, to):
        path, hashes = offer
        folder = to if path.is_dir() else to.parent
        lines = "".join(
            f"{self.url(each)}\n checksum=sha-1={sha1}\n"
            f" out={each.relative_to(path) if path.is_dir() else to.name}\n"
            for each, sha1 in hashes.items())
        run(self.client, "-q", "--input-file=-", f"--dir={folder}", "--file-allocation=none",
            "-x4", "-s4", "-j8", f"--ca-certificate={self.certificate}", input=lines.encode())


class Libtorrent(Contender):
    name, how = "libtorrent", "in clear"
    script = HERE / "libtorrent_file.py"

    def set_up(self):
        for python in (sys.executable, "/usr/bin/python3"):
            done = subprocess.run([python, "-c", "import libtorrent; print(libtorrent.__version__)"],
                                  capture_output=True, text=True)
            if done.returncode == 0:
                self.python, self.version = python, "libtorrent " + done.stdout.strip()
                return
        raise Unavailable("python3-libtorrent is not installed")

    def offer(self, path):
        torrent = self.place / f"{path.name}.torrent"
        seed = subprocess.Popen([self.python, self.script, "seed", path, torrent],
                                stdout=subprocess.PIPE, text=True)
        self.processes.callback(seed.wait)
        self.processes.callback(seed.terminate)
        return torrent, seed.stdout.readline().strip()

    def bring(self, offer, to):
        torrent, port = offer
        to.mkdir()
        run(self.python, self.script, "fetch", torrent, to, port)


class Hyperdht(Contender):
    """From the first to the last byte; what arrives is hashed and not kept."""
    name, how, directories = "hyperdht, kept nowhere", "ChaCha20", False
    least_bytes = 1 << 20

    def set_up(self):
        need("node")
        package = HERE.parent / "interop/node_modules/hyperdht/package.json"
        if not package.exists():
            raise Unavailable("npm ci was not run in test/interop")
        self.version = "hyperdht " + json.loads(package.read_text())["version"]

    def fetch(self, path, to):
        for _ in range(3):  # connecting sometimes times out there
            done = subprocess.run(["node", HERE / "hyperdht_file.js", path], capture_output=True,
                                  text=True, timeout=FETCH_SECONDS)
            if done.returncode == 0:
                return json.loads(done.stdout)["seconds"]
        raise subprocess.CalledProcessError(done.returncode, "hyperdht_file.js", stderr=done.stderr)

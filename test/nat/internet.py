"""A small internet for tests, in one process: hosts, each in a network namespace of its own, behind
sites with NATs of every kind, 20 ms away from each other in each direction.

Each host has a TUN device whose other end is here. NATs, delays and hop counts are done in user
space, since kernels come without some of these. Needs root. Nothing of it outlives the process.

    net = Internet()
    site = net.site('port-restricted')
    host = site.host()
    host.popen(['kp2p-start-daemon', ...])
"""
import ctypes
import fcntl
import heapq
import ipaddress
import os
import random
import selectors
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import unittest

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
TCP, UDP = 6, 17
libc = ctypes.CDLL(None, use_errno=True)

ONE_WAY_SECONDS = 0.020
HOPS = 10  # from site to site; what has a smaller TTL dies between the NATs
MAPPING_SECONDS = 60
QUEUE_SECONDS = 0.1

KINDS = ('open', 'full-cone', 'address-restricted', 'port-restricted', 'random', 'sequential',
         'firewall', 'blocked')


class Unavailable(Exception):
    pass


def run_tests(programs, attempt, arguments=None):
    """The status to end with: of unittest, or 77 where `attempt`, given a folder, shows that it cannot run."""
    lacking = [name for name in programs if not shutil.which(name)]
    if os.getuid() != 0 or lacking:
        print('SKIPPED: it needs root, and ' + ', '.join(lacking or ['network namespaces']))
        return 77
    try:
        with tempfile.TemporaryDirectory() as folder:
            attempt(folder).close()
    except (Unavailable, subprocess.CalledProcessError) as error:
        print('SKIPPED: ' + str(error))
        return 77
    return 0 if unittest.main(module='__main__', argv=arguments, exit=False).result.wasSuccessful() else 1


def setns(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise Unavailable('setns: ' + os.strerror(ctypes.get_errno()))


def new_namespace():
    """A network namespace that lives as long as the returned descriptor."""
    here = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET):
            raise Unavailable('unshare: ' + os.strerror(ctypes.get_errno()))
        there = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        setns(here)
        return there
    finally:
        os.close(here)


def checksum(header):
    total = sum(struct.unpack('!%dH' % (len(header) // 2), header))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def tcp_reset(src, dst, seq):
    tcp = struct.pack('!HH4sIBBHHH', src[1], dst[1], seq, 0, 5 << 4, 4, 0, 0, 0)
    pseudo = src[0] + dst[0] + struct.pack('!HH', TCP, len(tcp))
    tcp = tcp[:16] + checksum(pseudo + tcp).to_bytes(2, 'big') + tcp[18:]
    return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), 0, 0, 64, TCP, 0, src[0], dst[0]) + tcp


class Packet:
    """An unfragmented UDP or TCP packet, taken apart and put together again."""

    def __init__(self, raw):
        self.raw = raw
        self.v6 = raw[0] >> 4 == 6
        self.ttl = raw[7] if self.v6 else raw[8]
        self.udp = (raw[6] if self.v6 else raw[9]) == UDP
        size = 40 if self.v6 else (raw[0] & 15) * 4
        self.header_bytes = size
        src, dst = (raw[8:24], raw[24:40]) if self.v6 else (raw[12:16], raw[16:20])
        self.src = (bytes(src), int.from_bytes(raw[size:size + 2], 'big'))
        self.dst = (bytes(dst), int.from_bytes(raw[size + 2:size + 4], 'big'))

    @staticmethod
    def is_one(raw):
        if len(raw) >= 48 and raw[0] >> 4 == 6:
            return raw[6] in (TCP, UDP)
        return len(raw) >= 28 and raw[0] >> 4 == 4 and raw[9] in (TCP, UDP)

    def flow(self):
        return frozenset((self.src, self.dst))

    def resets(self):
        """A reset for each end of a TCP connection that this is a packet of: the sender's first."""
        at = self.header_bytes
        seq, ack = self.raw[at + 4:at + 8], self.raw[at + 8:at + 12]
        return [Packet(tcp_reset(self.dst, self.src, ack)), Packet(tcp_reset(self.src, self.dst, seq))]

    def bytes(self):
        raw, size = bytearray(self.raw), self.header_bytes
        if self.v6:  # which nothing translates
            raw[7] = self.ttl
            return bytes(raw)
        raw[8] = self.ttl
        raw[12:16], raw[16:20] = self.src[0], self.dst[0]
        raw[10:12] = b'\0\0'
        raw[10:12] = checksum(bytes(raw[:size])).to_bytes(2, 'big')
        if not self.udp:  # which nothing translates
            return bytes(raw)
        raw[size:size + 2] = self.src[1].to_bytes(2, 'big')
        raw[size + 2:size + 4] = self.dst[1].to_bytes(2, 'big')
        raw[size + 6:size + 8] = b'\0\0'  # UDP without a checksum
        return bytes(raw)


class Nat:
    """One site's router. Mapping: one port for a socket, or one for each socket and destination.
    Filter: what may come in through a mapping."""

    def __init__(self, kind, address, seed):
        self.kind, self.address = kind, address
        self.random = random.Random(seed)
        self.out, self.back = {}, {}  # (inside[, remote]) -> port -> Mapping
        self.next_port = self.random.randrange(20000, 40000)

    def translates(self):
        return self.kind not in ('open', 'firewall', 'blocked')

    def free_port(self):
        if self.kind == 'sequential':
            self.next_port += 1
            return self.next_port
        while True:
            port = self.random.randrange(1024, 65536)
            if port not in self.back:
                return port

    def outward(self, packet, now):
        """False: dropped."""
        if self.kind == 'blocked':
            return False
        if self.kind == 'open':
            return True
        symmetric = self.kind in ('random', 'sequential')
        key = (packet.src, packet.dst) if symmetric else packet.src
        mapping = self.out.get(key)
        if mapping is None or mapping.until < now:
            if mapping:
                self.back.pop(mapping.port, None)
            mapping = Mapping(packet.src, self.free_port() if self.translates() else packet.src[1])
            self.out[key] = mapping
            self.back[mapping.port if self.translates() else packet.src] = mapping
        mapping.until = now + MAPPING_SECONDS
        mapping.known.add(packet.dst)
        mapping.known.add(packet.dst[0])
        if self.translates():
            packet.src = (self.address, mapping.port)
        return True

    def inward(self, packet, now):
        if self.kind == 'open':
            return True
        if self.kind == 'blocked':
            return False
        mapping = self.back.get(packet.dst[1] if self.translates() else packet.dst)
        if mapping is None or mapping.until < now:
            return False
        known = {'full-cone': None, 'address-restricted': packet.src[0]}.get(self.kind, packet.src)
        if known is not None and known not in mapping.known:
            return False
        packet.dst = mapping.inside
        return True


class Mapping:
    def __init__(self, inside, port):
        self.inside, self.port = inside, port
        self.known, self.until = set(), 0


class Site:
    """kind[+hairpin][+isolated][+tcp][+ipv6][+only]: its hosts reach each other at the public address;
    its hosts do not reach each other within the site; TCP passes, where nothing is translated, to and
    from sites that have this too; its hosts have public IPv6 addresses too, behind a firewall that
    lets in what answers; and only those. `proxies`: hosts from which alone it passes, if there are any. `rate`: bytes a
    second that leave it, of which QUEUE_SECONDS wait; None: any number. `mute`: nothing leaves it."""

    def __init__(self, net, number, kind):
        kind, *traits = kind.split('+')
        self.net, self.kind, self.traits = net, kind, traits
        self.address = ipaddress.ip_address('45.%d.%d.1' % (number >> 8, number & 255)).packed
        self.nat = Nat(kind, self.address, net.seed + number)
        self.firewall6 = Nat('firewall' if 'ipv6' in traits else 'blocked', self.address, net.seed)
        self.inside = ipaddress.ip_network('10.%d.%d.0/24' % (number >> 8, number & 255))
        self.inside6 = ipaddress.ip_network('2a45:0:%x::/64' % number)
        self.hosts, self.proxies, self.given = {}, set(), 0
        self.rate, self.free_at, self.mute = None, 0.0, False
        self.flows, self.cut, self.cut_resets = set(), set(), False  # of TCP

    def free_address(self):
        self.given += 1
        if self.nat.translates():
            return self.inside[1 + self.given]
        return ipaddress.ip_address(self.address) + self.given - 1

    def host(self):
        """A computer: with a private address behind a NAT that translates, else a public one."""
        addresses = [self.free_address()]
        if 'ipv6' in self.traits:
            addresses.append(self.inside6[self.given])
        if 'only' in self.traits:
            del addresses[0]
        host = Host(self, [str(address) for address in addresses])
        for address in addresses:
            self.hosts[address.packed] = host
        self.net.add(host)
        return host

    def filter(self, packet):
        return self.firewall6 if packet.v6 else self.nat

    def take(self, host):
        """A host of another site, which has another address from now on."""
        address = self.free_address()
        del host.site.hosts[host.packed()]
        if not host.site.nat.translates():
            del self.net.by_address[host.packed()]
        host.readdress(self, str(address))
        self.hosts[address.packed] = host
        if not self.nat.translates():
            self.net.by_address[address.packed] = self

    def forget(self):
        """Its NAT forgets whom its hosts talk to, and gives them other ports."""
        self.nat.out, self.nat.back = {}, {}

    def cut_tcp(self, resets):
        """Nothing passes of the connections that there are, without a word or with resets."""
        self.cut, self.cut_resets = set(self.flows), resets

    def passes_tcp(self, inside):
        return 'tcp' in self.traits and (not self.proxies or inside in self.proxies)

    def move(self):
        """Its router, which translates, gets another public address, and has forgotten all."""
        old = self.address
        address = bytes([old[0] + 1]) + old[1:]
        self.nat = Nat(self.kind, address, self.net.seed + len(self.net.sites))
        self.address = address
        self.net.by_address[address] = self
        del self.net.by_address[old]

    def from_host(self, packet, now):
        packet.ttl -= 1
        if packet.dst[0] in self.hosts:  # on the LAN
            if 'isolated' not in self.traits:
                self.hosts[packet.dst[0]].write(packet)
            return
        filtered = self.filter(packet)
        if not (filtered.outward(packet, now) if packet.udp else self.passes_tcp(packet.src[0])):
            return
        if packet.dst[0] == self.address and self.nat.translates():
            if 'hairpin' in self.traits:
                self.net.later(now, self, packet)
            return
        if self.mute or not self.net.takes(packet):
            return
        if not packet.udp and self.is_cut(packet):
            return
        left = self.leaves_at(packet, now)
        if packet.ttl > HOPS and left is not None:
            packet.ttl -= HOPS
            self.net.later(left + ONE_WAY_SECONDS, self.net.site_of(packet.dst[0]), packet)

    def is_cut(self, packet):
        self.flows.add(packet.flow())
        if packet.flow() not in self.cut:
            return False
        if self.cut_resets:
            back, onward = packet.resets()
            self.hosts[packet.src[0]].write(back)
            site = self.net.site_of(packet.dst[0])
            if site and packet.dst[0] in site.hosts:
                site.hosts[packet.dst[0]].write(onward)
        return True

    def leaves_at(self, packet, now):
        """None: dropped."""
        if self.rate is None:
            return now
        if self.free_at - now > QUEUE_SECONDS:
            return None
        self.free_at = max(self.free_at, now) + len(packet.raw) / self.rate
        return self.free_at

    def arrive(self, packet, now):
        if not packet.udp and packet.flow() in self.cut:
            return
        filtered = self.filter(packet)
        passes = filtered.inward(packet, now) if packet.udp else self.passes_tcp(packet.dst[0])
        if passes and packet.dst[0] in self.hosts:
            self.hosts[packet.dst[0]].write(packet)


class Computer:
    """A network namespace, and programs in it."""

    def __init__(self):
        self.namespace = new_namespace()

    def ip(self, commands, **options):
        self.run(['ip', '-batch', '-'], input='\n'.join(commands), text=True, check=True, **options)

    def popen(self, command, **options):
        namespace = self.namespace
        return subprocess.Popen(['nsenter', '--net=/proc/self/fd/%d' % namespace] + command,
                                pass_fds=[namespace], **options)

    def run(self, command, **options):
        namespace = self.namespace
        return subprocess.run(['nsenter', '--net=/proc/self/fd/%d' % namespace] + command,
                              pass_fds=[namespace], **options)


def open_tun(namespace, device):
    here = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
    try:
        setns(namespace)
        tun = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', device.encode(), IFF_TUN | IFF_NO_PI))
        return tun
    except OSError as error:
        raise Unavailable('/dev/net/tun: ' + str(error))
    finally:
        setns(here)
        os.close(here)


class Host(Computer):
    def __init__(self, site, addresses, device='net0'):
        super().__init__()
        self.site, self.addresses, self.device = site, addresses, device
        self.sent = 0
        self.tun = open_tun(self.namespace, device)
        self.ip(['link set lo up', 'link set %s up txqueuelen 10000' % device] + self.address_lines())

    def address_lines(self):
        lines = []
        for address in map(ipaddress.ip_address, self.addresses):
            family = 'inet6' if address.version == 6 else 'inet'
            lines.append('address add %s/%d dev %s%s' % (address, address.max_prefixlen, self.device,
                                                        ' nodad' if family == 'inet6' else ''))
            lines.append('route add %s dev %s src %s' %
                         ('::/0' if family == 'inet6' else 'default', self.device, address))
        return lines

    def readdress(self, site, address):
        self.ip(['address flush dev %s' % self.device])
        self.site, self.addresses = site, [address]
        self.ip(self.address_lines())

    def unplug(self):
        self.ip(['link set %s down' % self.device, 'address flush dev %s' % self.device])

    def plug(self):
        self.ip(['link set %s up' % self.device] + self.address_lines())

    def packed(self):
        return ipaddress.ip_address(self.address).packed

    @property
    def address(self):
        return self.addresses[0]

    def sends(self, packet, now):
        self.site.from_host(packet, now)

    def write(self, packet):
        try:
            os.write(self.tun, packet.bytes())
        except OSError:
            pass  # lost


class Vpn(Host):
    """A tunnel device of a host, through which all that it sends leaves from another site; but not
    what it sends from another address."""

    def __init__(self, host, site):  # pylint: disable=super-init-not-called
        self.namespace, self.site, self.device, self.sent = host.namespace, site, 'vpn0', 0
        self.addresses = [str(site.free_address())]
        site.hosts[self.packed()] = self
        self.tun = open_tun(self.namespace, self.device)
        self.ip(['link set vpn0 up mtu 1420 txqueuelen 10000', 'address add %s/32 dev vpn0' % self.address] +
                ['route add %s dev vpn0 src %s' % (half, self.address) for half in ('0.0.0.0/1', '128.0.0.0/1')])
        site.net.add(self)

    def sends(self, packet, now):
        if packet.src[0] == self.packed():
            super().sends(packet, now)

    def close(self):
        """The device goes."""
        self.site.net.forget(self)
        os.close(self.tun)


class Internet:
    def __init__(self, seed=1):
        self.seed = seed
        self.sites, self.by_address, self.by_tun = [], {}, {}
        self.selector = selectors.DefaultSelector()
        self.queue, self.count = [], 0
        self.stopping = False
        self.largest = None  # of the packets that come through from site to site
        self.trace = None  # a list: gets (time, sent from inside, to, ttl, bytes)
        threading.Thread(target=self._run, daemon=True).start()

    def site(self, kind):
        site = Site(self, len(self.sites) + 1, kind)
        self.sites.append(site)
        self.by_address[site.address] = site
        return site

    def site_of(self, address):
        return self.by_address.get(address)

    def add(self, host):
        for address in map(ipaddress.ip_address, host.addresses):
            if address.version == 6 or not host.site.nat.translates():
                self.by_address[address.packed] = host.site
        self.attach(host)

    def attach(self, host):
        self.by_tun[host.tun] = host
        self.selector.register(host.tun, selectors.EVENT_READ, host)

    def forget(self, host):
        self.selector.unregister(host.tun)
        del self.by_tun[host.tun]

    def takes(self, packet):
        return self.largest is None or len(packet.raw) <= self.largest

    def later(self, when, site, packet):
        self.count += 1
        heapq.heappush(self.queue, (when, self.count, site, packet))

    def close(self):
        self.stopping = True

    def _run(self):
        while not self.stopping:
            now = time.monotonic()
            while self.queue and self.queue[0][0] <= now:
                _, _, site, packet = heapq.heappop(self.queue)
                if site:
                    site.arrive(packet, now)
            wait = min(0.05, max(0.0, self.queue[0][0] - now)) if self.queue else 0.05
            for key, _ in self.selector.select(wait):
                self._read(key.data)

    def _read(self, host):
        for _ in range(64):
            try:
                raw = os.read(host.tun, 65536)
            except OSError:
                return
            if not Packet.is_one(raw):
                continue
            packet, now = Packet(raw), time.monotonic()
            host.sent += 1
            if self.trace is not None:
                self.trace.append((now, packet.src, packet.dst, packet.ttl, len(raw) - 28))
            host.sends(packet, now)

"""A NAT64 for a router that is a network namespace: what it forwards to 64:ff9b::/96 leaves for IPv4 from
one address, and back (RFC 6146; of UDP and TCP, and from anywhere once there is a port)."""
import ipaddress
import os
import select
import struct
import threading

from internet import TCP, UDP, checksum, open_tun

PREFIX = ipaddress.ip_address('64:ff9b::').packed[:12]
CHECKSUM_AT = {TCP: 16, UDP: 6}
FIRST_PORT = 20000


def with_checksum(protocol, src, dst, segment):
    at = CHECKSUM_AT[protocol]
    segment = segment[:at] + b'\0\0' + segment[at + 2:]
    size = struct.pack('!HH' if len(src) == 4 else '!II', *((protocol, len(segment)) if len(src) == 4
                                                           else (len(segment), protocol)))
    total = checksum(src + dst + size + segment + b'\0' * (len(segment) % 2))
    return segment[:at] + (total or 0xffff).to_bytes(2, 'big') + segment[at + 2:]


def packet4(protocol, ttl, src, dst, segment):
    header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(segment), 0, 0x4000, ttl, protocol, 0, src, dst)
    header = header[:10] + checksum(header).to_bytes(2, 'big') + header[12:]
    return header + with_checksum(protocol, src, dst, segment)


def packet6(protocol, ttl, src, dst, segment):
    return struct.pack('!IHBB16s16s', 6 << 28, len(segment), protocol, ttl, src, dst) + with_checksum(
        protocol, src, dst, segment)


class Nat64:
    def __init__(self, router, address):
        self.address = ipaddress.ip_address(address).packed
        self.ports, self.inside = {}, {}
        self.tun = open_tun(router.fd, 'nat64')
        router.run('ip', 'link', 'set', 'nat64', 'up')
        router.run('ip', 'route', 'add', '64:ff9b::/96', 'dev', 'nat64')
        router.run('ip', 'route', 'add', address, 'dev', 'nat64')
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            select.select([self.tun], [], [])
            try:
                raw = os.read(self.tun, 65536)
                to = self.outward(raw) if raw[0] >> 4 == 6 else self.back(raw)
                if to:
                    os.write(self.tun, to)
            except BlockingIOError:
                pass
            except OSError:
                return  # closed, as its router is gone

    def outward(self, raw):
        protocol, ttl, src, dst, segment = raw[6], raw[7], raw[8:24], raw[24:40], raw[40:]
        if protocol not in CHECKSUM_AT or dst[:12] != PREFIX:
            return None
        inside = protocol, src, segment[:2]
        port = self.ports.setdefault(inside, FIRST_PORT + len(self.ports))
        self.inside[protocol, port] = inside
        return packet4(protocol, ttl, self.address, dst[12:], port.to_bytes(2, 'big') + segment[2:])

    def back(self, raw):
        protocol, ttl, src, segment = raw[9], raw[8], raw[12:16], raw[20:]
        inside = self.inside.get((protocol, int.from_bytes(segment[2:4], 'big')))
        if not inside:
            return None
        return packet6(protocol, ttl, PREFIX + src, inside[1], segment[:2] + inside[2] + segment[4:])

#!/usr/bin/python3
"""awkward.py [-k NAME]: daemons in networks that are wrong in some way. Each host is a network namespace, with
a cable to one that routes between all of them. Needs root, ip and nft.

    KP2P_COMMANDS=build/cmd python3 test/nat/awkward.py

77 where it cannot run.
"""
import os
import subprocess
import sys
import tempfile
import time
import unittest

from internet import run_tests
from mapping import Namespace, Node, command, join
from matrix import wait_for_line

FILE_BYTES = 8 << 20
VALID_KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'  # of RFC 8032; nobody's
SOON_SECONDS = 3
FOUND_SECONDS = 9  # of two that start at once: they look each other up again after five
# Nobody is told of packets that are too large for the next cable.
SILENCE = '''
table inet silence {
    chain out { type filter hook output priority 0; meta l4proto icmp drop; }
}
'''
NOTHING_LEAVES = '''
table inet closed {
    chain out { type filter hook output priority 0; oifname != "lo" drop; }
}
'''
ONLY_UDP = 'meta l4proto tcp drop'
ONLY_IPV6 = 'ip saddr 45.7.1.2 ip daddr 45.7.2.2 drop; ip saddr 45.7.2.2 ip daddr 45.7.1.2 drop'
ONLY_TCP = 'meta l4proto udp ip saddr 45.7.1.2 ip daddr 45.7.2.2 drop; %s' % (
    'meta l4proto udp ip saddr 45.7.2.2 ip daddr 45.7.1.2 drop')


class Routed:
    """A router, and hosts at 45.7.N.2 on its cables."""

    def __init__(self, folder):
        self.folder, self.router, self.hosts, self.processes = folder, Namespace(), [], []
        self.router.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
        self.rule(self.router, SILENCE)
        host = self.host()
        self.first = host.address + ':49737'
        node = host.popen(command('kp2p-bootstrap'), '--host', host.address, '--port', 49737,
                          stderr=subprocess.PIPE, text=True)
        self.processes.append(node)
        wait_for_line(node.stderr, 'ready')

    @staticmethod
    def rule(place, rules):
        place.run('nft', '-f', '-', input=rules, text=True)

    def host(self, packet_bytes=1500):
        """The router sends it no packets that are larger."""
        host, number = Namespace(), len(self.hosts)
        self.hosts.append(host)
        host.cable, host.address = 'lan%d' % number, '45.7.%d.2' % number
        join(self.router, host.cable, host, 'eth0')
        self.router.run('ip', 'address', 'add', '45.7.%d.1/24' % number, 'dev', host.cable)
        self.router.run('ip', 'route', 'add', host.address, 'dev', host.cable, 'mtu', 'lock', packet_bytes)
        host.run('ip', 'address', 'add', host.address + '/24', 'dev', 'eth0')
        host.run('ip', 'route', 'add', 'default', 'via', '45.7.%d.1' % number)
        return host

    def host_with_ipv6(self):
        host = self.host()
        network = '2a45:7:%d::' % (len(self.hosts) - 1)
        self.router.run('ip', 'address', 'add', network + '1/64', 'dev', host.cable, 'nodad')
        host.run('ip', 'address', 'add', network + '2/64', 'dev', 'eth0', 'nodad')
        host.run('ip', 'route', 'add', 'default', 'via', network + '1')
        return host

    def between(self, rule):
        """What the router drops."""
        self.rule(self.router, 'table inet between {\nchain through { type filter hook forward priority 0; '
                  '%s; }\n}\n' % rule)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stderr.close()


class Awkward(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = Routed(folder.name)
        self.addCleanup(self.world.close)

    def node(self, place, name):
        node = Node(self.world, place, name, '--no-port-mapping')
        self.addCleanup(node.stop)
        return node

    def share(self, *hosts, rule='accept'):
        """Both ways."""
        self.world.between(rule)
        nodes = [self.node(host, 'node%d' % number) for number, host in enumerate(hosts)]
        began = time.monotonic()
        for node in nodes:
            node.until(lambda status: status['connections'] == 1)
        self.assertLess(time.monotonic() - began, FOUND_SECONDS, nodes[0].words() + nodes[1].words())
        for giver, loader in (nodes, reversed(nodes)):
            path = giver.folder + '/given'
            with open(path, 'wb') as file:
                file.write(os.urandom(FILE_BYTES))
            uri = giver.run('kp2p-store', path).stdout.strip()
            began = time.monotonic()
            loaded = loader.run('kp2p-load', uri)
            seconds = time.monotonic() - began
            self.assertEqual(loaded.returncode, 0, loaded.stderr + loader.words())
            print('%s: %.2f s' % (self.id(), seconds), flush=True)
            self.assertLess(seconds, SOON_SECONDS, loader.words())

    def test_a_way_that_takes_only_the_packets_of_ipv6(self):
        self.share(self.world.host(1280), self.world.host(1280))

    def test_a_way_that_takes_only_small_packets(self):
        self.share(self.world.host(1000), self.world.host(1000), rule=ONLY_UDP)

    def test_two_that_anybody_reaches_but_no_udp_passes_between(self):
        self.share(self.world.host(), self.world.host(), rule=ONLY_TCP)

    def test_two_that_anybody_reaches_but_only_ipv6_passes_between(self):
        self.share(self.world.host_with_ipv6(), self.world.host_with_ipv6(), rule=ONLY_IPV6)

    def assert_said(self, node, code, words):
        end = time.monotonic() + 30
        while words not in node.run('kp2p-doctor').stdout:
            self.assertLess(time.monotonic(), end, node.run('kp2p-doctor').stdout)
        found = node.run('kp2p-find', 'sha1://' + 40 * '1')
        self.assertEqual(found.returncode, 4)
        self.assertIn(words, found.stderr.splitlines()[0])
        node.wait_for_words('[network %s]' % code)
        tried = node.run('kp2p-doctor', VALID_KEY)
        self.assertIn('no DHT node answers', tried.stdout)

    def test_a_firewall_of_the_computer_itself_is_named(self):
        host = self.world.host()
        self.world.rule(host, NOTHING_LEAVES)
        self.assert_said(self.node(host, 'shut'), 'not_let_out', 'lets nothing out')

    def test_that_there_is_no_route_is_said(self):
        host = self.world.host()
        host.run('ip', 'route', 'delete', 'default')
        self.assert_said(self.node(host, 'lost'), 'no_route', 'has no way to the Internet')

    def test_that_there_is_no_network_is_said_until_there_is(self):
        host = self.world.host()
        other = self.node(self.world.host(), 'other')
        host.run('ip', 'link', 'set', 'eth0', 'down')
        node = self.node(host, 'early')
        self.assert_said(node, 'no_network', 'connected to no network')
        host.run('ip', 'link', 'set', 'eth0', 'up')
        host.run('ip', 'route', 'add', 'default', 'via', host.address[:-1] + '1')
        began = time.monotonic()
        node.until(lambda status: status['connections'] == 1)
        self.assertLess(time.monotonic() - began, SOON_SECONDS, other.words())


if __name__ == '__main__':
    sys.exit(run_tests(('ip', 'nft', 'nsenter'), Routed))

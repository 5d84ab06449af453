#!/usr/bin/python3
"""awkward.py [-k NAME]: daemons in networks that are wrong in some way. Each host is a network namespace, with
a cable to one that routes between all of them. Needs root, ip and nft.

    KP2P_COMMANDS=build/cmd python3 test/nat/awkward.py

77 where it cannot run.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from internet import run_tests
from mapping import Namespace, Node, command, join
from matrix import wait_for_line
from nat64 import Nat64

FILE_BYTES = 8 << 20
VALID_KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'  # of RFC 8032; nobody's
SOON_SECONDS = 3
GIVEN_UP_SECONDS = 40
HEALED_SECONDS = 4  # one of them for the MiB that shows it
LEFT_SECONDS = 8  # until what leads nowhere is left, and after
FREED_SECONDS = 15  # names are asked about again after five, of nodes that are asked after five
FOUND_SECONDS = 9  # of two that start at once: they look each other up again after five
WHAT_COMES_FROM_OUTSIDE = '''
table inet closed {
    chain in { type filter hook input priority 0; iifname "lo" accept; ct state established,related accept; drop; }
}
'''
HOME = '''
table inet home {
    chain in { type filter hook input priority 0; iifname "eth0" ct state new drop; }
    chain through { type filter hook forward priority 0; iifname "eth0" ct state new drop; }
    chain out { type nat hook postrouting priority 100; oifname "eth0" masquerade; }
}
'''
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
LITTLE_TCP = 'meta l4proto tcp limit rate over 125 kbytes/second burst 30 kbytes drop'
ONLY_UDP = 'meta l4proto tcp drop'
# One packet in 50 of those that are large, with a checksum that is right for what it has become.
UDP_ALTERED = ONLY_UDP + '; udp length > 600 numgen random mod 50 == 0 @th,2400,32 set 0x12345678'
NOWHERE = '45.7.200.1', '45.7.200.2', '45.7.200.3'
ONLY_IPV6 = 'ip saddr 45.7.1.2 ip daddr 45.7.2.2 drop; ip saddr 45.7.2.2 ip daddr 45.7.1.2 drop'
ONLY_TCP = 'meta l4proto udp ip saddr 45.7.1.2 ip daddr 45.7.2.2 drop; %s' % (
    'meta l4proto udp ip saddr 45.7.2.2 ip daddr 45.7.1.2 drop')


class Elsewhere:
    """A host with a hosts file of its own, or another one."""

    def __init__(self, host, names, instead_of='/etc/hosts'):
        self.host, self.fd, self.names, self.instead_of = host, host.fd, names, instead_of

    def command(self, arguments):
        return ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" %s && exec "$@"' % self.instead_of, self.names,
                *self.host.command(arguments)]

    def popen(self, *arguments, **options):
        return subprocess.Popen(self.command(arguments), pass_fds=[self.fd], **options)


class NameServer:
    """Says of each name that it is this address; nothing while that is None."""

    def __init__(self, place, address):
        self.address = None
        self.socket = place.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind((address, 53))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            asked, who = self.socket.recvfrom(1500)
            if not self.address:
                continue
            question = asked[12:asked.index(b'\0', 12) + 5]
            wants_ipv4 = question[-4:] == struct.pack('!HH', 1, 1)
            answer = b'\xc0\x0c' + struct.pack('!HHIH', 1, 1, 1, 4) + socket.inet_aton(self.address)
            head = asked[:2] + struct.pack('!HHHHH', 0x8180, 1, wants_ipv4, 0, 0)
            self.socket.sendto(head + question + wants_ipv4 * answer, who)


class Routed:
    """A router, and hosts at 45.7.N.2 on its cables."""

    def __init__(self, folder):
        self.folder, self.router, self.processes = folder, Namespace(), []
        self.hosts, self.homes = [], []
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

    def host_with_ipv6_alone(self):
        """In a network with NAT64, whose name servers show it."""
        host = self.host_with_ipv6()
        host.run('ip', 'address', 'delete', host.address + '/24', 'dev', 'eth0')
        Nat64(self.router, '45.7.250.1')
        names = self.folder + '/names'
        with open(names, 'w') as file:
            file.write('64:ff9b::192.0.0.170 ipv4only.arpa\n')
        return Elsewhere(host, names)

    def home(self, hosts, bridges=0):
        """Hosts that share a NAT, which lets in what they have asked for; each has bridges that lead nowhere."""
        router = self.host()
        self.homes.append(router)
        router.run('ip', 'link', 'add', 'lan', 'type', 'bridge')
        router.run('ip', 'link', 'set', 'lan', 'up')
        router.run('ip', 'address', 'add', '192.168.1.1/24', 'dev', 'lan')
        router.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
        self.rule(router, HOME)
        made = []
        for number in range(hosts):
            host = Namespace()
            for bridge in range(bridges):
                name = 'bridge%d' % bridge
                host.run('ip', 'link', 'add', name, 'type', 'bridge')
                host.run('ip', 'link', 'set', name, 'up')
                host.run('ip', 'address', 'add', '10.%d.%d.1/24' % (number, bridge), 'dev', name)
            join(router, 'to%d' % number, host, 'eth0')
            router.run('ip', 'link', 'set', 'to%d' % number, 'master', 'lan')
            host.run('ip', 'address', 'add', '192.168.1.%d/24' % (10 + number), 'dev', 'eth0')
            host.run('ip', 'route', 'add', 'default', 'via', '192.168.1.1')
            made.append(host)
        return made

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

    def node(self, place, name, *flags):
        node = Node(self.world, place, name, '--no-port-mapping', *flags)
        self.addCleanup(node.stop)
        return node

    def given(self, giver):
        """The URI of a file that it has."""
        path = giver.folder + '/given'
        with open(path, 'wb') as file:
            file.write(os.urandom(FILE_BYTES))
        return giver.run('kp2p-store', path).stdout.strip()

    def share(self, *hosts, rule='accept', seconds=SOON_SECONDS):
        """Both ways."""
        self.world.between(rule)
        nodes = [self.node(host, 'node%d' % number) for number, host in enumerate(hosts)]
        began = time.monotonic()
        for node in nodes:
            node.until(lambda status: status['connections'] == 1)
        self.assertLess(time.monotonic() - began, FOUND_SECONDS, nodes[0].words() + nodes[1].words())
        for giver, loader in (nodes, reversed(nodes)):
            uri = self.given(giver)
            began = time.monotonic()
            loaded = loader.run('kp2p-load', uri)
            taken = time.monotonic() - began
            self.assertEqual(loaded.returncode, 0, loaded.stderr + loader.words())
            print('%s: %.2f s' % (self.id(), taken), flush=True)
            self.assertLess(taken, seconds, loader.words())
        return nodes

    def test_a_way_that_takes_only_the_packets_of_ipv6(self):
        self.share(self.world.host(1280), self.world.host(1280))

    def test_a_way_that_takes_only_small_packets(self):
        self.share(self.world.host(1000), self.world.host(1000), rule=ONLY_UDP)

    def test_two_that_anybody_reaches_but_no_udp_passes_between(self):
        self.share(self.world.host(), self.world.host(), rule=ONLY_TCP)

    def test_two_that_anybody_reaches_but_only_ipv6_passes_between(self):
        self.share(self.world.host_with_ipv6(), self.world.host_with_ipv6(), rule=ONLY_IPV6)

    def test_one_that_has_ipv6_alone_and_reaches_ipv4_by_nat64(self):
        self.share(self.world.host(), self.world.host_with_ipv6_alone())

    def test_firewalls_of_both_computers_in_a_network_of_one_dht_node(self):
        hosts = self.world.host(), self.world.host()
        for host in hosts:
            self.world.rule(host, WHAT_COMES_FROM_OUTSIDE)
        self.share(*hosts)

    def test_a_way_that_lets_little_tcp_through(self):
        """Its load goes on over UDP."""
        self.share(self.world.host(), self.world.host(), rule=LITTLE_TCP, seconds=LEFT_SECONDS)

    def test_a_way_that_alters_what_it_carries(self):
        """Nothing comes of it, which is said."""
        hosts = self.world.host(), self.world.host()
        for host in hosts:
            host.run('ip', 'link', 'set', 'eth0', 'gso_max_segs', '1')  # each packet is seen by itself
        self.world.between(UDP_ALTERED)
        giver, loader = [self.node(host, 'node%d' % number) for number, host in enumerate(hosts)]
        for node in (giver, loader):
            node.until(lambda status: status['connections'] == 1)
        uri = self.given(giver)
        began = time.monotonic()
        loaded = loader.run('kp2p-load', uri)
        print('%s: %.2f s' % (self.id(), time.monotonic() - began), flush=True)
        self.assertLess(time.monotonic() - began, GIVEN_UP_SECONDS, loader.words())
        self.assertEqual(loaded.returncode, 1, loader.words())
        self.assertIn('arrives altered', loaded.stderr)

    def test_two_of_one_home_that_have_many_bridges_for_containers(self):
        nodes = self.share(*self.world.home(2, bridges=20))
        paths = [peer['paths'][0]['path'] for peer in nodes[0].status()['peers']]
        self.assertRegex(paths[0], r'^tcp 192\.168\.1\.')

    def test_that_two_at_home_are_kept_apart_is_said(self):
        """As a Wi-Fi for guests does it."""
        hosts = self.world.home(2)
        for number in range(2):
            self.world.homes[0].run('bridge', 'link', 'set', 'dev', 'to%d' % number, 'isolated', 'on')
        nodes = [self.node(host, 'node%d' % number) for number, host in enumerate(hosts)]
        tried = nodes[0].run('kp2p-doctor', nodes[1].until(lambda status: True)['node'])
        words = ' '.join(tried.stdout.split())
        self.assertIn('does not answer at 192.168.1.11:49737', words)
        self.assertIn('client isolation', words)
        self.assertNotIn('is rejected', words)

    def test_two_that_have_the_same_address_at_home(self):
        self.share(*self.world.home(1), *self.world.home(1))

    def test_a_load_whose_computer_gets_another_address(self):
        """As DHCP may give, or as is left when a VPN goes; on the same cable."""
        giver, loader = self.world.host(), self.world.host()
        self.world.router.run('ip', 'route', 'add', '45.7.2.7', 'dev', loader.cable)
        nodes = self.node(giver, 'giver'), self.node(loader, 'loader')
        for node in nodes:
            node.until(lambda status: status['connections'] == 1)
            node.until(lambda status: status['peers'][0]['paths'][0]['path'].startswith('tcp '))
        nodes[0].run('kp2p-limit', '--up', '2M')
        uri = self.given(nodes[0])
        load = loader.popen(command('kp2p-load'), '--quiet', uri, env=nodes[1].environment,
                            stdout=subprocess.DEVNULL)
        nodes[1].until(lambda status: status['received_bytes'] > 2 << 20)
        loader.run('ip', 'address', 'add', '45.7.2.7/24', 'dev', 'eth0')
        loader.run('ip', 'address', 'delete', loader.address + '/24', 'dev', 'eth0')
        loader.run('ip', 'address', 'replace', '45.7.2.7/24', 'dev', 'eth0')
        loader.run('ip', 'route', 'replace', 'default', 'via', loader.address[:-1] + '1')
        self.assert_goes_on(load, nodes[1], HEALED_SECONDS)

    def relay(self, place):
        """The URL of a kp2p-relay there."""
        relay = place.popen(command('kp2p-relay'), '--listen', place.address + ':443', '--token-file',
                            self.world.folder + '/token', stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.world.processes.append(relay)
        url = wait_for_line(relay.stdout, '#').strip()
        relay.stdout.close()
        return url

    def test_a_relay_of_whose_addresses_some_lead_nowhere(self):
        host, outside = self.world.host(), self.world.host()
        self.world.between('meta l4proto udp ip saddr %s drop' % host.address)
        url = self.relay(outside).replace(outside.address, 'relay.test')
        names = self.world.folder + '/hosts'
        with open(names, 'w') as file:
            file.write(''.join(address + ' relay.test\n' for address in (*NOWHERE, outside.address)))
        began = time.monotonic()
        node = self.node(Elsewhere(host, names), 'node', '--relay-url', url)
        node.until(lambda status: status['tunnel'])
        node.wait_for_words('info tunnel: ')
        print('%s: %.2f s' % (self.id(), time.monotonic() - began), flush=True)
        self.assertLess(time.monotonic() - began, SOON_SECONDS, node.words())

    def test_where_nothing_answers_no_relay_that_a_member_has_named_is_said_to_be_why(self):
        host, kept = self.world.host(), self.world.folder + '/node/config'
        os.makedirs(kept, mode=0o700)
        with open(kept + '/relays', 'w') as file:
            file.write(self.relay(self.world.host()) + '\n')
        self.world.between('ip saddr %s drop' % host.address)
        node = self.node(host, 'node')
        node.wait_for_words('no TCP to ')
        found = node.run('kp2p-find', 'sha1://' + 40 * '1').stderr.splitlines()
        self.assertIn('no DHT node has answered yet', found[0])
        self.assertIn('this computer is offline', found[1])

    def with_name_server(self):
        """A host, whose names are of one, and so is that of the DHT node from now on."""
        host, address = self.world.host(), self.world.first.split(':')[0]
        gateway = host.address[:-1] + '1'
        server, self.world.first = NameServer(self.world.router, gateway), 'dht.test:49737'
        with open(self.world.folder + '/resolv.conf', 'w') as file:
            file.write('nameserver %s\n' % gateway)
        return Elsewhere(host, file.name, '/etc/resolv.conf'), server, address

    def test_names_that_stand_for_others_at_first_as_in_a_captive_portal(self):
        other = self.node(self.world.host(), 'other')
        host, names, address = self.with_name_server()
        names.address = NOWHERE[0]
        node = self.node(host, 'node')
        node.wait_for_words('no DHT node has answered yet')
        names.address = '127.0.0.1'
        end = time.monotonic() + 30
        while 'keep names from being used' not in node.run('kp2p-doctor').stdout:
            self.assertLess(time.monotonic(), end, node.run('kp2p-doctor').stdout)
        names.address = address
        began = time.monotonic()
        node.until(lambda status: status['connections'] == 1)
        print('%s: %.2f s' % (self.id(), time.monotonic() - began), flush=True)
        self.assertLess(time.monotonic() - began, FREED_SECONDS, other.words())

    def test_a_restart_where_no_name_server_answers(self):
        """It knows DHT nodes, though few, and waits for nobody else."""
        other = self.node(self.world.host(), 'other')
        host, names, names.address = self.with_name_server()
        node = self.node(host, 'node')
        node.until(lambda status: status['connections'] == 1)
        node.stop()
        names.address = None
        began = time.monotonic()
        node = self.node(host, 'node')
        node.until(lambda status: status['connections'] == 1)
        print('%s: %.2f s' % (self.id(), time.monotonic() - began), flush=True)
        self.assertLess(time.monotonic() - began, SOON_SECONDS, other.words() + node.words())

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

    def test_that_a_firewall_rejects_is_said(self):
        host = self.world.host()
        self.world.router.run('nft', 'delete', 'table', 'inet', 'silence')
        self.world.between('meta l4proto udp ip saddr %s reject with icmpx admin-prohibited' % host.address)
        self.assert_said(self.node(host, 'rejected'), 'rejected', 'sent to them is rejected')

    def kept_apart(self, rule, place=None):
        """A loader, and a giver to which it sends nothing: the router or `place` has this rule for what does."""
        loaders, givers = self.world.host(), self.world.host()
        ways = 'ip saddr %s ip daddr %s ' % (loaders.address, givers.address)
        back = 'ip saddr %s ip daddr %s drop' % (givers.address, loaders.address)
        self.world.router.run('nft', 'delete', 'table', 'inet', 'silence')
        if place == 'loader':
            self.world.rule(loaders, NOTHING_LEAVES.replace('oifname != "lo" drop', ways + rule))
            self.world.between(back)
        else:
            self.world.between(ways + rule + '; ' + back)
        giver = self.node(givers, 'giver')
        giver.until(lambda status: status['relay']['serves'])  # it knows that it is open
        return self.node(loaders, 'loader'), giver

    def assert_said_of_a_member(self, pair, code, words):
        """In the log, by a command and by the doctor; others answer."""
        loader, giver = pair
        loader.wait_for_words('[reach %s]' % code)
        found = loader.run('kp2p-find', '--json', 'sha1://' + 40 * '1')
        self.assertEqual(found.returncode, 4)
        findings = json.loads(found.stdout.splitlines()[-1])['findings']
        said = [finding for finding in findings if finding['code'] == code]
        self.assertEqual(len(said), 1, findings)
        self.assertIn(giver.place.address + ':49737' + words, said[0]['message'])
        self.assertIn('firewall', said[0]['advice'])
        self.assertIn(words, ' '.join(loader.run('kp2p-doctor').stdout.split()))

    def test_who_rejects_what_is_sent_to_a_member_is_said(self):
        # What tells of few of the packets tells of those that ask.
        self.world.router.run('sysctl', '-qw', 'net.ipv4.icmp_ratelimit=2000')
        pair = self.kept_apart('reject with icmpx admin-prohibited')
        router = pair[0].place.address[:-1] + '1'
        self.assert_said_of_a_member(pair, 'path_rejected', ', by %s: administratively prohibited' % router)

    def test_that_this_computer_sends_nothing_to_a_member_is_said(self):
        pair = self.kept_apart('drop', 'loader')
        self.assert_said_of_a_member(pair, 'path_not_let_out', ': Operation not permitted')

    def third(self, name='third'):
        node = self.node(self.world.host(), name)
        node.until(lambda status: status['relay']['serves'])
        return node

    def assert_met_at_a_third(self, rule):
        self.third()
        loader, giver = self.kept_apart(rule)
        for node in (loader, giver):
            node.until(lambda status: status['connections'] > 0)
        uri = self.given(giver)
        began = time.monotonic()
        loaded = loader.run('kp2p-load', uri)
        print('%s: %.2f s' % (self.id(), time.monotonic() - began), flush=True)
        self.assertEqual(loaded.returncode, 0, loaded.stderr + loader.words())
        self.assertLess(time.monotonic() - began, LEFT_SECONDS, loader.words())
        tried = loader.run('kp2p-doctor', '--json', giver.status()['node']).stdout.splitlines()
        works = {event['path'].split()[0]: event['works'] for event in map(json.loads, tried)
                 if event.get('kind') == 'tried'}
        self.assertEqual((works.get('direct'), works.get('relayed')), (False, True), tried)

    def test_two_that_a_firewall_keeps_apart_meet_at_a_third(self):
        self.assert_met_at_a_third('drop')

    def test_two_of_which_one_does_not_hear_the_other_meet_at_a_third(self):
        self.assert_met_at_a_third('accept')

    def load_begun(self, giver, loader):
        giver.run('kp2p-limit', '--up', '2M')
        load = loader.place.popen(command('kp2p-load'), '--quiet', self.given(giver), env=loader.environment,
                                  stdout=subprocess.DEVNULL)
        loader.until(lambda status: status['received_bytes'] > 2 << 20)
        return load

    def assert_outlives_a_firewall(self, giver, loader, limit):
        """When a firewall begins to drop what the giver sends, which hears the loader all the time."""
        load = self.load_begun(giver, loader)
        self.world.between('ip saddr %s ip daddr %s drop' % (giver.place.address, loader.place.address))
        self.assert_goes_on(load, loader, limit)

    def test_a_load_goes_on_at_a_third_when_a_firewall_comes_between(self):
        self.third()
        giver, loader = [self.node(self.world.host(), name) for name in ('giver', 'loader')]
        for node in (giver, loader):
            node.until(lambda status: status['connections'] == 2)
        self.assert_outlives_a_firewall(giver, loader, LEFT_SECONDS)

    def test_a_load_goes_on_at_another_third_when_the_one_dies(self):
        """Twice: whichever of the two has found the first of these."""
        thirds = [self.third('third%d' % number) for number in range(3)]
        loader, giver = self.kept_apart('drop')
        for node in (giver, loader):
            node.until(lambda status: status['connections'] == 4)
        load, id_of_giver = self.load_begun(giver, loader), giver.status()['node']
        for _ in range(2):
            peers = {peer['node']: peer for peer in loader.status()['peers']}
            path = peers[id_of_giver]['paths'][0]['path']
            next(third for third in thirds if third.place.address in path).process.kill()
            self.assert_heals(loader, LEFT_SECONDS)
        self.assertEqual(load.wait(30), 0, loader.words())

    def test_a_load_goes_on_from_a_relay_of_the_giver_when_a_firewall_comes_between(self):
        giver = self.node(self.world.host(), 'giver', '--relay-url', self.relay(self.world.host()))
        loader = self.node(self.world.host(), 'loader')
        loader.until(lambda status: status['connections'] == 1)
        self.assert_outlives_a_firewall(giver, loader, LEFT_SECONDS)

    def assert_heals(self, loader, limit):
        began, had = time.monotonic(), loader.status()['received_bytes']
        loader.until(lambda status: status['received_bytes'] > had + (1 << 20))
        seconds = time.monotonic() - began
        print('%s: %.2f s' % (self.id(), seconds), flush=True)
        self.assertLess(seconds, limit, loader.words())

    def assert_goes_on(self, load, loader, limit):
        self.assert_heals(loader, limit)
        self.assertEqual(load.wait(30), 0, loader.words())

    def test_one_that_is_heard_and_hears_nothing_is_not_counted_and_named(self):
        loaders, givers = self.world.host(), self.world.host()
        self.world.between('ip saddr %s ip daddr %s drop' % (givers.address, loaders.address))
        giver, loader = self.node(givers, 'giver'), self.node(loaders, 'loader')
        deaf = loader.until(lambda status: True)['node']
        giver.wait_for_words('[reach not_heard]')
        self.assertNotIn('connected to', giver.words().replace('cannot be connected to', ''))
        self.assertEqual(giver.status()['connections'], 0, giver.words())
        found = giver.run('kp2p-find', '--json', 'sha1://' + 40 * '1')
        findings = json.loads(found.stdout.splitlines()[-1])['findings']
        said = [finding for finding in findings if finding['code'] == 'not_heard']
        self.assertEqual([finding['node'] for finding in said], [deaf], findings)
        self.assertIn('in one direction', said[0]['advice'])
        self.assertIn('but nothing that goes there from here arrives',
                      ' '.join(giver.run('kp2p-doctor', deaf).stdout.split()))
        # The other knows only that the one that it dials runs.
        loader.wait_for_words('[reach path_silent]')
        found = loader.run('kp2p-find', 'sha1://' + 40 * '1').stderr.splitlines()
        self.assertRegex(found[0], '^kp2p-find: nobody provides it: node %s cannot be connected to: it runs, but '
                         'nothing comes back from %s' % (giver.status()['node'], givers.address))
        self.assertIn('a firewall here or there', found[1])

    def assert_met_through_a_tunnel(self, whose):
        """What the giver sends to the loader is dropped, and one of them has a kp2p-relay."""
        loaders, givers = self.world.host(), self.world.host()
        flags = '--relay-url', self.relay(self.world.host())
        self.world.between('ip saddr %s ip daddr %s drop' % (givers.address, loaders.address))
        nodes = {'giver': givers, 'loader': loaders}
        nodes = {name: self.node(host, name, *(flags if name == whose else ())) for name, host in nodes.items()}
        loaded = nodes['loader'].run('kp2p-load', self.given(nodes['giver']))
        self.assertEqual(loaded.returncode, 0, loaded.stderr + nodes['loader'].words() + nodes['giver'].words())
        paths = [path['path'] for peer in nodes[whose].status()['peers'] for path in peer['paths']]
        self.assertEqual([path.split()[0] for path in paths], ['tunnelled'])

    def test_one_that_hears_nothing_of_a_member_reaches_it_from_a_relay(self):
        self.assert_met_through_a_tunnel('loader')

    def test_one_that_a_member_does_not_hear_reaches_it_from_a_relay(self):
        self.assert_met_through_a_tunnel('giver')

    def test_which_interface_leads_nowhere_is_said_until_it_is_off(self):
        """As a Wi-Fi without Internet beside a cable, over which it goes first."""
        host = self.world.host()
        other = self.node(self.world.host(), 'other')
        join(Namespace(), 'nothing', host, 'wlan0')
        host.run('ip', 'address', 'add', '10.77.0.2/24', 'dev', 'wlan0')
        host.run('ip', 'route', 'delete', 'default')
        host.run('ip', 'route', 'add', 'default', 'via', host.address[:-1] + '1', 'metric', '600')
        host.run('ip', 'route', 'add', 'default', 'via', '10.77.0.1', 'metric', '100')
        node = self.node(host, 'node')
        node.wait_for_words('[network dht_silent')
        said = ' '.join(node.run('kp2p-doctor').stdout.split())
        self.assertIn('what is sent leaves from 10.77.0.2 by wlan0', said)
        self.assertIn('switch wlan0 off', said)
        host.run('ip', 'link', 'set', 'wlan0', 'down')
        began = time.monotonic()
        node.until(lambda status: status['connections'] == 1)
        print('%s: %.2f s' % (self.id(), time.monotonic() - began), flush=True)
        self.assertLess(time.monotonic() - began, FREED_SECONDS, other.words())

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
    sys.exit(run_tests(('ip', 'nft', 'nsenter', 'unshare'), Routed))

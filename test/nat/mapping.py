#!/usr/bin/python3
"""mapping.py [--patient]: a daemon behind a router has its port forwarded by it, and is reached from
outside. The router is Linux with miniupnpd and nftables, in a network namespace; so are a home with
the daemons, and an internet. Needs root, ip, nft and miniupnpd.

    KP2P_COMMANDS=build/cmd python3 test/nat/mapping.py

77 where it cannot run. With --patient also that a router that was restarted is noticed, which takes
minutes.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from internet import Unavailable, libc, new_namespace, run_tests, setns
from matrix import absolute, wait_for_line

ROUTER, HOME, NET = '192.168.77.1', '192.168.77.2', '45.9.0'
PUBLIC, OTHER_PUBLIC = NET + '.1', NET + '.2'
PORT = 49737
DHT_NODES = 6
RULES = '''
table inet mapping {
    chain input { type filter hook input priority 0; iifname "wan" drop; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        iifname "lan" accept
        ct state established,related accept
        jump upnp_forward
    }
    chain upnp_forward { }
    chain prerouting { type nat hook prerouting priority -100; jump upnp_nat; }
    chain upnp_nat { }
    chain postrouting {
        type nat hook postrouting priority 100;
        jump upnp_postrouting
        oifname "wan" masquerade
    }
    chain upnp_postrouting { }
}
'''
SETTINGS = '''
ext_ifname=wan
listening_ip=lan
upnp_table_name=mapping
upnp_nat_table_name=mapping
upnp_forward_chain=upnp_forward
upnp_nat_chain=upnp_nat
upnp_nat_postrouting_chain=upnp_postrouting
secure_mode=yes
ipv6_disable=yes
uuid=785a9688-5057-47ba-8f99-07e4656a7d49
allow 1024-65535 192.168.77.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
'''


class Namespace:
    def __init__(self):
        self.fd = new_namespace()
        self.run('ip', 'link', 'set', 'lo', 'up')

    def command(self, arguments):
        return ['nsenter', '--net=/proc/self/fd/%d' % self.fd, *map(str, arguments)]

    def run(self, *arguments, **options):
        return subprocess.run(self.command(arguments), pass_fds=[self.fd], check=True, **options)

    def popen(self, *arguments, **options):
        return subprocess.Popen(self.command(arguments), pass_fds=[self.fd], **options)

    def output(self, *arguments):
        return subprocess.run(self.command(arguments), pass_fds=[self.fd], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30).stdout

    def call(self, function):
        """In a thread of its own, as a socket stays in the namespace that it was made in."""
        result = []

        def inside():
            setns(self.fd)
            result.append(function())
        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        return result[0]


def join(one, name, other, other_name):
    """A cable between two namespaces."""
    path = '/proc/%d/fd/%d' % (os.getpid(), other.fd)
    one.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', other_name, 'netns', path)
    one.run('ip', 'link', 'set', name, 'up')
    other.run('ip', 'link', 'set', other_name, 'up')


class World:
    def __init__(self, folder):
        self.folder = folder
        self.router, self.home, self.net = Namespace(), Namespace(), Namespace()
        self.daemon = None
        self.processes = []
        try:
            self.router.run('ip', 'link', 'add', 'lan', 'type', 'bridge')
            self.router.run('ip', 'link', 'set', 'lan', 'up')
            self.add_home(self.home, HOME)
            join(self.router, 'wan', self.net, 'eth0')
            self.router.run('ip', 'address', 'add', ROUTER + '/24', 'dev', 'lan')
            self.router.run('ip', 'address', 'add', PUBLIC + '/24', 'dev', 'wan')
            self.router.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
            self.router.run('nft', '-f', '-', input=RULES, text=True)
            for i in range(DHT_NODES + 1):
                self.net.run('ip', 'address', 'add', '%s.%d/24' % (NET, 10 + i), 'dev', 'eth0')
        except subprocess.CalledProcessError as error:
            raise Unavailable('no network can be made: ' + str(error))
        self.first = None
        for i in range(DHT_NODES):
            address = '%s.%d' % (NET, 10 + i)
            more = ['--bootstrap', self.first] if self.first else []
            node = self.net.popen(command('kp2p-bootstrap'), '--host', address, '--port', PORT, *more,
                                  stderr=subprocess.PIPE, text=True)
            self.processes.append(node)
            wait_for_line(node.stderr, 'ready')
            self.first = self.first or '%s:%d' % (address, PORT)

    def add_home(self, home, address):
        name = 'lan%d' % home.fd
        join(self.router, name, home, 'eth0')
        self.router.run('ip', 'link', 'set', name, 'master', 'lan')
        home.run('ip', 'address', 'add', address + '/24', 'dev', 'eth0')
        home.run('ip', 'route', 'add', 'default', 'via', ROUTER)

    def serve(self, **protocols):
        """miniupnpd: upnp='yes', natpmp='no', ..."""
        text = SETTINGS + ''.join('enable_%s=%s\n' % item for item in protocols.items())
        path = os.path.join(self.folder, 'miniupnpd.conf')
        with open(path, 'w') as file:
            file.write(text)
        self.daemon = self.router.popen('miniupnpd', '-d', '-f', path, '-P', path + '.pid',
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(self.daemon)

    def rules(self):
        return self.router.output('nft', 'list', 'table', 'inet', 'mapping')

    def serve_no_more(self):
        self.daemon.kill()
        self.daemon.wait()

    def restart(self, address):
        """The router forgets all, and is at another address now."""
        self.serve_no_more()
        # In this order, as masquerading forgets the connections of an address that is gone.
        self.router.run('ip', 'address', 'flush', 'dev', 'wan')
        self.router.run('nft', 'flush', 'ruleset')
        self.router.run('ip', 'address', 'add', address + '/24', 'dev', 'wan')
        self.router.run('nft', '-f', '-', input=RULES, text=True)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stderr:
                process.stderr.close()


def command(name):
    return os.path.join(absolute('KP2P_COMMANDS', 'build/cmd'), name)


class Node:
    """A daemon and its commands in a namespace."""
    usual, channel = ['--no-lan'], 'mapping'

    def __init__(self, world, place, name, *flags):
        self.place, self.folder = place, os.path.join(world.folder, name)
        os.makedirs(self.folder + '/storage', exist_ok=True)
        self.environment = dict(os.environ, HOME=self.folder,
                                KACHERY_STORAGE_DIR=self.folder + '/storage',
                                KACHERY_P2P_CONFIG_DIR=self.folder + '/config')
        with open(self.folder + '/log', 'w') as log:
            self.process = place.popen(
                command('kp2p-start-daemon'), *self.usual, '--channel', self.channel, '--bootstrap',
                world.first, '--api-port', 0, *flags, env=self.environment, stderr=log)
        self.until(lambda status: True)  # its commands would find none

    def words(self):
        with open(self.folder + '/log') as log:
            return log.read()

    def wait_for_words(self, words, seconds=30):
        """A log is written beside what it tells of, and may come after an answer."""
        self.until(lambda status: words in self.words(), seconds)

    def run(self, name, *arguments):
        return subprocess.run(self.place.command([command(name), *arguments]),
                              pass_fds=[self.place.fd], env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)

    def status(self):
        done = self.run('kp2p-status', '--json')
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def until(self, is_so, seconds=30):
        end = time.monotonic() + seconds
        while True:
            status = self.status()
            if status and is_so(status):
                return status
            if time.monotonic() > end:
                raise AssertionError('%s\n%s' % (status, self.words()))
            time.sleep(0.1)

    def stop(self):
        """The seconds that it took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait()
        return time.monotonic() - began


def is_open(at):
    return lambda status: (not status['firewalled'] and
                           status['public_address'] == status['mapped_udp'] == at)


def send_from(world, address):
    """Whether TCP gets through from outside."""
    host, port = address.split(':')

    def connect():
        try:
            socket.create_connection((host, int(port)), 3).close()
            return True
        except OSError:
            return False
    return world.net.call(connect)


class Mapping(unittest.TestCase):
    patient = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name)
        self.addCleanup(self.world.close)

    def node(self, place, name, *flags):
        node = Node(self.world, place, name, *flags)
        self.addCleanup(node.stop)
        return node

    def reached_by(self, method, **protocols):
        self.world.serve(**protocols)
        node = self.node(self.world.home, 'home', '--port', PORT)
        at = '%s:%d' % (PUBLIC, PORT)
        status = node.until(is_open(at))
        self.assertEqual((status['port_mapping'], status['mapped_udp'], status['mapped_tcp']),
                         (method, at, at))
        node.wait_for_words('the router at %s forwards' % ROUTER)
        rules = self.world.rules()
        for transport in 'tcp', 'udp':
            self.assertRegex(rules, r'(%s|th) dport %d .*dnat ip to %s:%d'
                             % (transport, PORT, HOME, PORT))
        self.assertTrue(send_from(self.world, at))
        # From the internet, to a node that sends nothing first.
        with open(node.folder + '/file', 'wb') as file:
            file.write(os.urandom(1 << 20))
        uri = node.run('kp2p-store', node.folder + '/file').stdout.strip()
        friend = self.node(self.world.net, 'friend', '--host', NET + '.13')
        friend.until(lambda status: status['bootstrapped'])
        loaded = friend.run('kp2p-load', uri)
        self.assertEqual(loaded.returncode, 0, loaded.stderr + node.words() + friend.words())
        friend.stop()
        self.assertLess(node.stop(), 2)
        self.assertNotIn('dnat', self.world.rules())
        self.assertFalse(send_from(self.world, at))

    def test_by_upnp(self):
        self.reached_by('upnp', upnp='yes', natpmp='no')

    def test_by_nat_pmp(self):
        self.reached_by('nat-pmp', upnp='no', natpmp='yes')

    def two_want_the_same_port(self, **protocols):
        second = Namespace()
        self.world.add_home(second, '192.168.77.3')
        self.world.serve(**protocols)
        nodes = [self.node(place, name, '--port', PORT)
                 for place, name in ((self.world.home, '1'), (second, '2'))]
        found = set()
        for node in nodes:
            status = node.until(lambda status: status['public_address'] and status['mapped_tcp'])
            self.assertEqual(status['public_address'], status['mapped_udp'])
            self.assertTrue(send_from(self.world, status['mapped_tcp']))
            found.add(status['mapped_udp'])
        self.assertEqual(len(found), 2)
        for node in nodes:
            node.stop()
        self.assertNotIn('dnat', self.world.rules())

    def test_two_want_the_same_port_by_upnp(self):
        self.two_want_the_same_port(upnp='yes', natpmp='no')

    def test_two_want_the_same_port_by_nat_pmp(self):
        self.two_want_the_same_port(upnp='no', natpmp='yes')

    def test_a_router_that_says_nothing_holds_up_nothing(self):
        def listen():
            server = socket.create_server((ROUTER, 0))
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            datagrams.bind(('', 1900))
            datagrams.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                 socket.inet_aton('239.255.255.250') + socket.inet_aton(ROUTER))
            return server, datagrams
        server, datagrams = self.world.router.call(listen)
        self.addCleanup(server.close)
        self.addCleanup(datagrams.close)
        node = self.node(self.world.home, 'home')
        datagrams.settimeout(20)
        _, asking = datagrams.recvfrom(2000)
        kind = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1'
        datagrams.sendto(('HTTP/1.1 200 OK\r\nST: %s\r\nUSN: uuid:1::%s\r\nLOCATION: http://%s:%d/\r\n\r\n'
                          % (kind, kind, ROUTER, server.getsockname()[1])).encode(), asking)
        server.settimeout(20)
        server.accept()  # and not a word
        status = node.until(lambda status: status['bootstrapped'], 10)
        self.assertEqual(status['port_mapping'], 'none')
        self.assertLess(node.stop(), 2)

    def test_it_can_be_told_not_to(self):
        self.world.serve(upnp='yes', natpmp='yes')
        node = self.node(self.world.home, 'home', '--no-port-mapping')
        status = node.until(lambda status: status['bootstrapped'])
        self.assertEqual((status['port_mapping'], status['port_mapping_message']), ('off', ''))
        self.assertNotIn('dnat', self.world.rules())

    def test_a_router_that_was_restarted(self):
        if not self.patient:
            self.skipTest('it takes minutes: --patient')
        self.world.serve(upnp='yes', natpmp='no')
        node = self.node(self.world.home, 'home', '--port', PORT)
        node.until(is_open('%s:%d' % (PUBLIC, PORT)))
        self.world.restart(OTHER_PUBLIC)
        self.world.serve(upnp='yes', natpmp='no')
        at = '%s:%d' % (OTHER_PUBLIC, PORT)
        # Whether it is open there shows later: this router still knows the old connections, which one
        # that was restarted does not.
        node.until(lambda status: status['mapped_udp'] == at, 150)


if __name__ == '__main__':
    Mapping.patient = '--patient' in sys.argv
    sys.exit(run_tests(('ip', 'nft', 'miniupnpd', 'nsenter'), World,
                       [argument for argument in sys.argv if argument != '--patient']))

#!/usr/bin/python3
"""lan.py: daemons in a LAN without a DHT and without the Internet find each other by DNS-SD and share
a file. Each host is a network namespace with a D-Bus and an avahi-daemon of its own. Needs root, ip,
dbus-daemon and avahi-daemon; avahi-browse looks at what is announced.

    KP2P_COMMANDS=build/cmd python3 test/nat/lan.py

77 where it cannot run.
"""
import os
import subprocess
import sys
import tempfile
import time
import unittest

from internet import Unavailable, run_tests
from mapping import Namespace, Node, command, join

SETTINGS = '''
[server]
host-name=%s
use-ipv4=%s
use-ipv6=%s
[publish]
publish-workstation=no
'''


class Host(Namespace):
    """With its own /run, where the sockets of D-Bus and Avahi are."""

    def __init__(self):
        self.holder = None
        super().__init__()
        ready, told = os.pipe()
        script = ('mount --make-rprivate / && mount -t tmpfs tmpfs /run && '
                  'mkdir -p /run/dbus /run/avahi-daemon && echo ready && exec sleep 3600')
        self.holder = subprocess.Popen(
            super().command(['unshare', '--mount', 'sh', '-c', script]), pass_fds=[self.fd], stdout=told)
        os.close(told)
        with os.fdopen(ready) as lines:
            if lines.readline() != 'ready\n':
                raise Unavailable('no mount namespace can be made')
        self.services = []

    def command(self, arguments):
        mount = ['--mount=/proc/%d/ns/mnt' % self.holder.pid] if self.holder else []
        return ['nsenter', *mount, '--net=/proc/self/fd/%d' % self.fd, *map(str, arguments)]

    def start_avahi(self, folder, name, ipv6):
        path = os.path.join(folder, name + '.conf')
        with open(path, 'w') as file:
            file.write(SETTINGS % (name, *(('no', 'yes') if ipv6 else ('yes', 'no'))))
        self.start('dbus-daemon', '--system', '--nofork', '--nopidfile', '--nosyslog')
        self.until(lambda: self.holds('/run/dbus/system_bus_socket'))
        self.start('avahi-daemon', '-f', path, '--no-drop-root', '--no-chroot', '--no-rlimits')
        self.until(lambda: self.holds('/run/avahi-daemon/socket'))

    def start(self, *arguments):
        self.services.append(self.popen(*arguments, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL))

    def holds(self, path):
        return os.path.exists('/proc/%d/root%s' % (self.holder.pid, path))

    @staticmethod
    def until(is_so):
        end = time.monotonic() + 10
        while not is_so():
            if time.monotonic() > end:
                raise Unavailable('D-Bus or Avahi does not start here')
            time.sleep(0.02)

    def announced(self):
        return self.output('avahi-browse', '--resolve', '--parsable', '--terminate', '_kp2p._tcp')

    def close(self):
        for process in [*reversed(self.services), self.holder]:
            process.kill()
            process.wait()


LINK_LOCAL = 'fe80::/64'


class Lan:
    first = 'none'  # there is no DHT

    def __init__(self, folder, count, avahi=True, network='192.168.78.%d/24'):
        self.folder = folder
        self.switch = Namespace()
        self.switch.run('ip', 'link', 'add', 'lan', 'type', 'bridge')
        self.switch.run('ip', 'link', 'set', 'lan', 'up')
        self.hosts = [Host() for _ in range(count)]
        for i, host in enumerate(self.hosts):
            join(self.switch, 'port%d' % i, host, 'eth0')
            self.switch.run('ip', 'link', 'set', 'port%d' % i, 'master', 'lan')
            ipv6 = ':' in network
            if network != LINK_LOCAL:
                host.run('ip', 'address', 'add', network % (i + 1), 'dev', 'eth0', *['nodad'] * ipv6)
            if avahi:
                host.start_avahi(folder, 'host%d' % i, ipv6)

    def close(self):
        for host in self.hosts:
            host.close()


class LanNode(Node):
    usual, channel = ['--no-port-mapping'], 'our-lan'


class OtherNode(LanNode):
    channel = 'theirs'


class Person:
    """At a host where nothing is set up: no settings, no daemon, no network but this one."""

    def __init__(self, lan, number):
        self.host, self.folder = lan.hosts[number], os.path.join(lan.folder, 'person%d' % number)
        os.makedirs(self.folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(('KACHERY_', 'KP2P_'))}
        self.environment = dict(kept, HOME=self.folder)

    def run(self, name, *arguments):
        words = ['sh', '-c', 'cd "$HOME" && exec "$@"', 'sh', command(name), *arguments]
        return subprocess.run(self.host.command(words), pass_fds=[self.host.fd], env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=90, check=False)


class LanTest(unittest.TestCase):
    def lan(self, count, **how):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        lan = Lan(folder.name, count, **how)
        self.addCleanup(lan.close)
        return lan

    def node(self, kind, lan, number, *flags):
        node = kind(lan, lan.hosts[number], kind.__name__ + str(number), *flags)
        self.addCleanup(node.stop)
        return node

    def test_members_of_a_channel_find_each_other_and_share(self):
        lan = self.lan(3)
        alice, bob = (self.node(LanNode, lan, i) for i in range(2))
        eve = self.node(OtherNode, lan, 2)
        for node in alice, bob:
            node.until(lambda status: status['connections'] == 1)
        self.share(alice, bob)
        self.assertEqual(eve.status()['connections'], 0)

    def test_members_that_have_ipv6_alone(self):
        self.share_over('fd4b:7032:70::%d/64')

    def test_members_that_have_public_addresses_alone(self):
        self.share_over('2a45:0:78::%d/64')

    def test_members_that_have_the_addresses_alone_that_every_interface_has(self):
        self.share_over(LINK_LOCAL)

    def share_over(self, network):
        lan = self.lan(2, network=network)
        alice, bob = (self.node(LanNode, lan, i) for i in range(2))
        for node in alice, bob:
            node.until(lambda status: status['connections'] == 1)
        self.share(alice, bob)

    def share(self, alice, bob):
        path = alice.folder + '/file'
        with open(path, 'wb') as file:
            file.write(os.urandom(3 << 20))
        alice.until(lambda status: status['channels'])
        uri = alice.run('kp2p-store', path).stdout.strip()
        loaded = bob.run('kp2p-load', uri, '--dest', bob.folder + '/loaded')
        self.assertEqual(loaded.returncode, 0, loaded.stderr + bob.words())
        with open(path, 'rb') as one, open(bob.folder + '/loaded', 'rb') as other:
            self.assertEqual(one.read(), other.read())

    def test_after_an_install_three_commands_bring_a_file_to_a_colleague(self):
        lan = self.lan(2)
        alice, bob = Person(lan, 0), Person(lan, 1)
        for person in alice, bob:
            self.addCleanup(person.run, 'kp2p-stop-daemon')
        with open(alice.folder + '/recording.dat', 'wb') as file:
            file.write(os.urandom(3 << 20))
        stored = alice.run('kp2p-store', 'recording.dat')
        self.assertEqual(stored.returncode, 0, stored.stderr)
        uri = stored.stdout.strip()
        invited = alice.run('kp2p-invite', '--start-daemon', '--new', 'our-lab', uri)
        self.assertEqual(invited.returncode, 0, invited.stderr)
        loaded = bob.run('kp2p-load', '--start-daemon', '-O', invited.stdout.strip())
        self.assertEqual(loaded.returncode, 0, loaded.stderr)
        with open(alice.folder + '/recording.dat', 'rb') as one, open(bob.folder + '/recording.dat', 'rb') as other:
            self.assertEqual(one.read(), other.read())

    def test_what_is_announced_names_no_channel_and_changes(self):
        lan = self.lan(1)
        before = set()
        for _ in range(2):
            node = self.node(LanNode, lan, 0)
            node.until(lambda status: status['channels'])
            end = time.monotonic() + 15
            while True:
                text = lan.hosts[0].announced()
                words = {word for word in text.split('"') if word.startswith(('c=', 's='))}
                if len(words) == 2 and not words & before:
                    break
                self.assertLess(time.monotonic(), end, text)
                time.sleep(0.2)
            self.assertIn('"n=%s"' % node.status()['node'], text)
            self.assertNotIn(LanNode.channel, text)
            before = words
            node.stop()

    def test_where_there_is_no_daemon_it_is_said_once(self):
        lan = self.lan(1, avahi=False)
        node = self.node(LanNode, lan, 0)
        node.wait_for_words('nobody is looked for in the LAN')
        node.until(lambda status: status['uptime_seconds'] >= 5)  # it looks every other second
        self.assertEqual(node.words().count(' lan: '), 1)
        self.assertLess(node.stop(), 2)

    def test_it_can_be_told_not_to(self):
        lan = self.lan(3)
        alice, bob = (self.node(LanNode, lan, i, '--no-lan') for i in range(2))
        quiet = [node.until(lambda status: status['channels'])['node'] for node in (alice, bob)]
        seen = self.node(LanNode, lan, 2)
        seen.until(lambda status: '"n=%s"' % status['node'] in lan.hosts[0].announced())
        for node in quiet:
            self.assertNotIn(node, lan.hosts[0].announced())
        self.assertEqual([node.status()['connections'] for node in (alice, bob)], [0, 0])


if __name__ == '__main__':
    sys.exit(run_tests(('ip', 'nsenter', 'unshare', 'dbus-daemon', 'avahi-daemon', 'avahi-browse'),
                       lambda folder: Lan(folder, 1)))

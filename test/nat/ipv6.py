#!/usr/bin/python3
"""ipv6.py [-k NAME]: daemons whose IPv4 addresses no hole can be punched between, or that have none,
meet over IPv6. Needs root.

    KP2P_COMMANDS=build/cmd python3 test/nat/ipv6.py
"""
import os
import shutil
import signal
import sys
import tempfile
import unittest

from daemons import Daemon
from matrix import open_lab
from tunnel import Relay, same, until

FLAGS = ('--no-port-mapping', '--no-lan')
lab = None


class Ipv6(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def node(self, kind, *flags):
        net, dht = lab
        folder = tempfile.mkdtemp(dir=self.folder)
        node = Daemon(net, dht, kind, folder, (*FLAGS, *flags))
        self.addCleanup(node.stop)
        return node

    def share(self, giver, loader):
        path = tempfile.mkdtemp(dir=self.folder) + '/file'
        with open(path, 'wb') as file:
            file.write(os.urandom(3 << 20))
        uri = giver.run('kp2p-store', path).stdout.strip()
        self.assertEqual(loader.run('kp2p-load', uri, '--dest', path + '.got').returncode, 0)
        self.assertTrue(same(path, path + '.got'))
        said = loader.status()['peers']
        return next(peer['paths'][0]['path'] for peer in said if peer['node'] == giver.status()['node'])

    def test_two_that_both_have_it(self):
        giver, loader = self.node('random+ipv6'), self.node('random+ipv6')
        self.assertRegex(self.share(giver, loader), r'^direct \[2a45:')

    def test_what_leads_through_without_it_still_does(self):
        giver, loader = self.node('port-restricted+ipv6'), self.node('full-cone')
        self.assertRegex(self.share(giver, loader), r'^direct \d')

    def test_one_that_was_told_to_use_ipv4(self):
        giver = self.node('port-restricted+ipv6', '--host', '0.0.0.0')
        loader = self.node('port-restricted+ipv6')
        self.assertRegex(self.share(giver, loader), r'^direct \d')
        self.assertTrue(giver.status()['tcp'].startswith('0.0.0.0:'))

    def test_one_that_has_nothing_else_and_a_relay(self):
        net, _ = lab
        host = net.site('open+tcp+ipv6').host()
        relay = Relay(self.folder, host)
        self.addCleanup(relay.stop)
        url = relay.url.replace(host.address, '[%s]' % host.addresses[1])
        self.assertNotEqual(url, relay.url)
        loader = self.node('open+tcp+ipv6+only', '--relay-url', url)
        self.assertTrue(until(lambda: loader.status()['tunnel']))
        giver = self.node('port-restricted')
        self.assertTrue(self.share(giver, loader))


def main():
    global lab
    lab = open_lab()
    if not lab:
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        result = unittest.main(exit=False).result
    finally:
        for process in lab[1].processes:
            process.kill()
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())

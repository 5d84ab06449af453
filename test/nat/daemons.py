#!/usr/bin/python3
"""daemons.py [DIALER:SERVER]...: two daemons of one channel, each behind a NAT of its own, share a
file. Prints the seconds that kp2p-load took.

    KP2P_COMMANDS=build/cmd python3 test/nat/daemons.py port-restricted:random
"""
import os
import subprocess
import sys
import tempfile
import time

from internet import Internet, Unavailable
from matrix import Dht, absolute, wait_for_line

FILE_BYTES = 3 << 20


class Daemon:
    def __init__(self, net, dht, kind, folder, flags=('--no-port-mapping', '--no-lan')):
        self.host = net.site(kind).host()
        self.environment = dict(os.environ, HOME=folder, KACHERY_STORAGE_DIR=folder + '/storage',
                                KACHERY_P2P_CONFIG_DIR=folder + '/config')
        os.makedirs(folder + '/storage')
        self.process = self.host.popen(
            [self.command('kp2p-start-daemon'), '--channel', 'nat', '--bootstrap', dht.first, *flags],
            env=self.environment, stderr=subprocess.PIPE, text=True)
        wait_for_line(self.process.stderr, 'ready', 30)

    @staticmethod
    def command(name):
        return os.path.join(absolute('KP2P_COMMANDS', 'build/cmd'), name)

    def run(self, name, *arguments):
        return self.host.run([self.command(name), *arguments], env=self.environment, text=True,
                             stdout=subprocess.PIPE, timeout=90)

    def stop(self):
        self.process.terminate()
        self.process.stderr.close()
        self.process.wait()


def share(net, dht, kinds, folder):
    loader, giver = (Daemon(net, dht, kind, '%s/%d' % (folder, i)) for i, kind in enumerate(kinds))
    try:
        path = folder + '/file.dat'
        with open(path, 'wb') as file:
            file.write(os.urandom(FILE_BYTES))
        uri = giver.run('kp2p-store', path).stdout.strip()
        began = time.monotonic()
        loaded = loader.run('kp2p-load', uri, '--dest', folder + '/loaded.dat')
        seconds = time.monotonic() - began
        same = loaded.returncode == 0 and subprocess.run(
            ['cmp', path, folder + '/loaded.dat'], check=False).returncode == 0
        print('%s loads from %s: %s, %.2f s' % (*kinds, 'right' if same else 'FAILED', seconds),
              flush=True)
        return same
    finally:
        loader.stop()
        giver.stop()


def main():
    pairs = [pair.split(':') for pair in sys.argv[1:]]
    try:
        if os.getuid() != 0:
            raise Unavailable('network namespaces need root')
        net = Internet()
        dht = Dht(net)
    except Unavailable as error:
        print('SKIPPED: ' + str(error))
        return 77
    good = True
    for pair in pairs or [['port-restricted', 'port-restricted'], ['sequential', 'firewall']]:
        with tempfile.TemporaryDirectory() as folder:
            good &= share(net, dht, pair, folder)
    for process in dht.processes:
        process.kill()
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())

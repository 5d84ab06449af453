#!/usr/bin/python3
"""daemons.py [DIALER:SERVER[+moves][:THIRD]]...: two daemons of one channel, each behind a NAT of its
own, share a file; there may be a third in the channel. Prints the seconds that kp2p-load took, and
how much the third one relayed. The router of a server that moves has got another public address ten
seconds before; the dialer has just started, and has ten seconds for the file.

    KP2P_COMMANDS=build/cmd python3 test/nat/daemons.py port-restricted:random random:random:open
"""
import json
import os
import subprocess
import sys
import tempfile
import time

from matrix import absolute, open_lab, wait_for_line

FILE_BYTES = 3 << 20
MOVED_SECONDS = 10
# A node looks up its channels 5 s and 35 s after its start, and then not for two minutes: until then
# it would find the dialer itself.
SETTLED_SECONDS = 40
USUAL = ('port-restricted:port-restricted', 'sequential:firewall', 'port-restricted:full-cone+moves',
         'random:random:open')


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
                             stdout=subprocess.PIPE, timeout=150)

    def status(self):
        return json.loads(self.run('kp2p-status', '--json').stdout)

    def wait_until(self, holds, seconds=30):
        until = time.monotonic() + seconds
        while not holds(self.status()) and time.monotonic() < until:
            time.sleep(0.2)

    def stop(self):
        self.process.terminate()
        self.process.stderr.close()
        self.process.wait()


def trial(daemon, node, way):
    """What kp2p-doctor says of it."""
    said = daemon.run('kp2p-doctor', '--json', node).stdout.splitlines()
    return next((event for event in map(json.loads, said)
                 if event.get('kind') == 'tried' and event['path'].split()[0] == way), None)


def share(net, dht, kinds, folder):
    kind, *moves = kinds[1].split('+')
    others = [Daemon(net, dht, other, folder + '/other') for other in kinds[2:]]
    giver = Daemon(net, dht, kind, folder + '/giver')
    if moves:
        time.sleep(SETTLED_SECONDS)
        giver.host.site.move()
        moved = time.monotonic()
    loader = Daemon(net, dht, kinds[0], folder + '/loader')
    if moves:
        time.sleep(max(0, moved + MOVED_SECONDS - time.monotonic()))
    try:
        path = folder + '/file.dat'
        with open(path, 'wb') as file:
            file.write(os.urandom(FILE_BYTES))
        uri = giver.run('kp2p-store', path).stdout.strip()
        began = time.monotonic()
        loaded = loader.run('kp2p-load', uri, '--dest', folder + '/loaded.dat')
        seconds = time.monotonic() - began
        in_time = not moves or seconds < MOVED_SECONDS
        same = in_time and loaded.returncode == 0 and subprocess.run(
            ['cmp', path, folder + '/loaded.dat'], check=False).returncode == 0
        tried = trial(loader, giver.status()['node'], 'relayed')
        same = same and tried is not None and tried['works'] == bool(others)
        relayed = sum(other.status()['relay']['bytes'] for other in others)
        if others and set(kinds[:2]) == {'random'}:
            same = same and relayed > FILE_BYTES
        print('%s loads from %s: %s, %.2f s, %d bytes relayed; a trial of a relay: %s ms' %
              (*kinds[:2], 'right' if same else 'FAILED', seconds, relayed, tried and tried['ms']),
              flush=True)
        return same
    finally:
        for daemon in [loader, giver, *others]:
            daemon.stop()


def main():
    pairs = [pair.split(':') for pair in sys.argv[1:] or USUAL]
    lab = open_lab()
    if not lab:
        return 77
    net, dht = lab
    good = True
    for pair in pairs:
        with tempfile.TemporaryDirectory() as folder:
            good &= share(net, dht, pair, folder)
    for process in dht.processes:
        process.kill()
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())

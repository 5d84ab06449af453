#!/usr/bin/python3
"""roaming.py [--mebibytes N] [--rate BYTES] [--stall SECONDS] [SCENE]...: a file is on its way from one
daemon to another when something happens to one of them, or to what lies between; `quick`, without a
scene: those that take little time; `all`: all. Prints for each scene whether the one kp2p-load brought the file whole, the
seconds until more came once it could, the longest silence after that, and how the two are connected
at the end. 1 if a file does not arrive, or more than --stall seconds pass; 77 where it cannot run.

    KP2P_COMMANDS=build/cmd python3 test/nat/roaming.py
"""
import argparse
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

from daemons import Daemon
from internet import Vpn
from matrix import open_lab
from tunnel import Node, Relay, same, until

LATE_SECONDS = 10  # for one who comes to a node that moved a moment ago
# A node looks its channels up 5 s and 35 s after its start, and then not for two minutes.
SETTLED_SECONDS = 40
SMALL_PACKET_BYTES = 1200  # which every path takes
MUTE_SECONDS = 5
BLACK_HOLE_SECONDS = 10
FLAGS = ('--no-port-mapping', '--no-lan')


class Load:
    """kp2p-load under way, and when how many bytes of the file were verified."""

    def __init__(self, node, uri, path):
        self.node, self.path, self.began = node, path, time.monotonic()
        self.points = [(self.began, 0)]
        self.errors = tempfile.TemporaryFile('w+')
        self.process = node.host.popen(
            [Daemon.command('kp2p-load'), '--json', uri, '--dest', path + '.loaded'],
            env=node.environment, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            if event['event'] == 'progress' and event['verified_bytes'] > self.points[-1][1]:
                self.points.append((time.monotonic(), event['verified_bytes']))

    def has_begun(self, mebibytes=2):
        return until(lambda: self.points[-1][1] >= mebibytes << 20 or self.process.poll() is not None)

    def wait(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.ended = time.monotonic()

    def words(self):
        self.errors.seek(0)
        return self.errors.read().strip()

    def silences(self, since):
        """Until more came after that moment, and the longest one from then on."""
        times = [when for when, _ in self.points if when > since] + [self.ended]
        if self.ended < since:
            return 0.0, 0.0
        return times[0] - since, max([b - a for a, b in zip(times, times[1:])], default=0.0)


class Lab:
    """What one scene takes place in."""

    def __init__(self, net, dht, folder, options):
        self.net, self.dht, self.folder, self.options = net, dht, folder, options
        self.started, self.environment = [], {}
        net.largest = None

    def node(self, site, *flags):
        folder = '%s/%d' % (self.folder, len(self.started))
        os.makedirs(folder + '/storage')
        node = Node(site.host(), folder, ('--bootstrap', self.dht.first, *FLAGS, *flags), self.environment)
        self.started.append(node)
        return node

    def site(self, kind):
        site = self.net.site(kind)
        site.rate = self.options.rate
        return site

    def pair(self, giver, loader, *flags):
        self.giver = self.node(self.site(giver), *flags)
        self.loader = self.node(self.site(loader), *flags)

    def relay(self):
        relay = Relay(self.folder, self.net.site('open+tcp').host())
        self.started.append(relay)
        return relay

    def file(self):
        path = self.folder + '/file.dat'
        with open(path, 'wb') as file:
            file.write(os.urandom(self.options.mebibytes << 20))
        return path, self.giver.run('kp2p-store', '--bare', path).stdout.strip()

    def load(self):
        path, uri = self.file()
        load = Load(self.loader, uri, path)
        load.has_begun()
        return load

    def ways(self):
        node = self.giver.status()['node']
        for peer in self.loader.status()['peers']:
            if peer['node'] == node:
                return ' and '.join(path['path'] for path in peer['paths'])
        return 'not connected'

    def stop(self):
        for each in reversed(self.started):
            each.stop()


# ---- the scenes: each returns the load, and when more of it could come ----

def loaders_nat_forgets(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    lab.loader.host.site.forget()
    return load, time.monotonic()


def givers_nat_forgets(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    lab.giver.host.site.forget()
    return load, time.monotonic()


def loader_moves(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    lab.site('address-restricted').take(lab.loader.host)
    return load, time.monotonic()


def giver_moves(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    lab.site('address-restricted').take(lab.giver.host)
    return load, time.monotonic()


def open_giver_moves(lab):
    lab.pair('open+tcp', 'open+tcp')
    load = lab.load()
    lab.site('open+tcp').take(lab.giver.host)
    return load, time.monotonic()


def both_move(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    lab.site('port-restricted').take(lab.loader.host)
    lab.site('port-restricted').take(lab.giver.host)
    return load, time.monotonic()


def interface_down(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    lab.loader.host.unplug()
    time.sleep(10)
    lab.loader.host.plug()
    return load, time.monotonic()


def relay_restarts(lab):
    other = lab.node(lab.site('open'))
    lab.pair('random', 'random')
    load = lab.load()
    other.kill()
    other.start()
    return load, time.monotonic()


def tunnel_restarts(lab, away_seconds=0):
    relay = lab.relay()
    lab.giver = lab.node(lab.site('port-restricted'))
    lab.loader = lab.node(lab.site('blocked+tcp'), '--relay-url', relay.url)
    until(lambda: lab.loader.status().get('tunnel'))
    load = lab.load()
    relay.stop()
    time.sleep(away_seconds)
    relay.start()
    return load, time.monotonic()


def tunnel_is_away(lab):
    return tunnel_restarts(lab, away_seconds=20)


def giver_stands_still(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    lab.giver.process.send_signal(signal.SIGSTOP)
    time.sleep(20)
    lab.giver.process.send_signal(signal.SIGCONT)
    return load, time.monotonic()


def giver_restarts(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    lab.giver.kill()
    lab.giver.start()
    return load, time.monotonic()


def direct_path_appears(lab):
    lab.node(lab.site('open'))
    lab.pair('random', 'random')
    load = lab.load()
    for node in (lab.giver, lab.loader):
        node.host.site.nat.kind = 'full-cone'
        node.host.site.forget()
    return load, time.monotonic()


def tcp_is_reset(lab):
    lab.pair('open+tcp', 'open+tcp')
    load = lab.load()
    for node in (lab.giver, lab.loader):
        node.host.site.cut_tcp(resets=True)
    return load, time.monotonic()


def tcp_falls_silent(lab):
    lab.pair('open+tcp', 'open+tcp')
    load = lab.load()
    for node in (lab.giver, lab.loader):
        node.host.site.cut_tcp(resets=False)
    return load, time.monotonic()


def bootstrap_goes(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    for process in lab.dht.processes:
        process.kill()
    return load, time.monotonic()


# Adds what a file says to the wall clock of whoever has it loaded.
FAKETIME = glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1')


class WallClock:
    def __init__(self, folder):
        self.file = folder + '/clock'
        self.environment = {'LD_PRELOAD': FAKETIME[0], 'FAKETIME_TIMESTAMP_FILE': self.file,
                            'FAKETIME_NO_CACHE': '1', 'FAKETIME_DONT_FAKE_MONOTONIC': '1', 'NO_FAKE_STAT': '1'}
        self.set('+0')

    def set(self, offset):
        with open(self.file + '.new', 'w', encoding='utf-8') as file:
            file.write(offset)
        os.rename(self.file + '.new', self.file)


def wall_clock_jumps(lab):
    clock = WallClock(lab.folder)
    lab.environment = clock.environment
    lab.pair('port-restricted', 'port-restricted')
    clock.set('+3600')  # a moment after both have started
    load = lab.load()
    clock.set('+0')
    load.has_begun(6)
    clock.set('+3600')
    load.has_begun(10)
    clock.set('-3600')
    return load, time.monotonic()


def large_packets_vanish(lab):
    lab.pair('port-restricted', 'port-restricted')
    load = lab.load()
    lab.net.largest = SMALL_PACKET_BYTES
    return load, time.monotonic()


def large_packets_vanish_over_tcp(lab):
    lab.pair('open+tcp', 'open+tcp')
    load = lab.load()
    load.limit = BLACK_HOLE_SECONDS  # it is tried over TCP again and again
    lab.net.largest = SMALL_PACKET_BYTES
    return load, time.monotonic()


def mute_for_a_while(lab, node):
    load = lab.load()
    node.host.site.mute = True
    time.sleep(MUTE_SECONDS)
    node.host.site.mute = False
    return load, time.monotonic()


def nothing_leaves_giver(lab):
    lab.pair('port-restricted', 'port-restricted')
    return mute_for_a_while(lab, lab.giver)


def nothing_leaves_loader(lab):
    lab.pair('port-restricted', 'port-restricted')
    return mute_for_a_while(lab, lab.loader)


def nothing_leaves_giver_over_tcp(lab):
    lab.pair('open+tcp', 'open+tcp')
    return mute_for_a_while(lab, lab.giver)


def vpn_comes(lab, node):
    load = lab.load()
    Vpn(node.host, lab.site('port-restricted'))
    return load, time.monotonic()


def loaders_vpn_comes(lab):
    lab.pair('port-restricted', 'port-restricted')
    return vpn_comes(lab, lab.loader)


def givers_vpn_comes(lab):
    lab.pair('port-restricted', 'port-restricted')
    return vpn_comes(lab, lab.giver)


def open_loaders_vpn_comes(lab):
    lab.pair('open+tcp', 'open+tcp')
    return vpn_comes(lab, lab.loader)


def loaders_vpn_goes(lab):
    lab.pair('port-restricted', 'port-restricted')
    vpn = Vpn(lab.loader.host, lab.site('port-restricted'))
    load = lab.load()
    vpn.close()
    return load, time.monotonic()


def late_client(lab):
    lab.giver = lab.node(lab.site('port-restricted'))
    time.sleep(SETTLED_SECONDS)
    lab.site('port-restricted').take(lab.giver.host)
    moved = time.monotonic()
    lab.loader = lab.node(lab.site('port-restricted'))
    lab.options.mebibytes = 3
    time.sleep(max(0, moved + LATE_SECONDS - time.monotonic()))
    path, uri = lab.file()
    load = Load(lab.loader, uri, path)
    load.limit = LATE_SECONDS
    return load, load.began


SCENES = (loaders_nat_forgets, givers_nat_forgets, loader_moves, giver_moves, open_giver_moves,
          both_move, interface_down, relay_restarts, tunnel_restarts, tunnel_is_away,
          giver_stands_still, giver_restarts, direct_path_appears, tcp_is_reset, tcp_falls_silent,
          large_packets_vanish, large_packets_vanish_over_tcp, nothing_leaves_giver, nothing_leaves_loader,
          nothing_leaves_giver_over_tcp, loaders_vpn_comes, givers_vpn_comes, open_loaders_vpn_comes,
          loaders_vpn_goes, wall_clock_jumps, late_client,
          bootstrap_goes)  # the last: there is no DHT after it
QUICK = ('loader_moves', 'giver_restarts', 'tcp_falls_silent')


def play(scene, lab, patience):
    load, back = scene(lab)
    load.wait(patience)
    code = load.process.returncode
    whole = code == 0 and same(load.path, load.path + '.loaded')
    first, longest = load.silences(back)
    limit = getattr(load, 'limit', lab.options.stall)
    right = whole and max(first, longest) < limit
    print('%-20s %s: first %.1f s, longest %.1f s, in all %.1f s, %s%s' % (
        scene.__name__, 'right' if right else 'SLOW' if whole else 'FAILED', first, longest,
        load.ended - load.began, lab.ways(),
        '' if whole else ', status %s, %d MiB: %s' % (code, load.points[-1][1] >> 20, load.words())),
        flush=True)
    return right


def main():
    names = [scene.__name__ for scene in SCENES]
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument('scenes', nargs='*', metavar='SCENE', help=', '.join(names))
    arguments.add_argument('--mebibytes', type=int, default=16)
    arguments.add_argument('--rate', type=int, default=2 << 20)
    arguments.add_argument('--stall', type=float, default=3)
    arguments.add_argument('--patience', type=float, default=90)
    arguments.add_argument('--keep', help='a directory for what the daemons say')
    options = arguments.parse_args()
    wanted = options.scenes or ['quick']
    wanted = names if wanted == ['all'] else QUICK if wanted == ['quick'] else wanted
    opened = open_lab()
    if not opened:
        return 77
    net, dht = opened
    good = True
    try:
        for scene in SCENES:
            if scene.__name__ not in wanted:
                continue
            if scene is wall_clock_jumps and not FAKETIME:
                print('wall_clock_jumps SKIPPED: faketime is missing')
                continue
            with tempfile.TemporaryDirectory(dir=options.keep) as folder:
                lab = Lab(net, dht, folder, argparse.Namespace(**vars(options)))
                try:
                    good &= play(scene, lab, options.patience)
                finally:
                    if options.keep:
                        subprocess.run('for d in ?; do cp $d/log %s/%s.$d; done' % (
                            options.keep, scene.__name__), shell=True, cwd=folder, check=False)
                    lab.stop()
    finally:
        for process in dht.processes:
            process.kill()
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())

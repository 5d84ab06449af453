#!/usr/bin/python3
"""table.py [--kinds A,B] [--pairs A:B,...] [--peers kp2p-kp2p,js-kp2p,...] [--times N] [--judge] [--keep DIR]: for
each ordered pair of sites (routers.py), a node in one, just started, loads a file from one in the other.
There is a kp2p-relay, which all know, and a daemon of the same channel that anybody can reach. Prints
the path, the seconds from the loader's start to the connection, those from the call to the first byte
(of a small file that is loaded beside) and to the first verified MiB, and the rate; then the medians,
and what they should be. `js` is kp2p over npm hyperdht.

    KP2P_COMMANDS=build/cmd python3 test/nat/table.py --judge

The pair KIND:same is two hosts of one site. 1 if a cell fails, or takes a worse path than it should;
77 where it cannot run. With --judge it is all pairs, mixed ones with hyperdht too, beside hyperdht alone where
that gives the measure; those that take luck are run as often as their worst is asked for; and 1 too
if a time is over its limit. That takes most of an hour, of a machine that does nothing else.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from daemons import Daemon
from internet import Unavailable
from matrix import open_lab
from routers import ROUTED_KINDS, RoutedSite
from tunnel import INTEROP, Relay, node_environment

# Two hosts of one site, and two that no hole leads between but have IPv6.
FURTHER = (('port-restricted', 'same'), ('port-restricted+hairpin+isolated', 'same'),
           ('random+ipv6', 'random+ipv6'))
# Each kind in each role.
FEW = 'open:random,random:full-cone,full-cone:proxied,proxied:blocked,blocked:port-restricted,' \
    'port-restricted:carrier,carrier:address-restricted,address-restricted:sequential,' \
    'sequential:firewall,firewall:open,random:random,port-restricted:same,' \
    'port-restricted+hairpin+isolated:same,random+ipv6:random+ipv6'
TUNNELLED = ('blocked', 'proxied')
CONES = ('open', 'full-cone', 'address-restricted', 'port-restricted', 'firewall', 'carrier')
START_SECONDS, LOAD_SECONDS, SETTLE_SECONDS, LEAVE_SECONDS = 40, 180, 20, 15
PROXY_PORT = 8888
SMALL_BYTES = 1000
LUCK = [pair for kind in ('port-restricted', 'firewall') for pair in (('random', kind), (kind, 'random'))]
LUCK_TIMES = 5  # of these four pairs


class Lines:
    """What a program says, each line with its time."""

    def __init__(self, stream):
        self.all, self.changed, self.over = [], threading.Condition(), False
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            with self.changed:
                self.all.append((time.monotonic(), line.rstrip()))
                self.changed.notify_all()
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def find(self, *words):
        for when, line in self.all:
            if all(word in line for word in words):
                return when, line
        return None

    def wait(self, seconds, *words):
        with self.changed:
            self.changed.wait_for(lambda: self.over or self.find(*words), seconds)
            return self.find(*words)


class Node(Daemon):
    """A daemon; `host` is one of a RoutedSite."""
    loads_by_itself = False

    def __init__(self, lab, host, folder, proxy=None):
        self.host, self.folder = host, folder
        self.environment = dict(os.environ, HOME=folder, KACHERY_STORAGE_DIR=folder + '/storage',
                                KACHERY_P2P_CONFIG_DIR=folder + '/config')
        for name in ('https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'):
            self.environment.pop(name, None)
        if proxy:
            self.environment['https_proxy'] = proxy
        os.makedirs(folder + '/storage')
        self.began = time.monotonic()
        self.process = host.popen(
            [self.command('kp2p-start-daemon'), '--channel', 'table', '--bootstrap', lab.dht.first,
             '--relay-url', lab.relay.url, '--no-port-mapping', '--no-lan',
             *(['--log-level', 'debug'] if lab.keep else [])],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines = Lines(self.process.stderr)

    def ready(self):
        return self.lines.wait(START_SECONDS, ' ready') is not None

    def joined(self):
        """It has met somebody of the channel, as who gives a file has before another one is started."""
        return self.ready() and self.lines.wait(START_SECONDS, 'connected to ') is not None

    def identity(self):
        return self.status()['node']

    def give(self, path):
        return self.run('kp2p-store', '--bare', path).stdout.strip()

    def seconds_to(self, node):
        found = self.lines.find('connected to ' + node)
        return found[0] - self.began if found else None

    def load(self, uri, dest, small):
        """The times of the call, of the first byte, of the first MiB and of the last; None if it fails."""
        began = time.monotonic()
        beside = small and self.host.popen([self.command('kp2p-load'), small], stdout=subprocess.PIPE,
                                           env=self.environment, stderr=subprocess.DEVNULL, text=True)
        first_byte = Lines(beside.stdout) if beside else None
        process = self.host.popen([self.command('kp2p-load'), '--json', uri], text=True,
                                  env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        lines = Lines(process.stdout)
        result = lines.wait(LOAD_SECONDS, '"result"')
        if not result:
            process.kill()
        process.wait()
        if beside:
            if not first_byte.wait(LOAD_SECONDS, '/'):
                beside.kill()
            beside.wait()
        if process.returncode or (beside and beside.returncode):
            return None
        shutil.copyfile(json.loads(result[1])['path'], dest)
        first = next((when for when, line in lines.all
                      if json.loads(line).get('verified_bytes', 0) >= 1 << 20), result[0])
        return began, first_byte.all[0][0] if beside else None, first, result[0]

    def path_to(self, node):
        """As status has it, the best; `tunnel` before it if datagrams leave through the relay."""
        status = self.status()
        for peer in status['peers']:
            if peer['node'] == node and peer['paths']:
                tunnel = 'tunnel ' if status['tunnel'] else ''
                return tunnel + peer['paths'][0]['path']
        return ''

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Script:
    """A kp2p node in JavaScript."""
    began = 0

    def __init__(self, lab, host, folder, proxy=None):
        del proxy
        self.lab, self.host, self.folder = lab, host, folder
        self.lines, self.process = None, None

    def start(self, job, *arguments):
        self.began = time.monotonic()
        self.process = self.host.popen(
            ['node', os.path.join(INTEROP, 'kp2p_peer.js'), job, self.lab.dht.first, 'table',
             *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(node_environment(), KP2P_PEER_HOST='0.0.0.0'))
        self.lines = Lines(self.process.stdout)

    def ready(self):
        return True

    joined = ready

    def give(self, path):
        self.start('give', path)
        return 'sha1://' + self.lab.sha1 if self.lines.wait(START_SECONDS, 'joined') else ''

    def identity(self):
        return json.loads(self.lines.wait(START_SECONDS, 'joined')[1])['node']

    def seconds_to(self, node):
        found = self.lines.find('"connection"', node)
        return found[0] - self.began if found else None

    def load(self, uri, dest, _):
        self.start('keep', uri.split('/')[2], dest, str(LOAD_SECONDS))
        result = self.lines.wait(LOAD_SECONDS, '"result"')
        return result and (self.began, None, None, result[0])

    def path_to(self, _):
        return ''

    def stop(self):
        """It takes back what it has announced: hyperswarm dials three at a time, and each that is dead
        takes it eight seconds."""
        if self.process:
            self.process.stdin.close()
            try:
                self.process.wait(LEAVE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Lab:
    def __init__(self, net, dht, folder, mebibytes, keep=None):
        self.net, self.dht, self.folder, self.keep = net, dht, folder, keep
        self.file = folder + '/file.dat'
        self.bytes = mebibytes << 20
        with open(self.file, 'wb') as file:
            file.write(os.urandom(self.bytes))
        self.small = folder + '/small.dat'
        with open(self.small, 'wb') as file:
            file.write(os.urandom(SMALL_BYTES))
        self.sha1 = subprocess.run(['sha1sum', self.file], stdout=subprocess.PIPE, text=True,
                                   check=True).stdout.split()[0]
        self.relay = Relay(folder, RoutedSite(net, 'open').host())
        self.reachable = Node(self, RoutedSite(net, 'open').host(), folder + '/reachable')
        self.reachable.ready()
        self.reachable.wait_until(lambda status: status['relay']['serves'], START_SECONDS)
        self.cells = 0

    def close(self):
        self.reachable.stop()
        self.relay.stop()

    def node(self, language, site, folder):
        """In the site; behind its proxy if there is no other way out."""
        started = []
        proxy = None
        if site.kind == 'proxied':
            computer = site.host()
            configuration = folder + '.conf'
            with open(configuration, 'w', encoding='utf-8') as file:
                file.write('Port %d\nListen %s\nTimeout 600\nConnectPort 443\n' %
                           (PROXY_PORT, computer.address))
            started.append(computer.popen(['tinyproxy', '-d', '-c', configuration],
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            proxy = 'http://%s:%d' % (computer.address, PROXY_PORT)
        make = Node if language == 'kp2p' else Script
        return make(self, site.host(), folder, proxy), started

    def cell(self, languages, kinds):
        self.cells += 1
        folder = '%s/%d' % (self.folder, self.cells)
        os.makedirs(folder)
        site = RoutedSite(self.net, kinds[0])
        other = site if kinds[1] == 'same' else RoutedSite(self.net, kinds[1])
        giver, beside = self.node(languages[1], other, folder + '/giver')
        loader = None
        try:
            uri = giver.give(self.file) if giver.joined() else ''
            if not uri:
                return {'error': 'the giver is not ready'}
            loader, more = self.node(languages[0], site, folder + '/loader')
            beside += more
            if not loader.ready():
                return {'error': 'the loader is not ready'}
            return self.load(loader, giver, uri, folder + '/loaded.dat')
        finally:
            for name, node in (('giver', giver), ('loader', loader)):
                if node:
                    node.stop()
                    self.keep_words(node, '%d-%s-%s.%s' % (self.cells, *kinds, name))
            for process in beside:
                process.kill()
                process.wait()
            shutil.rmtree(folder)

    def keep_words(self, node, name):
        """Each with the seconds since the loader, or giver, was started."""
        if self.keep and node.lines:
            with open(os.path.join(self.keep, name), 'w', encoding='utf-8') as file:
                for when, line in node.lines.all:
                    file.write('%.3f %.3f %s\n' % (when, when - node.began, line))

    def load(self, loader, giver, uri, dest):
        both = isinstance(loader, Node) and isinstance(giver, Node)
        loaded = loader.load(uri, dest, giver.give(self.small) if both else None)
        if not loaded:
            return {'error': 'not loaded'}
        if subprocess.run(['cmp', self.file, dest], check=False).returncode:
            return {'error': 'other bytes'}
        began, byte, first, last = loaded
        ours, theirs = loader, giver.identity()
        if isinstance(loader, Script):
            ours, theirs = giver, loader.identity()
        result = {'connected': loader.seconds_to(giver.identity()), 'byte': byte and byte - began,
                  'first': first and first - began, 'rate': self.bytes / (last - began) / (1 << 20)}
        if isinstance(ours, Node):
            log = ours.lines.find('connected to ' + theirs)
            result['first_path'] = log[1] if log else ''
            result['path'] = self.settled_path(ours, theirs)
            if not result['path'].startswith('tunnel') and isinstance(giver, Node) and \
                    giver.status()['tunnel']:
                result['path'] = 'to a tunnel ' + result['path']
        return result

    @staticmethod
    def settled_path(node, remote):
        """What is relayed at first may be on its way to something better."""
        until = time.monotonic() + SETTLE_SECONDS
        path = node.path_to(remote)
        while 'relayed' in path and time.monotonic() < until:
            time.sleep(0.3)
            path = node.path_to(remote) or path
        return path


def plain(kind):
    return kind.split('+')[0]


def has_ipv6(kinds):
    """So that it is of no account what the routers do with IPv4."""
    return all('ipv6' in kind.split('+') for kind in kinds)


def wrong_path(peers, kinds, result):
    """Why the path is a worse one than it should be; empty if it is not."""
    if 'path' not in result:
        return ''
    path, both = result['path'], {plain(kind) for kind in kinds}
    if not path:
        return 'no path'
    if both & set(TUNNELLED):
        return ''
    if 'tunnel' in path:
        return 'tunnelled'
    if 'relayed' in path and has_ipv6(kinds) and 'js' not in peers:  # hyperdht has IPv4 alone
        return 'relayed'
    # A sequential NAT's ports are foretold for one whose own are known.
    if 'relayed' in path and not both <= {'random', 'sequential'}:
        return 'relayed'
    if 'relayed' in path and 'random' not in both:
        return 'relayed'
    return ''


def can_run(languages, kinds):
    """hyperdht has no tunnels, and one side has to be ours for there to be a relay."""
    kinds = [plain(kind if kind != 'same' else kinds[0]) for kind in kinds]
    if any(language == 'js' and kind in TUNNELLED for language, kind in zip(languages, kinds)):
        return False
    unsteady = {'random', 'sequential'}
    return 'kp2p' in languages or not (kinds[0] in unsteady and kinds[1] in unsteady)


def limits(cells, javascript, loader, giver):
    """What, the seconds of the cells that it is about, and the limits of their median and worst. A
    loader in JavaScript takes longer to start: as long as it takes where there is nothing to punch.
    A giver sends its first packets of a punch a second late."""
    def of(results, what='connected'):
        return [r[what] for r in results if r.get(what) is not None]

    def pairs(one, other):
        return [r for kinds, r in cells if 'path' in r and not has_ipv6(kinds) and
                (plain(kinds[0]) in one and plain(kinds[1]) in other or
                 plain(kinds[0]) in other and plain(kinds[1]) in one)]

    base = statistics.median(javascript) if javascript else None
    start = (base or 0 if loader == 'js' else 0) + (giver == 'js')
    yield 'cone, firewall, open: connected', of(pairs(CONES, CONES)), base and 1.1 * base, None
    yield ('random to full cone, address restricted: connected',
           of(pairs(('random',), ('full-cone', 'address-restricted'))), start + 0.4, None)
    yield ('random to port restricted, firewall: connected',
           of(pairs(('random',), ('port-restricted', 'firewall'))), start + 1.5, start + 6.0)
    yield 'sequential: connected', of(pairs(('sequential',), CONES)), start + 1.0, None
    yield 'relayed: first byte', of(pairs(('random',), ('random',)), 'byte'), 0.4, None
    yield 'tunnelled: first byte', of(pairs(TUNNELLED, ROUTED_KINDS), 'byte'), 1.0, None


def print_limits(peers, cells, javascript):
    late = 0
    for name, seconds, limit, worst_limit in limits(cells, javascript, *peers.split('-')):
        if not seconds:
            continue
        median, worst = statistics.median(seconds), max(seconds)
        said = []
        for what, value, most in (('median', median, limit), ('worst', worst, worst_limit)):
            if most is not None:
                over = value > most
                late += over
                said.append('%s of %.2f s at most: %s' % (what, most, 'LATE' if over else 'good'))
        print('%-9s %-50s median %5.2f s, worst of %d %5.2f s; %s' % (
            peers, name, median, len(seconds), worst, ', '.join(said) or 'not judged'))
    return late


def print_cell(peers, kinds, result):
    if 'error' in result:
        words = 'FAILED: ' + result['error']
    else:
        wrong = wrong_path(peers, kinds, result)
        there, byte, first = ('%.2f' % seconds if seconds else '-' for seconds in
                              (result['connected'], result['byte'], result['first']))
        words = '%6s %6s %6s %6.1f  %s%s%s' % (
            there, byte, first, result['rate'], result.get('path', ''),
            ', relayed at first' if 'through this relay' in result.get('first_path', '') else '',
            '  WRONG: ' + wrong if wrong else '')
    print('%-9s %-19s %-19s %s' % (peers, kinds[0], kinds[1], words), flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--kinds', default=','.join(ROUTED_KINDS))
    parser.add_argument('--pairs', help='LOADER:GIVER,... instead of all; `few`: each kind once in '
                        'each role')
    parser.add_argument('--peers', default='kp2p-kp2p')
    parser.add_argument('--times', type=int, default=1)
    parser.add_argument('--mebibytes', type=int, default=16)
    parser.add_argument('--judge', action='store_true')
    parser.add_argument('--keep', help='a directory for what the nodes say, daemons at debug')
    options = parser.parse_args()
    if options.judge:
        options.peers = 'js-js,kp2p-kp2p,kp2p-js,js-kp2p'
    return options


def pairs_of(options):
    kinds = options.kinds.split(',')
    if not options.pairs:
        return [(a, b) for a in kinds for b in kinds] + list(FURTHER)
    text = FEW if options.pairs == 'few' else options.pairs
    return [tuple(pair.split(':')) for pair in text.split(',')]


def is_steady(kinds):
    return {plain(kind) for kind in kinds} <= {*CONES, 'same'}


def times_of(options, languages, kinds):
    if not can_run(languages, kinds):
        return 0
    if options.judge and languages == ['js', 'js'] and not is_steady(kinds):
        return 0
    return LUCK_TIMES if options.judge and kinds in LUCK and 'js' not in languages else options.times


def print_verdict(cells, bad, late):
    print('%s: %d cells, of which %d fail or take a worse path than they should; %d times over their limit' %
          ('BAD' if bad or late else 'GOOD', sum(map(len, cells.values())), bad, late))


def run(lab, options):
    bad, cells, javascript = 0, {}, []
    print('%-9s %-19s %-19s %6s %6s %6s %6s' %
          ('peers', 'loader', 'giver', 'there', 'byte', '1 MiB', 'MiB/s'))
    for peers in options.peers.split(','):
        languages = peers.split('-')
        for kinds in pairs_of(options):
            for _ in range(times_of(options, languages, kinds)):
                result = lab.cell(languages, kinds)
                print_cell(peers, kinds, result)
                if peers == 'js-js':  # which is the measure, and not what is measured
                    seconds = result.get('connected')
                    if is_steady(kinds) and seconds:
                        javascript.append(seconds)
                else:
                    bad += 'error' in result or wrong_path(peers, kinds, result) != ''
                    cells.setdefault(peers, []).append((kinds, result))
    late = sum(print_limits(peers, cells[peers], javascript) for peers in cells)
    if options.judge:
        print_verdict(cells, bad, late)
    return bad or (late and options.judge)


def main():
    options = parse_arguments()
    if not shutil.which('nft') or not shutil.which('tinyproxy'):
        print('SKIPPED: nft or tinyproxy is missing')
        return 77
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    opened = open_lab()
    if not opened:
        return 77
    net, dht = opened
    lab = None
    with tempfile.TemporaryDirectory() as folder:
        try:
            lab = Lab(net, dht, folder, options.mebibytes, options.keep)
            return 1 if run(lab, options) else 0
        except Unavailable as error:
            print('SKIPPED: ' + str(error))
            return 77
        finally:
            if lab:
                lab.close()
            for process in dht.processes:
                process.kill()


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/python3
"""matrix.py [--kinds A,B] [--peers kp2p-kp2p,...] [--times N] [--expect]: for each ordered pair of
sites, who dials whom along which path, and the seconds to the first verified byte. Needs root.

    NAT_PEER=build/test/nat/nat-peer KP2P_COMMANDS=build/cmd python3 test/nat/matrix.py

77 where it cannot run. With --expect, a pair that ought to connect and does not is a failure.
"""
import argparse
import json
import os
import selectors
import statistics
import subprocess
import sys
import time

from internet import KINDS, Internet, Unavailable

HERE = os.path.dirname(os.path.abspath(__file__))
DHT_NODES = 6
DIAL_SECONDS = 25


def absolute(variable, default):
    return os.path.abspath(os.environ.get(variable, default))


def open_lab(*seed):
    """The network and its DHT; None, with a word on why, where there can be none."""
    if os.getuid() != 0 or not os.path.exists('/dev/net/tun'):
        print('SKIPPED: network namespaces and /dev/net/tun need root')
        return None
    try:
        net = Internet(*seed)
        return net, Dht(net)
    except Unavailable as error:
        print('SKIPPED: ' + str(error))
        return None


class Dht:
    """Persistent nodes on public addresses: enough that one need not relay what it samples."""

    def __init__(self, net):
        command = os.path.join(absolute('KP2P_COMMANDS', 'build/cmd'), 'kp2p-bootstrap')
        self.processes, self.first = [], None
        for _ in range(DHT_NODES):
            host = net.site('open').host()
            line = [command, '--host', host.address, '--port', '49737']
            if self.first:
                line += ['--bootstrap', self.first]
            process = host.popen(line, stderr=subprocess.PIPE, text=True)
            wait_for_line(process.stderr, 'ready')
            self.first = self.first or host.address + ':49737'
            self.processes.append(process)


def wait_for_line(stream, word, seconds=20):
    """Byte by byte, since select does not see what Python has read ahead."""
    line = b''
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not selector.select(until - time.monotonic()):
                continue
            byte = os.read(stream.fileno(), 1)
            line += byte
            if byte and byte != b'\n':
                continue
            if not byte or word in line.decode(errors='replace'):
                return line.decode(errors='replace')
            line = b''
    return ''


class Peer:
    count = 0

    def __init__(self, net, dht, language, kind, site=None):
        Peer.count += 1
        seed = '%064x' % (Peer.count + (os.getpid() << 32))
        self.site = site or net.site(kind)
        self.host = self.site.host()
        if language == 'kp2p':
            command = [absolute('NAT_PEER', 'build/test/nat/nat-peer'), dht.first, '0.0.0.0', seed]
        else:
            command = ['node', os.path.join(HERE, 'js_peer.js'), dht.first, seed]
        modules = os.path.join(HERE, '..', 'interop', 'node_modules')
        self.process = self.host.popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True, bufsize=1,
                                       env=dict(os.environ, NODE_PATH=os.environ.get('NODE_PATH', modules)))
        self.key = None

    def ready(self):
        line = wait_for_line(self.process.stdout, 'ready', 30)
        self.key = json.loads(line)['key'] if line else None
        return self.key is not None

    def connect(self, other):
        self.process.stdin.write('connect %s\n' % other.key)
        line = wait_for_line(self.process.stdout, '{', DIAL_SECONDS)
        return json.loads(line) if line else {'error': 'nothing within %d s' % DIAL_SECONDS}

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def may_fail(dialer, server):
    kinds = {dialer, server}
    return 'blocked' in kinds or kinds == {'random'} or kinds == {'random', 'sequential'}


def one(net, dht, languages, kinds, times):
    results = []
    for _ in range(times):
        dialer = Peer(net, dht, languages[0], kinds[0])
        site = dialer.site if kinds[1] == 'same' else None
        server = Peer(net, dht, languages[1], kinds[1], site)
        try:
            if dialer.ready() and server.ready():
                before = dialer.host.sent, server.host.sent
                result = dialer.connect(server)
                result['packets'] = [dialer.host.sent - before[0], server.host.sent - before[1]]
            else:
                result = {'error': 'not in the network'}
        finally:
            dialer.stop()
            server.stop()
        results.append(result)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--kinds', default=','.join(KINDS))
    parser.add_argument('--pairs', help='DIALER:SERVER,... instead of all; the server may be `same`: in the '
                        'same site; kinds: see Site')
    parser.add_argument('--peers', default='kp2p-kp2p')
    parser.add_argument('--times', type=int, default=1)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--expect', action='store_true')
    options = parser.parse_args()
    lab = open_lab(options.seed)
    if not lab:
        return 77
    net, dht = lab
    kinds = options.kinds.split(',')
    pairs = [(a, b) for a in kinds for b in kinds]
    if options.pairs:
        pairs = [tuple(pair.split(':')) for pair in options.pairs.split(',')]
    failures = 0
    print('%-12s %-20s %-20s %8s  %s' % ('peers', 'dialer', 'server', 'seconds', 'path'))
    for peers in options.peers.split(','):
        for pair in pairs:
            results = one(net, dht, peers.split('-'), pair, options.times)
            good = [result['ms'] / 1000 for result in results if 'ms' in result]
            last = results[-1]
            for result in results:
                if 'error' in result:
                    last = result
            text = last.get('error') or '%(local)s -> %(remote)s' % last
            seconds = '%.3f' % statistics.median(good) if good else '-'
            if len(good) < len(results):
                seconds += ' (%d of %d)' % (len(good), len(results))
                failures += not may_fail(*pair)
            sent = ', %d and %d packets' % tuple(last['packets']) if 'packets' in last else ''
            print('%-12s %-20s %-20s %8s  %s%s' % (peers, *pair, seconds, text, sent), flush=True)
    for process in dht.processes:
        process.kill()
    net.close()
    return 1 if failures and options.expect else 0


if __name__ == '__main__':
    sys.exit(main())

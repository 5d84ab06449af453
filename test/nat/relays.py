#!/usr/bin/python3
"""relays.py: nodes behind random NATs, which no hole leads through, connect through a relay, each
part played by kp2p or by JavaScript (hyperdht, blind-relay). Prints what took how long.

    KP2P_COMMANDS=build/cmd INTEROP_SWARM=build/test/interop/interop-swarm python3 test/nat/relays.py

77 where it cannot run.
"""
import json
import os
import subprocess
import sys
import tempfile

from daemons import Daemon
from matrix import DIAL_SECONDS, HERE, absolute, open_lab, wait_for_line

MODULES = os.path.join(HERE, '..', 'interop', 'node_modules')
LINES = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


class Program:
    """One that says {"ready":true,...}, and takes `connect KEY`."""
    count = 0

    def __init__(self, net, kind, command):
        Program.count += 1
        self.seed = '%064x' % (Program.count + (os.getpid() << 32))
        self.process = net.site(kind).host().popen(
            [word.replace('SEED', self.seed) for word in command],
            env=dict(os.environ, NODE_PATH=os.environ.get('NODE_PATH', MODULES)), **LINES)
        line = wait_for_line(self.process.stdout, 'ready', 30)
        self.key = json.loads(line).get('key') if line else None

    def connect(self, key, word):
        self.process.stdin.write('connect %s\n' % key)
        line = wait_for_line(self.process.stdout, word, DIAL_SECONDS)
        return json.loads(line) if line else {'error': 'nothing within %d s' % DIAL_SECONDS}

    def stop(self):
        self.process.kill()
        self.process.wait()


class Lab:
    def __init__(self, net, dht):
        self.net, self.dht, self.started = net, dht, []

    def add(self, program):
        self.started.append(program)
        return program

    def javascript(self, kind, script, *more):
        command = ['node', os.path.join(HERE, script), self.dht.first, 'SEED', *more]
        return self.add(Program(self.net, kind, command))

    def swarm(self, kind):
        command = [absolute('INTEROP_SWARM', 'build/test/interop/interop-swarm'), self.dht.first,
                   '0.0.0.0', 'SEED', 'swarm']
        return self.add(Program(self.net, kind, command))

    def daemon(self, kind, folder):
        return self.add(Daemon(self.net, self.dht, kind, folder))

    def stop(self):
        for each in self.started:
            each.stop()


def node_of(daemon):
    return daemon.status()['node']


def javascript_to_kp2p_through_javascript(lab, folder):
    relay = lab.javascript('open', 'js_relay.js')
    server = lab.daemon('random', folder + '/server')
    client = lab.javascript('random', 'js_peer.js', relay.key)
    result = client.connect(node_of(server), '{')
    return result, bool(wait_for_line(relay.process.stdout, 'paired', 1))


def javascript_to_kp2p_through_kp2p(lab, folder):
    relay = lab.daemon('open', folder + '/relay')
    server = lab.daemon('random', folder + '/server')
    client = lab.javascript('random', 'js_peer.js', node_of(relay))
    server.wait_until(lambda status: status['connections'] > 0)
    result = client.connect(node_of(server), '{')
    return result, relay.status()['relay']['all_pairs'] > 0


def kp2p_to_javascript_through_javascript(lab, _):
    relay = lab.javascript('open', 'js_relay.js')
    server = lab.javascript('random', 'js_peer.js', relay.key)
    client = lab.swarm('random')
    result = client.connect(server.key, server.key)
    return result, bool(wait_for_line(relay.process.stdout, 'paired', 1))


def main():
    if not os.path.isdir(os.environ.get('NODE_PATH', MODULES)):
        print('SKIPPED: test/interop/node_modules is missing')
        return 77
    opened = open_lab()
    if not opened:
        return 77
    net, dht = opened
    good = True
    for play in (javascript_to_kp2p_through_javascript, javascript_to_kp2p_through_kp2p,
                 kp2p_to_javascript_through_javascript):
        lab = Lab(net, dht)
        with tempfile.TemporaryDirectory() as folder:
            try:
                result, relayed = play(lab, folder)
            finally:
                lab.stop()
        right = 'error' not in result and relayed
        print('%s: %s %s' % (play.__name__, 'right' if right else 'FAILED', result), flush=True)
        good &= right
    for process in dht.processes:
        process.kill()
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())

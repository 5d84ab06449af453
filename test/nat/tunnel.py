#!/usr/bin/python3
"""tunnel.py [-k NAME]: daemons in networks that let no UDP out share files with one behind a NAT,
through a kp2p-relay. Needs root.

    KP2P_COMMANDS=build/cmd python3 test/nat/tunnel.py
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from daemons import Daemon, trial
from internet import Internet, Unavailable
from matrix import Dht, wait_for_line

PATIENCE_SECONDS = 60
IDLE_SECONDS = 10
ENDED_SECONDS = 12  # 6 of them for what comes at that rate
INTEROP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'interop')
world = None


class World:
    def __init__(self):
        if os.getuid() != 0:
            raise Unavailable('network namespaces need root')
        self.net = Internet()
        self.dht = Dht(self.net)


def until(what, seconds=PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = what()
        if value:
            return value
        time.sleep(0.1)
    return None


class Relay:
    """A relay on a public address; its URL stays when it starts again."""

    def __init__(self, folder, host, *options):
        self.host = host
        self.line = [Daemon.command('kp2p-relay'), '--token-file', folder + '/token', *options]
        self.start()

    def start(self):
        self.process = self.host.popen(self.line, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        self.url = wait_for_line(self.process.stdout, '#').strip()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Node(Daemon):
    """A daemon on a host that is there already."""

    def __init__(self, host, folder, options=(), environment=None):
        self.host, self.folder, self.options = host, folder, options
        self.environment = dict(os.environ, HOME=folder, KACHERY_STORAGE_DIR=folder + '/storage',
                                KACHERY_P2P_CONFIG_DIR=folder + '/config')
        for name in ('https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY'):
            self.environment.pop(name, None)
        self.environment.update(environment or {})
        self.log = open(folder + '/log', 'w+', encoding='utf-8')
        self.start()

    def start(self):
        said = self.words().count('ready')
        self.process = self.host.popen([self.command('kp2p-start-daemon'), '--channel', 'nat',
                                        *self.options], env=self.environment, stderr=self.log)
        if not until(lambda: self.words().count('ready') > said, 30):
            raise AssertionError('not ready: ' + self.words())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def words(self):
        with open(self.folder + '/log', encoding='utf-8') as file:
            return file.read()

    def status(self):
        return json.loads(self.run('kp2p-status', '--json').stdout or '{}')

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Tunnelled(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.nodes = []

    def node(self, host, *options, folder=None, **environment):
        folder = folder or '%s/%d' % (self.folder, len(self.nodes))
        os.makedirs(folder + '/storage', exist_ok=True)
        node = Node(host, folder, ('--bootstrap', world.dht.first, *options), environment)
        self.nodes.append(node)
        self.addCleanup(node.stop)
        return node

    def relay(self, *options, host=None):
        relay = Relay(self.folder, host or world.net.site('open+tcp').host(), *options)
        self.addCleanup(relay.stop)
        return relay

    def file(self, name, mebibytes):
        path = '%s/%s' % (self.folder, name)
        with open(path, 'wb') as file:
            file.write(os.urandom(mebibytes << 20))
        return path

    def is_tunnelled(self, node):
        return until(lambda: node.status().get('tunnel')) is not None

    def loads(self, loader, giver, mebibytes=3):
        path = self.file('given-by-%s' % giver.host.address, mebibytes)
        uri = giver.run('kp2p-store', path).stdout.strip()
        began = time.monotonic()
        loaded = loader.run('kp2p-load', uri, '--dest', path + '.loaded')
        seconds = time.monotonic() - began
        self.assertEqual(loaded.returncode, 0, loader.words()[-3000:])
        self.assertTrue(same(path, path + '.loaded'))
        print('%s loads %d MiB in %.2f s' % (self.id(), mebibytes, seconds), flush=True)

    def share(self, inside, outside):
        self.assertTrue(self.is_tunnelled(inside), inside.words())
        self.loads(inside, outside)
        self.loads(outside, inside)

    def test_where_udp_is_blocked(self):
        relay = self.relay()
        outside = self.node(world.net.site('port-restricted').host())
        inside = self.node(world.net.site('blocked+tcp').host(), '--relay-url', relay.url)
        self.share(inside, outside)
        # The URL is remembered, and its secret is told to nobody.
        token = relay.url.split('#')[1].split('.')[0]
        self.assertNotIn(token, inside.words() + json.dumps(inside.status()))

    def test_one_that_a_member_uses_is_learnt_and_kept(self):
        relay = self.relay()
        told = self.node(world.net.site('port-restricted').host(), '--relay-url', relay.url)
        silent = self.node(world.net.site('open').host(), '--relay-url', relay.url, '--no-share-relay')
        moving = self.node(world.net.site('port-restricted').host())
        kept = moving.folder + '/config/relays'
        self.assertTrue(until(lambda: os.path.exists(kept)), moving.words())
        with open(kept, encoding='utf-8') as file:
            self.assertEqual(file.read().strip(), relay.url)
        self.assertEqual(os.stat(kept).st_mode & 0o777, 0o600)
        self.assertNotIn(relay.url.split('#')[1], moving.words())
        moving.stop()
        # It is for where UDP is blocked: elsewhere nobody is made to connect to what a member names.
        free = self.node(world.net.site('firewall+tcp').host(), folder=moving.folder)
        self.assertTrue(until(lambda: free.status().get('connections')), free.words())
        self.assertNotIn('UDP port', free.words())
        free.stop()
        told.stop()
        inside = self.node(world.net.site('blocked+tcp').host(), folder=moving.folder)
        self.share(inside, silent)

    def test_where_no_name_server_answers(self):
        """As where web proxies alone look names up: the address beside the bootstrap node's name is used."""
        relay = self.relay()
        host, folder = world.net.site('blocked+tcp').host(), self.folder + '/nameless'
        os.makedirs(folder + '/storage')
        with open(folder + '/resolv.conf', 'w', encoding='utf-8') as file:
            file.write('nameserver 45.200.0.1\n')  # nobody
        address, port = world.dht.first.split(':')
        command = ('mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$1" --channel nat '
                   '--bootstrap "$2" --relay-url "$3"')
        environment = dict(os.environ, HOME=folder, KACHERY_STORAGE_DIR=folder + '/storage',
                           KACHERY_P2P_CONFIG_DIR=folder + '/config')
        log = open(folder + '/log', 'w+', encoding='utf-8')
        self.addCleanup(log.close)
        process = host.popen(['unshare', '-m', 'sh', '-c', command, folder,
                              Daemon.command('kp2p-start-daemon'), '%s@dht.example:%s' % (address, port),
                              relay.url], env=environment, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

        def is_in_network():
            said = host.run([Daemon.command('kp2p-status'), '--json'], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            status = json.loads(said or '{}')
            return status.get('tunnel') and status.get('bootstrapped')
        self.assertTrue(until(is_in_network))

    def test_two_that_both_need_it(self):
        relay = self.relay()
        nodes = [self.node(world.net.site('blocked+tcp+isolated').host(), '--relay-url', relay.url)
                 for _ in range(2)]
        self.assertTrue(self.is_tunnelled(nodes[1]))
        self.share(*nodes)

    def proxy(self, site):
        """Which alone the site lets out; it takes me with secret, and ends what idles."""
        if not shutil.which('tinyproxy'):
            self.skipTest('no tinyproxy')
        proxy = site.host()
        site.proxies.add(packed(proxy))
        configuration = self.folder + '/tinyproxy.conf'
        with open(configuration, 'w', encoding='utf-8') as file:
            file.write('Port 8888\nListen %s\nTimeout %d\nConnectPort 443\nBasicAuth me secret\n'
                       % (proxy.address, IDLE_SECONDS))
        process = proxy.popen(['tinyproxy', '-d', '-c', configuration], stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return proxy

    def socks(self, site, *limit):
        """The same for one that speaks SOCKS, and may end what has carried so many bytes."""
        proxy = site.host()
        site.proxies.add(packed(proxy))
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'socks_proxy.py')
        process = proxy.popen([sys.executable, script, proxy.address, '1080', 'me', 'secret',
                               *limit])
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return proxy

    def node_behind(self, proxy_of, variable, url):
        """A site that lets nothing out but the proxy that proxy_of() starts there, which `url` is of."""
        relay = self.relay()
        site = world.net.site('blocked+tcp')
        proxy = proxy_of(site)
        return self.node(site.host(), '--relay-url', relay.url, **{variable: url % proxy.address})

    def test_where_a_proxy_is_all_there_is(self):
        inside = self.node_behind(self.proxy, 'https_proxy', 'http://me:secret@%s:8888')
        self.share(inside, self.node(world.net.site('port-restricted').host()))

    def test_a_proxy_that_ends_what_idles(self):
        inside = self.node_behind(self.proxy, 'https_proxy', 'http://me:secret@%s:8888')
        self.assertTrue(self.is_tunnelled(inside), inside.words())
        self.assertTrue(until(lambda: inside.status()['uptime_seconds'] > 2 * IDLE_SECONDS))
        self.assertNotIn('broke', inside.words())

    def test_where_a_socks_proxy_is_all_there_is(self):
        inside = self.node_behind(self.socks, 'all_proxy', 'socks5h://me:secret@%s:1080')
        self.share(inside, self.node(world.net.site('port-restricted').host()))

    def test_a_proxy_that_ends_what_has_carried_much(self):
        inside = self.node_behind(lambda site: self.socks(site, '3000000'), 'all_proxy',
                                  'socks5h://me:secret@%s:1080')
        outside = self.node(world.net.site('port-restricted').host())
        self.assertTrue(self.is_tunnelled(inside), inside.words())
        outside.run('kp2p-limit', '--up', '2M')
        began = time.monotonic()
        self.loads(inside, outside, 12)
        self.assertGreater(inside.words().count('broke'), 2)
        self.assertLess(time.monotonic() - began, ENDED_SECONDS, inside.words())

    def check_password_is_said(self, node):
        self.assertTrue(until(lambda: 'a user and a password' in node.words()), node.words())
        self.assert_said(node, 'a user and a password')

    def test_a_proxy_that_wants_another_password_is_said(self):
        self.check_password_is_said(self.node_behind(self.proxy, 'https_proxy', 'http://me:wrong@%s:8888'))

    def test_a_socks_proxy_that_wants_another_password_is_said(self):
        self.check_password_is_said(self.node_behind(self.socks, 'all_proxy', 'socks5h://me:wrong@%s:1080'))

    def javascript(self, job, *arguments):
        host = world.net.site('port-restricted').host()
        return host.popen(['node', os.path.join(INTEROP, 'kp2p_peer.js'), job, world.dht.first, 'nat',
                           *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=dict(node_environment(), KP2P_PEER_HOST='0.0.0.0'))

    def test_javascript_peers_find_it_and_are_found(self):
        if not shutil.which('node') or subprocess.run(
                ['node', '-e', "require('hyperdht')"], cwd=INTEROP, env=node_environment(),
                stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest('no hyperdht')
        relay = self.relay()
        inside = self.node(world.net.site('blocked+tcp').host(), '--relay-url', relay.url)
        self.assertTrue(self.is_tunnelled(inside), inside.words())
        ours, theirs = self.file('ours', 3), self.file('theirs', 3)
        uri = inside.run('kp2p-store', '--bare', ours).stdout.strip()
        sha1 = uri.split('/')[2]
        got = self.javascript('get', sha1, ours + '.got', str(PATIENCE_SECONDS))
        words, _ = got.communicate(timeout=2 * PATIENCE_SECONDS)
        self.assertEqual(got.returncode, 0, words + inside.words())
        self.assertTrue(same(ours, ours + '.got'))
        giver = self.javascript('give', theirs)
        self.addCleanup(giver.communicate)
        self.assertTrue(wait_for_line(giver.stdout, 'joined', PATIENCE_SECONDS))
        name = 'sha1://%s/theirs' % sha1_of(theirs)
        loaded = until(lambda: inside.run('kp2p-load', name, '--dest', theirs + '.got').returncode == 0)
        self.assertTrue(loaded, inside.words())
        self.assertTrue(same(theirs, theirs + '.got'))

    def test_behind_nginx(self):
        nginx = shutil.which('nginx') or '/usr/sbin/nginx'
        if not os.path.exists(nginx):
            self.skipTest('no nginx')
        relay = self.relay('--no-tls')
        certify(self.folder, relay.host)
        with open(self.folder + '/nginx.conf', 'w', encoding='utf-8') as file:
            file.write(NGINX % {'folder': self.folder, 'host': relay.host.address})
        process = relay.host.popen([nginx, '-c', self.folder + '/nginx.conf'],
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        token = relay.url.split('#')[1]
        url = 'https://%s:8443/kp2p#%s.%s' % (relay.host.address, token, fingerprint(self.folder))
        outside = self.node(world.net.site('port-restricted').host())
        inside = self.node(world.net.site('blocked+tcp').host(), '--relay-url', url)
        self.share(inside, outside)

    def test_a_load_outlives_a_restart_of_the_relay(self):
        relay = self.relay()
        outside = self.node(world.net.site('port-restricted').host())
        inside = self.node(world.net.site('blocked+tcp').host(), '--relay-url', relay.url)
        self.assertTrue(self.is_tunnelled(inside), inside.words())
        path = self.file('large', 24)
        uri = outside.run('kp2p-store', path).stdout.strip()
        load = inside.host.popen(
            [Daemon.command('kp2p-load'), uri, '--dest', path + '.loaded'], env=inside.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(until(lambda: inside.status().get('partial_bytes', 0) > 2 << 20))
        before = inside.status()['udp']
        relay.stop()
        self.assertIsNone(load.poll())
        relay.start()
        self.assertEqual(load.wait(PATIENCE_SECONDS), 0, inside.words()[-3000:])
        self.assertTrue(same(path, path + '.loaded'))
        self.assertEqual(inside.status()['udp'], before)  # the port is the same

    def test_udp_is_used_where_it_works_and_when_it_comes_back(self):
        relay = self.relay()
        site = world.net.site('open+tcp')
        node = self.node(site.host(), '--relay-url', relay.url)
        self.assertIsNone(node.status()['tunnel'])
        outside = self.node(world.net.site('port-restricted').host())
        # What they are connected by then leads nowhere, which neither is told.
        self.assertTrue(until(lambda: node.status()['connections']), node.words())
        site.nat.kind = 'blocked'
        self.assertTrue(self.is_tunnelled(node), node.words())
        self.loads(node, outside)
        site.nat.kind = 'open'
        self.assertTrue(until(lambda: node.status()['tunnel'] is None), node.words())
        self.loads(outside, node)

    def test_the_doctor_tries_a_way_from_there(self):
        relay = self.relay()
        node = self.node(world.net.site('firewall+tcp').host(), '--relay-url', relay.url)
        for kind in ('open', 'port-restricted'):
            other = self.node(world.net.site(kind).host()).status()['node']
            tried = trial(node, other, 'tunnelled')
            self.assertTrue(tried and tried['works'], tried)
            print('%s, %s: %s' % (self.id(), kind, tried), flush=True)
        self.assertIsNone(node.status()['tunnel'])
        relay.stop()
        tried = trial(node, other, 'tunnelled')
        relay.start()
        self.assertEqual(tried['finding']['code'], 'tunnel_failed')

    def test_a_certificate_that_is_trusted(self):
        host = world.net.site('open+tcp').host()
        certify(self.folder, host)
        relay = self.relay('--cert', self.folder + '/cert.pem', '--key', self.folder + '/key.pem',
                           host=host)
        self.assertNotIn('.', relay.url.split('#')[1])
        site = world.net.site('blocked+tcp')
        believer = self.node(site.host(), '--relay-url', relay.url,
                             SSL_CERT_FILE=self.folder + '/cert.pem')
        self.assertTrue(self.is_tunnelled(believer), believer.words())
        doubter = self.node(site.host(), '--relay-url', relay.url)
        self.assertTrue(until(lambda: 'no TLS' in doubter.words()), doubter.words())
        self.assertIsNone(doubter.status()['tunnel'])

    def test_a_wrong_token_is_said(self):
        relay = self.relay()
        url = relay.url.replace('#', '#wrong')
        node = self.node(world.net.site('blocked+tcp').host(), '--relay-url', url)
        self.assertTrue(until(lambda: 'does not know the token' in node.words()), node.words())
        self.assert_said(node, 'does not know the token')

    def assert_said(self, node, words):
        """Who asks for a file, or the doctor, is told why."""
        found = node.host.run([Daemon.command('kp2p-find'), 'sha1://' + 40 * '1'], text=True,
                              env=node.environment, stderr=subprocess.PIPE)
        self.assertEqual(found.returncode, 4)
        self.assertIn(words, found.stderr.splitlines()[0])
        checks = [json.loads(line) for line in node.run('kp2p-doctor', '--json').stdout.splitlines()]
        said = [check for check in checks if check.get('section') == 'tunnel']
        self.assertEqual([check['health'] for check in said], ['problem'], checks)
        self.assertIn(words, said[0]['message'])

    def test_another_certificate_is_not_taken(self):
        relay = self.relay()
        url = relay.url[:-4] + '0000'
        node = self.node(world.net.site('blocked+tcp').host(), '--relay-url', url)
        self.assertTrue(until(lambda: 'no TLS' in node.words()), node.words())
        self.assertIsNone(node.status()['tunnel'])
        self.assert_said(node, 'its certificate is not that of the URL')


NGINX = '''
daemon off;
pid %(folder)s/nginx.pid;
error_log stderr;
worker_processes 1;
events { worker_connections 64; }
http {
    access_log off;
    server {
        listen %(host)s:8443 ssl;
        ssl_certificate %(folder)s/nginx.pem;
        ssl_certificate_key %(folder)s/nginx.pem;
        location /kp2p {
            proxy_pass http://%(host)s:443;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_buffering off;
            proxy_read_timeout 120s;
            proxy_send_timeout 120s;
        }
    }
}
'''


def same(path, other):
    return subprocess.run(['cmp', path, other], check=False).returncode == 0


def sha1_of(path):
    with open(path, 'rb') as file:
        return hashlib.sha1(file.read()).hexdigest()


def node_environment():
    return dict(os.environ, NODE_PATH=os.environ.get('NODE_PATH', INTEROP + '/node_modules'))


def packed(host):
    return bytes(int(part) for part in host.address.split('.'))


def certify(folder, host):
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=relay', '-addext',
                    'subjectAltName=IP:' + host.address, '-keyout', folder + '/key.pem', '-out',
                    folder + '/cert.pem'], check=True, stderr=subprocess.DEVNULL)
    with open(folder + '/nginx.pem', 'w', encoding='utf-8') as file:
        for name in ('cert.pem', 'key.pem'):
            with open(folder + '/' + name, encoding='utf-8') as part:
                file.write(part.read())


def fingerprint(folder):
    line = subprocess.run(['openssl', 'x509', '-in', folder + '/cert.pem', '-noout', '-sha256',
                           '-fingerprint'], check=True, stdout=subprocess.PIPE, text=True).stdout
    return line.split('=')[1].strip().replace(':', '').lower()


def main():
    global world
    try:
        world = World()
    except Unavailable as error:
        print('SKIPPED: ' + str(error))
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        result = unittest.main(exit=False).result
    finally:
        for process in world.dht.processes:
            process.kill()
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())

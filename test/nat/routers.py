"""Sites whose routers are Linux itself, in network namespaces of their own: nftables translates and
filters. The long way between the sites is that of internet.py. Needs root and nft.

    site = RoutedSite(net, 'port-restricted')
    host = site.host()
"""
import ipaddress
import os
import shutil
import subprocess

from internet import HOPS, ONE_WAY_SECONDS, Computer, Host, Unavailable

# What a site's router does with what its hosts send. `proxied` lets out nothing but what its first
# host, which is to run a proxy, sends over TCP; `carrier` is a NAT behind a provider's NAT.
ROUTED_KINDS = ('open', 'full-cone', 'address-restricted', 'port-restricted', 'random', 'sequential',
                'firewall', 'blocked', 'proxied', 'carrier')
PUBLIC_KINDS = ('open', 'firewall')

# The ports of the inside, as they show outside; whom each has sent to. An EIM NAT remembers these
# for as long as it is talked through, here a minute.
TABLES = '''
map cone { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; }
set met { type inet_service . ipv4_addr; flags dynamic,timeout; timeout 60s; }
chain note {
    type filter hook postrouting priority 150;
    oifname "wan" meta l4proto udp \
        update @cone { udp sport : ct original ip saddr . ct original proto-src }
    oifname "wan" meta l4proto udp update @met { udp sport . ip daddr }
}
'''
# What comes from outside and is nobody's must not make the kernel take its ports for used.
INPUT = 'chain mine { type filter hook input priority filter; iifname != "lo" meta l4proto udp drop; }\n'

SOURCE = {'random': 'masquerade fully-random',
          'sequential': 'meta l4proto udp snat ip to %(public)s : numgen inc mod 4000 map { ' +
                        ', '.join('%d : %d' % (i, 20000 + i) for i in range(4000)) + ' }'}
ENTRANCE = {'full-cone': 'iifname "wan" dnat ip to udp dport map @cone',
            'address-restricted':
                'iifname "wan" udp dport . ip saddr @met dnat ip to udp dport map @cone'}
FORWARD = {'firewall': 'ct state established,related accept; iifname "wan" drop',
           'blocked': 'meta l4proto udp drop',
           'proxied': 'iifname != "lan0" oifname "wan" drop; meta l4proto udp drop'}


def rules(kind, traits, public):
    """In the words of nft."""
    text = 'table ip kp2p {\n' + TABLES + INPUT
    forward = [FORWARD[kind]] if kind in FORWARD else []
    if 'isolated' in traits:
        forward.insert(0, 'ct status dnat accept; iifname "lan*" oifname "lan*" drop')
    text += 'chain through { type filter hook forward priority filter; %s; }\n' % (
        '; '.join(forward) or 'accept')
    if kind not in PUBLIC_KINDS:
        entrance = [ENTRANCE[kind]] if kind in ENTRANCE else []
        source = ['oifname "wan" ' + SOURCE.get(kind, 'masquerade') % {'public': public}]
        source.append('oifname "wan" masquerade')
        if 'hairpin' in traits:
            entrance.append('iifname "lan*" ip daddr %s dnat ip to udp dport map @cone' % public)
            source.append('oifname "lan*" ct status dnat snat to ' + public)
        text += 'chain in { type nat hook prerouting priority dstnat; %s; }\n' % (
            '; '.join(entrance) or 'accept')
        text += 'chain out { type nat hook postrouting priority srcnat; %s; }\n' % '; '.join(source)
    return text + '}\n'


# Over IPv6 nothing is translated, and what answers is let in.
RULES6 = '''
table ip6 kp2p {
    chain through {
        type filter hook forward priority filter; ct state established,related accept; iifname "wan" drop
    }
}
'''


def route(computer, ruleset):
    computer.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward; nft -f -'], input=ruleset,
                 text=True, check=True)


def wire(router, device, other, name, gateway, address):
    """A cable from the router's `device` to the other's `name`, which has the address."""
    other_end = '/proc/self/fd/%d' % other.namespace
    subprocess.run(['nsenter', '--net=/proc/self/fd/%d' % router.namespace, 'ip', 'link', 'add',
                    device, 'type', 'veth', 'peer', 'name', name, 'netns', other_end],
                   pass_fds=[router.namespace, other.namespace], check=True)
    router.ip(['link set %s up' % device, 'route add %s dev %s' % (address, device)])
    other.ip(['link set lo up', 'link set %s up' % name, 'address add %s/32 dev %s' % (address, name),
              'route add %s dev %s' % (gateway, name),
              'route add default via %s dev %s src %s' % (gateway, name, address)])


class Wired(Computer):
    """A host on a router's cable."""

    def __init__(self, site, address):
        super().__init__()
        self.site, self.address = site, address


class RoutedSite:
    """kind[+hairpin][+isolated][+ipv6]: see internet.Site."""

    def __init__(self, net, kind):
        if os.getuid() != 0 or not shutil.which('nft'):
            raise Unavailable('nftables need root')
        self.net = net
        self.kind, *self.traits = kind.split('+')
        self.count = 0
        number = len(net.sites) + 1
        self.place = '%d.%d' % (number >> 8, number & 255)
        self.address = '45.%s.1' % self.place
        net.sites.append(self)
        self.edge = Host(self, [self.address], 'wan')
        net.attach(self.edge)
        self.serve(self.address)
        self.router, self.gateway = self.edge, '10.%s.1' % self.place
        if self.kind == 'carrier':
            self.router = Computer()
            route(self.edge, rules('port-restricted', [], self.address))
            inner = '100.64.%d.2' % (number & 255)
            self.edge.ip(['address add 100.64.0.1/32 dev lo'])
            wire(self.edge, 'lan0', self.router, 'wan', '100.64.0.1', inner)
            route(self.router, rules('port-restricted', self.traits, inner))
        else:
            route(self.router, rules(self.kind, self.traits, self.address))
        self.router.ip(['address add %s/32 dev lo' % self.gateway])
        if 'ipv6' in self.traits:
            self.inside6 = '2a45:0:%x::' % number
            self.router.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding; nft -f -'],
                            input=RULES6, text=True, check=True)
            self.router.ip(['route add ::/0 dev wan'])

    def serve(self, address):
        self.net.by_address[bytes(int(part) for part in address.split('.'))] = self

    def host(self):
        inside = '45.%s.%d' if self.kind in PUBLIC_KINDS else '10.%s.%d'
        host = Wired(self, inside % (self.place, 2 + self.count))
        wire(self.router, 'lan%d' % self.count, host, 'net0', self.gateway, host.address)
        if self.kind in PUBLIC_KINDS:
            self.serve(host.address)
        if 'ipv6' in self.traits:
            self.wire6('lan%d' % self.count, host, self.inside6 + '%x' % (2 + self.count))
        self.count += 1
        return host

    def wire6(self, device, host, address):
        self.router.ip(['address add fe80::1/64 dev %s nodad' % device,
                        'route add %s/128 dev %s' % (address, device)])
        host.ip(['address add %s/128 dev net0 nodad' % address,
                 'route add ::/0 via fe80::1 dev net0 src %s' % address])
        self.net.by_address[ipaddress.ip_address(address).packed] = self

    # What internet.py asks of a site.

    def from_host(self, packet, now):
        if packet.ttl > HOPS:
            packet.ttl -= HOPS
            self.net.later(now + ONE_WAY_SECONDS, self.net.site_of(packet.dst[0]), packet)

    def arrive(self, packet, _):
        self.edge.write(packet)

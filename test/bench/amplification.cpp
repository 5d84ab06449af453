// amplification HOST:PORT [KEY [HOST:PORT]]: what a datagram in somebody else's name brings upon
// them. Sends each request once, from a socket of its own that never answers, and counts what comes
// there in fifteen seconds: a line each with bytes in, bytes out, and the factor between them (UDP
// payload). Then floods of twelve seconds: requests from one socket, and 183 handshakes a second
// from many that never answer, after which a newcomer tries. The first node is a persistent one, as
// kp2p-bootstrap runs on loopback; the second, or else the first, is a daemon with the public key
// KEY (64 hex digits), which is sent handshakes.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>

#include "node/reach/handshake.hpp"
#include "proto/compact.hpp"
#include "proto/dht/wire/rpc.hpp"
#include "proto/dht/wire/signatures.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace std::chrono_literals;

namespace {

using Wall = std::chrono::steady_clock;

constexpr std::size_t announced_peers = 25, value_bytes = 900;
constexpr auto patience = 15s, flood_time = 12s;

class Socket {
  public:
    Socket() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = system(Endpoint::loopback(0));
        ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    Socket(const Socket&) = delete;
    ~Socket() { ::close(fd_); }

    Endpoint local() const {
        sockaddr_in address{};
        socklen_t length = sizeof address;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
        return Endpoint::loopback(ntohs(address.sin_port));
    }
    void send(const Endpoint& to, ByteView bytes) {
        const sockaddr_in address = system(to);
        ::sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                 sizeof address);
    }
    // The next datagram, or nothing for so long.
    ByteVector receive(std::chrono::milliseconds wait) {
        pollfd waiting{fd_, POLLIN, 0};
        if (::poll(&waiting, 1, static_cast<int>(wait.count())) <= 0) return {};
        ByteVector bytes(2048);
        const auto size = ::recv(fd_, bytes.data(), bytes.size(), 0);
        bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return bytes;
    }
    std::size_t drain() {
        std::size_t bytes = 0;
        for (ByteVector next = receive(0ms); !next.empty(); next = receive(0ms))
            bytes += next.size();
        return bytes;
    }

  private:
    static sockaddr_in system(const Endpoint& endpoint) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(endpoint.port);
        std::memcpy(&address.sin_addr, endpoint.host.v4().data(), 4);
        return address;
    }
    int fd_;
};

// A client in good faith, which answers pings and prepares what others then ask for.
class Client {
  public:
    explicit Client(const Endpoint& node) : node_(node) {}

    std::optional<Reply> ask(Request request) {
        request.to = node_;
        request.tid = ++tid_;
        socket_.send(node_, encode(request));
        for (const auto end = Wall::now() + 2s; Wall::now() < end;) {
            const auto message = decode_rpc(socket_.receive(100ms));
            if (!message) continue;
            if (const auto* reply = std::get_if<Reply>(&*message)) return *reply;
            Reply pong;
            pong.tid = std::get<Request>(*message).tid;
            pong.to = node_;
            socket_.send(node_, encode(pong));
        }
        return std::nullopt;
    }
    // False if the node does not store anything.
    bool prepare(const DhtId& topic, const DhtId& value_target, const ByteVector& value) {
        Request request;
        request.command = Command::lookup;
        request.target = topic;
        const auto first = ask(request);
        if (!first || !first->token || !first->id) return false;
        const AnnounceScope scope{topic, *first->id, *first->token};
        request.token = first->token;
        request.command = Command::announce;
        for (std::size_t i = 0; i < announced_peers; ++i) {
            proto::Seed seed;
            seed.mutable_view()[0] = static_cast<std::uint8_t>(i + 1);
            const std::vector<Endpoint> relays(3, node_);
            request.value = signed_announce(AnnounceKind::announce, scope,
                                            proto::KeyPair::from_seed(seed), relays);
            if (!ask(request)) return false;
        }
        request.command = Command::immutable_put;
        request.target = value_target;
        request.value = value;
        return ask(request).has_value();
    }

  private:
    Socket socket_;
    Endpoint node_;
    std::uint16_t tid_ = 0;
};

struct Probe {
    std::string name;
    ByteVector request;
    Endpoint to;
    std::unique_ptr<Socket> sender = std::make_unique<Socket>();
    std::unique_ptr<Socket> victim;  // if it is another than the sender
};

Probe probe(std::string name, const Endpoint& to, AnyCommand command, std::optional<DhtId> target,
            std::optional<ByteVector> value = std::nullopt) {
    Request request;
    request.tid = 1;
    request.to = to;
    request.command = command;
    request.target = target;
    request.value = std::move(value);
    return {std::move(name), encode(request), to, std::make_unique<Socket>(), nullptr};
}

ByteVector greeting(const NodeId& key, std::uint64_t number) {
    NoisePayload payload;
    payload.firewall = Firewall::open;
    NoisePayload::Udx udx;
    udx.id = 7;
    payload.udx = udx;
    payload.secret_stream_version = 1;
    proto::Seed seed;
    std::memcpy(seed.mutable_view().data(), &number, sizeof number);
    SystemRandom random;
    auto noise = noise_initiator(random, proto::KeyPair::from_seed(seed), key);
    auto message = noise.write(payload.encode());
    return message ? *std::move(message) : ByteVector();
}

Probe handshake(const Endpoint& daemon, const NodeId& key, bool third_party) {
    PeerHandshake message;
    message.noise = greeting(key, 0);
    auto victim = std::make_unique<Socket>();
    if (third_party) {
        message.mode = Mode::from_relay;
        message.peer = victim->local();
    }
    auto made = probe(third_party ? "PEER_HANDSHAKE, a third party" : "PEER_HANDSHAKE", daemon,
                      Command::peer_handshake, target_of(key), message.encode());
    if (third_party) made.victim = std::move(victim);
    return made;
}

void measure(std::vector<Probe>& probes) {
    for (Probe& probe : probes) probe.sender->send(probe.to, probe.request);
    std::vector<std::size_t> bytes(probes.size());
    for (const auto end = Wall::now() + patience; Wall::now() < end; ::usleep(100000))
        for (std::size_t i = 0; i < probes.size(); ++i)
            bytes[i] += (probes[i].victim ? *probes[i].victim : *probes[i].sender).drain();
    std::printf("%-32s %8s %8s %7s\n", "request", "in", "out", "factor");
    for (std::size_t i = 0; i < probes.size(); ++i)
        std::printf("%-32s %8zu %8zu %7.2f\n", probes[i].name.c_str(), probes[i].request.size(),
                    bytes[i], double(bytes[i]) / double(probes[i].request.size()));
}

void flood(const Probe& probe) {
    Socket socket;
    std::size_t requests = 0, bytes = 0;
    for (const auto end = Wall::now() + flood_time; Wall::now() < end;) {
        for (int i = 0; i < 64; ++i, ++requests) socket.send(probe.to, probe.request);
        bytes += socket.drain();
    }
    std::printf("flood of %s: %zu requests, %zu bytes in, %zu bytes out\n", probe.name.c_str(),
                requests, requests * probe.request.size(), bytes + socket.drain());
}

void flood_of_handshakes(const Endpoint& daemon, const NodeId& key) {
    std::vector<std::unique_ptr<Socket>> sockets;
    for (int i = 0; i < 256; ++i) sockets.push_back(std::make_unique<Socket>());
    std::uint64_t sent = 0;
    Request request;
    request.to = daemon;
    request.command = Command::peer_handshake;
    request.target = target_of(key);
    for (const auto end = Wall::now() + flood_time; Wall::now() < end; ::usleep(5464)) {
        request.value = PeerHandshake{Mode::from_client, greeting(key, ++sent), {}, {}}.encode();
        sockets[sent % sockets.size()]->send(daemon, encode(request));
    }
    Client newcomer(daemon);
    request.value = PeerHandshake{Mode::from_client, greeting(key, ++sent), {}, {}}.encode();
    int tries = 1;
    while (tries < 5 && !newcomer.ask(request)) ++tries;
    std::printf("flood of %llu handshakes; a newcomer is answered at try %d\n",
                static_cast<unsigned long long>(sent - 1), tries);
}

int run(const Endpoint& node, const std::optional<NodeId>& key, const Endpoint& daemon) {
    const ByteVector value(value_bytes, 7), seq = proto::Writer().uint(0).take();
    const DhtId topic = target_of_value(seq), value_target = target_of_value(value);
    if (!Client(node).prepare(topic, value_target, value)) {
        std::fprintf(stderr, "amplification: %s is no persistent node\n", node.text().c_str());
        return 1;
    }
    std::vector<Probe> probes;
    probes.push_back(probe("PING", node, InternalCommand::ping, {}));
    probes.push_back(probe("FIND_NODE", node, InternalCommand::find_node, topic));
    probes.push_back(probe("FIND_PEER", node, Command::find_peer, topic));
    probes.push_back(probe("LOOKUP", node, Command::lookup, topic));
    probes.push_back(probe("MUTABLE_GET", node, Command::mutable_get, topic, seq));
    probes.push_back(probe("IMMUTABLE_GET", node, Command::immutable_get, value_target));
    if (key) probes.push_back(handshake(daemon, *key, false));
    if (key) probes.push_back(handshake(daemon, *key, true));
    measure(probes);
    flood(probes[0]);
    flood(probes[3]);
    if (key) flood_of_handshakes(daemon, *key);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const auto node = Endpoint::parse(argc > 1 ? argv[1] : "");
    const auto daemon = Endpoint::parse(argc > 3 ? argv[3] : argc > 1 ? argv[1] : "");
    std::optional<NodeId> key;
    if (argc > 2)
        if (const auto parsed = NodeId::from_hex(argv[2])) key = *parsed;
    if (!node || !daemon || (argc > 2 && !key)) {
        std::fprintf(stderr, "usage: amplification HOST:PORT [KEY [HOST:PORT]]\n");
        return 2;
    }
    return run(*node, key, *daemon);
}

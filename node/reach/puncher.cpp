#include "node/reach/puncher.hpp"

#include <set>

#include "node/async/tasks.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::dht::TableNode;
using proto::punch::Probe;

constexpr int near_ttl = 5;
constexpr std::uint8_t probe_bytes[] = {0};
constexpr std::size_t wanted_samples = 4, sampling_passes = 2;
// Of a table of some size the most recently heard are left out: these are the same for both sides.
constexpr std::size_t large_table = 8, skipped_of_large = 5;

}  // namespace

Puncher::~Puncher() {
    for (const auto& socket : sockets_)
        if (socket) socket->on_probe(nullptr);
}

Result<std::shared_ptr<PunchSocket>> Puncher::open_number(std::size_t number) {
    auto socket = open_ ? pool_.open(open_) : pool_.open();
    if (!socket) return socket.error();
    (*socket)->on_probe([this, number](const Endpoint& from) { heard_.probe(number, from); });
    return socket;
}

Result<void> Puncher::open(Tasks& all) {
    auto socket = open_number(0);
    if (!socket) return socket.error();
    if (sockets_.empty()) sockets_.emplace_back();
    if (sockets_[0]) sockets_[0]->on_probe(nullptr);
    sockets_[0] = *socket;
    all.spawn(sample(*socket));
    return ok;
}

void Puncher::send(const Probe& probe) {
    if (probe.socket >= sockets_.size()) {
        auto socket = open_number(sockets_.size());
        if (!socket) return;
        sockets_.push_back(*socket);
    }
    if (probe.socket >= sockets_.size()) return;
    Datagrams& socket = sockets_[probe.socket]->datagrams();
    if (probe.range == Probe::Range::near) {
        socket.send_with_ttl(probe.to, probe_bytes, near_ttl);
    } else {
        socket.send(probe.to, probe_bytes);
    }
}

void Puncher::knock(const Endpoint& to, ByteView bytes) {
    sockets_.at(0)->datagrams().send(to, bytes.empty() ? ByteView(probe_bytes) : bytes);
}

void Puncher::admit(const Endpoint& from) {
    dht_.port(dht_.default_socket())->socket().send_with_ttl(from, probe_bytes, near_ttl);
}

UdxPath Puncher::path(std::size_t socket, const Endpoint& remote) const {
    UdxPath path;
    path.socket = &sockets_.at(socket)->datagrams();
    path.remote = remote;
    return pool_.keeping(path);
}

Task<> Puncher::sample(std::shared_ptr<PunchSocket> socket) {
    std::set<Endpoint> asked;
    std::size_t sampled = 0;
    for (std::size_t pass = 0; pass < sampling_passes && sampled < wanted_samples; pass++) {
        const auto& table = dht_.rpc().node().table();
        const std::size_t skip = table.size() >= large_table ? skipped_of_large : 0;
        std::vector<proto::dht::Ask> asks;
        for (const TableNode* node : dht_.rpc().node().table().latest(table.size(), skip)) {
            if (asks.size() + sampled >= wanted_samples) break;
            if (!asked.insert(node->address).second) continue;
            proto::dht::Ask ask;
            ask.from = socket->id();
            ask.to = node->address;
            ask.retries = 1;
            asks.push_back(std::move(ask));
        }
        std::vector<Endpoint> referrers;
        for (const proto::dht::Ask& ask : asks) referrers.push_back(ask.to);
        const auto answered = [&](std::size_t index, const Rpc::Reply& reply) {
            if (socket != sockets_[0]) return;  // another has taken its place
            sampled++;
            heard_.sample({reply.to, referrers[index]});
        };
        Rpc::Answered on_answer = answered;
        auto done = co_await dht_.rpc().request_all(std::move(asks), std::move(on_answer));
        if (!done) co_return;
    }
    if (socket == sockets_[0]) heard_.samples_over();
}

std::string_view name_of(proto::punch::Failure failure) {
    constexpr std::string_view names[] = {
        "too few DHT nodes say what the NATs do", "both NATs draw a port for each destination",
        "the other side did not answer",          "the other side refused",
        "too much of this kind is under way",     "nothing came through"};
    return names[std::size_t(failure)];
}

}  // namespace kp2p

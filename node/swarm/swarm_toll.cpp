// From TCP to UDX where TCP loses much on the way, which whoever sends sees.
#include "node/swarm/swarm.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::seconds max_proof_beside{5}, toll_pause{60};

bool has_udx(const Peer& peer) {
    const Peer::Held* held = peer.find(PathRank::udx);
    return held && held->proven && !held->vigil.silent();
}

}  // namespace

bool Swarm::pays_too_much(Peer& peer) {
    bool too_much = false;
    peer.look([&](Peer::Held& held) {
        if (held.rank != PathRank::tcp || !held.proven) return;
        const auto seen = held.connection->sendings();
        if (!seen) return;
        const Toll::Sight sight{seen->arrived_bytes, seen->resent_bytes, seen->under_way};
        too_much = held.toll.look(parts_.runtime.clock.now(), sight);
    });
    const auto now = parts_.runtime.clock.now();
    if (!too_much || !peer.tells_places || now < peer.toll_due) return false;
    peer.toll_due = now + toll_pause;
    return true;
}

// Make before break: what was asked for over TCP is asked for again over the other.
Task<> Swarm::leave_tcp(NodeId node) {
    const auto lacks = [this, node] {
        const auto peer = peers_.find(node);
        return tasks_ && peer != peers_.end() && !has_udx(peer->second);
    };
    if (lacks()) {
        co_await seek_direct(node);
        (void)co_await pause_while(lacks, max_proof_beside);
    }
    direct_dials_.erase(node);
    const auto peer = peers_.find(node);
    if (!tasks_ || peer == peers_.end() || !has_udx(peer->second)) co_return;
    const Peer::Held* tcp = peer->second.find(PathRank::tcp);
    if (!tcp) co_return;
    const Path path = tcp->connection->path();
    peer->second.better_failures = {{.code = Finding::Code::tcp_lossy,
                                     .node = node,
                                     .what = path.remote.text(),
                                     .path = tried_path_of(path)}};
    log(log_text_of(peer->second.better_failures.front()) + "; over UDP from now on");
    better_pasts_.shun(node, parts_.runtime.clock.now());
    const auto left = tcp->connection;
    left->close();
    peer->second.remove(*left);
    changed_.notify_all();
}

}  // namespace kp2p

// Server: the listening side of a hole punch, for one client. It answers the client's messages,
// which come through nodes that relay, once it knows what its own NAT does; sends probes when the
// client does; and answers each probe with one. It never decides on a path: the client's stream
// shows it. Source: npm hyperdht 6.34.0 (lib/server.js, lib/holepuncher.js).
// Shape: as Client.
#pragma once

#include "proto/punch/side.hpp"

namespace kp2p::proto::punch {

struct ServerAnswers {
    std::uint64_t ticket;  // of the message
    dht::HolepunchPayload payload;
    enum class From { punching_socket, default_socket } from;
};
struct ServerEnds {
    Failure why;
};
using ServerAction = std::variant<Probe, Knock, ServerAnswers, Reopen, ServerEnds>;

class Server {
  public:
    static constexpr std::size_t max_waiting = 4;  // messages, while our NAT is looked at
    // A probe is answered with one of the same size, but not for ever.
    static constexpr TokenBucket::Limits echoes{20, 40};

    struct Setup {
        Budget& budget;
        dht::AddressSecret secret = {};  // random
        std::uint64_t seed = 0;
        dht::Reach reach = dht::Reach::behind_nat;
        Firewall said_firewall = Firewall::unknown;
        // Where our own relay saw its greeting come from: our NAT lets in what follows from there.
        std::optional<Endpoint> greeted_from = {};
        bool draws_ports = false;  // as in Client
    };
    Server(Time now, Setup setup);

    void sampled(Time now, const dht::NatClassifier::Sample& sample);  // of socket 0
    void samples_over(Time now);
    struct Message {
        std::uint64_t ticket = 0;
        dht::HolepunchPayload payload = {};
        Endpoint client = {};  // as the relay sees it
        Endpoint relay = {};
        bool ours = false;     // we have announced ourselves at that relay
        bool on_ours = false;  // it came to socket 0,
        Endpoint to = {};      // which the relay sees there
    };
    void received(Time now, Message message);
    void probed(Time now, std::size_t socket, const Endpoint& from);
    void expire(Time now);
    void stop();  // nothing more is done, and what it had of the budget is given back
    std::optional<Time> deadline() const;
    std::optional<ServerAction> next_action();

    // Once the client has said so, to the end. Until then the client may have gone.
    bool punching() const { return punching_.under_way() || over_; }
    NatKind ours() const { return nat_.kind(); }
    NatKind theirs() const { return remote_.kind(); }
    std::optional<Way> way() const { return punching_.way(); }

  private:
    void serve(Time now);
    void answer(Time now, const Message& message);
    void refuse(std::uint64_t ticket, dht::PeerError error, Failure why);
    bool unstable() const;
    void act(ServerAction action) { actions_.push_back(std::move(action)); }

    Setup setup_;
    OwnNat nat_;
    RemoteNat remote_;
    Punching punching_;
    TokenBucket echoes_;
    Knocks knocks_;  // where we were greeted from
    std::uint64_t round_ = 0;
    unsigned reopened_ = 0;
    bool done_ = false;
    std::optional<Time> over_;  // all probes were in vain; the client may have another idea
    std::deque<Message> waiting_;
    std::deque<ServerAction> actions_;
};

}  // namespace kp2p::proto::punch

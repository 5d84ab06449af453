// Client: the dialing side of a hole punch. It asks the server, through a node that relays, what
// its NAT does (the probe round), says what its own does and that it begins (the punch round), and
// then both send probes until one comes through. The client decides which path it is: that of the
// first probe that reaches it. Source: npm hyperdht 6.34.0 (lib/connect.js, lib/holepuncher.js).
// Shape: feed it (each call may produce actions), drain next_action(), call expire() at deadline().
// After Found or Failed it is done.
#pragma once

#include "proto/punch/side.hpp"

namespace kp2p::proto::punch {

struct ClientAsks {  // through `relay`, which sends it on to `peer`
    Endpoint relay, peer;
    dht::HolepunchPayload payload;
};
struct Found {
    std::size_t socket;
    Endpoint remote;
};
struct Failed {
    Failure why;
};
struct Admit {  // by our NAT, to the socket that greeted: a packet that dies on the way opens it
    Endpoint from;
};
using ClientAction = std::variant<Probe, Knock, Admit, ClientAsks, Reopen, Found, Failed>;

class Client {
  public:
    // Of the two sides' NATs as `usual` sees them; as `random` the client takes its own for one
    // that draws ports, which leads through some that the classification is wrong about.
    enum class Course { usual, random };

    struct Setup {
        Budget& budget;
        dht::AddressSecret secret = {};  // random
        std::uint64_t seed = 0;
        dht::Reach reach = dht::Reach::behind_nat;
        Endpoint server = {};                      // as the relay sees it
        Endpoint relay = {};                       // that the handshake went through
        dht::NoisePayload::Relay said_relay = {};  // of those that the server named
        Firewall said_firewall = Firewall::unknown;
        std::vector<Endpoint> said_addresses = {};  // in its LAN
        Course course = Course::usual;  // to begin with; what else there is comes after it
        bool draws_ports = false;       // our NAT does, as DHT nodes see our usual socket
    };
    Client(Time now, Setup setup);

    void sampled(Time now, const dht::NatClassifier::Sample& sample);  // of socket 0
    void samples_over(Time now);
    struct Reply {
        dht::HolepunchPayload payload;
        Endpoint server;  // its socket as the relay sees it
        Endpoint client;  // ours
    };
    void replied(Time now, const Reply& reply);  // to the last question
    void unanswered(Time now);
    void probed(Time now, std::size_t socket, const Endpoint& from);
    void expire(Time now);
    std::optional<Time> deadline() const;
    std::optional<ClientAction> next_action();

    NatKind ours() const { return nat_.kind(); }
    NatKind theirs() const { return remote_.kind(); }
    std::optional<Way> way() const { return punching_.way(); }
    Course course() const { return course_; }

  private:
    enum class State { asking, pausing, looking, reopening, announcing, punching, done };
    enum class Again { may, may_not };

    void ask(Time now, Again again);
    void settle(Time now);
    void announce(Time now);
    void punch(Time now);
    void give_up(Failure why);
    void abort(Failure why);
    void open_session(const Endpoint& to) { act(Probe{0, to, Probe::Range::near}); }
    void act(ClientAction action) { actions_.push_back(std::move(action)); }
    bool unstable() const;
    NatKind told_kind() const;
    dht::HolepunchPayload payload();

    Setup setup_;
    Course course_;
    OwnNat nat_;
    RemoteNat remote_;
    Punching punching_;
    State state_ = State::asking;
    Again again_ = Again::may;
    bool turned_ = false;  // the other course is being tried
    std::uint64_t round_ = 0;
    unsigned reopened_ = 0;
    Endpoint server_, reached_;  // its address; its socket as the last reply showed it
    std::optional<dht::Token> their_token_;
    Time pause_ends_{};
    Knocks knocks_;
    std::deque<ClientAction> actions_;
};

}  // namespace kp2p::proto::punch

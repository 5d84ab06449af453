// Requests: asks DHT nodes, retries, matches replies, gives up. Shape: feed it, then drain it.
//   ask(), receive() and expire() may each produce sends and events, and may move deadline().
// A request is sent again unchanged, by default up to three times, when the time has passed in
// which the destination should have answered, by what it took before; it fails no sooner than a
// second after the last. What others take part in (handshakes, tests of our firewall) is repeated
// each second and says nothing of the destination. A reply must carry the request's tid and come
// from the address that was asked (the answer to PING_NAT may arrive on another of our sockets:
// sockets are not compared). A full congestion window delays first transmissions. Source: npm
// dht-rpc 6.27.0 (lib/io.js); there timeouts are constant unless adaptive ones are configured,
// which is nobody's business but the sender's. Not thread-safe. Holds at most max_pending requests.
// Time is only the `now` passed in.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "proto/dht/node/congestion.hpp"
#include "proto/dht/node/destinations.hpp"
#include "proto/dht/time.hpp"
#include "proto/dht/wire/rpc.hpp"

namespace kp2p::proto::dht {

// One of our own UDP sockets. Others than these two belong to hole punching.
enum class SocketId : std::uint32_t { server = 0, client = 1 };
enum class RequestKey : std::uint64_t {};

struct Outgoing {
    SocketId from;
    Endpoint to;
    ByteVector bytes;
};

struct Ask {
    SocketId from = SocketId::client;
    Endpoint to;
    std::optional<DhtId>
        sender;  // our own id, when we are persistent and `from` is the server socket
    AnyCommand command = InternalCommand::ping;
    std::optional<DhtId> target;
    std::optional<Token> token;
    std::optional<ByteVector> value;
    unsigned retries = 3;
    bool forced = false;          // goes out although the congestion window is full
    std::optional<Span> timeout;  // of each transmission; none: one that suits
};

// Does the answer, and how long it takes, depend on the destination alone? Not so of what others
// take part in.
bool answers_alone(const AnyCommand& command);

struct RequestEvent {
    enum class Kind {
        reply,
        slow,   // a transmission timed out, and was repeated
        failed  // no reply at all
    };
    Kind kind;
    RequestKey id;
    Endpoint asked;
    AnyCommand command;
    Reply reply;  // of Kind::reply
};

class Requests {
  public:
    static constexpr std::size_t max_pending = 4096;

    // All randomness derives from `seed`.
    Requests(Time now, std::uint16_t first_tid, std::uint64_t seed)
        : window_(now), destinations_(now, seed), next_tid_(first_tid) {}

    // kp2p::Errc is not known here: proto::Errc::too_long when max_pending are in flight.
    Result<RequestKey> ask(Time now, Ask ask);
    // Forgets a request: no event follows. Unknown ids are ignored.
    void cancel(Time now, RequestKey id);
    // True if it answered a request; then an event follows.
    bool receive(Time now, const Endpoint& from, Reply reply);
    // All that is unanswered goes out again as if for the first time: the way it went was another.
    void start_over(Time now);
    void expire(Time now);  // early and repeated calls are harmless
    std::optional<Time> deadline() const;
    std::optional<Outgoing> next_send();
    std::optional<RequestEvent> next_event();
    std::size_t pending() const { return pending_.size(); }
    // A datagram came from there, asked for or not.
    void heard(Time now, const Endpoint& from) { destinations_.heard(now, from); }
    // It left two transmissions in a row without answer lately, while others answered.
    bool is_silent(Time now, const Endpoint& node) { return destinations_.is_silent(now, node); }
    // How long nodes take to answer, at present; nothing: none has.
    std::optional<Span> round_trip() const { return destinations_.round_trip(); }
    // When any node last answered; none: never.
    std::optional<Time> last_answer() const { return last_answer_; }
    // Since when nodes are asked in vain: the first transmission that timed out after the last
    // answer. Nothing while they answer. What depends on others than the asked does not count.
    std::optional<Time> unanswered_since() const { return unanswered_since_; }

  private:
    struct Pending {
        Ask ask;
        std::uint16_t tid = 0;
        ByteVector bytes;
        unsigned sent = 0;
        Time first_sent{};
        Time due{};  // of the transmission under way
    };
    using Due = std::pair<Time, RequestKey>;

    void transmit(Time now, RequestKey id, Pending& pending);
    Span timeout(Time now, const Pending& pending);
    void erase(Time now, RequestKey id);
    void drain_blocked(Time now);

    CongestionWindow window_;
    Destinations destinations_;
    std::optional<Time> last_answer_, unanswered_since_;
    std::uint16_t next_tid_;
    std::uint64_t next_id_ = 1;
    std::unordered_map<RequestKey, Pending> pending_;
    std::unordered_map<std::uint16_t, RequestKey> by_tid_;
    std::set<Due> due_;
    std::deque<RequestKey> blocked_;  // not sent yet; cancelled ones are skipped when drained
    std::deque<Outgoing> sends_;
    std::deque<RequestEvent> events_;
};

}  // namespace kp2p::proto::dht

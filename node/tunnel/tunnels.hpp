// Tunnels: UDP ports at a relay, for a node that has no UDP where it is. Each is a connection of
// its own, made again when it breaks, and then with the same port if the relay still has it. Of
// several relays all use the same, and the next one when that gives no port. Shape: spawn run();
// open sockets; add() relays at any time. Outlives the sockets. One thread.
#pragma once

#include <map>
#include <memory>

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "node/net/datagrams.hpp"
#include "node/tunnel/opened_tunnel.hpp"

namespace kp2p {

class FrameLink;
class Tasks;

// A socket at a relay. While there is no connection, what is sent is lost; but for a little that is
// sent before the first one, by a passing socket: a punch begins as soon as it has opened one.
class TunnelSocket final : public Datagrams {
  public:
    static constexpr std::size_t max_inbox_bytes = 256 << 10;  // what nobody takes is lost
    static constexpr std::size_t max_early = 32;               // datagrams

    ~TunnelSocket() override;
    TunnelSocket(const TunnelSocket&) = delete;

    // At the relay; port 0 before there was one.
    Endpoint local() const override;
    bool is_detour() const override { return state_->detour; }
    void send(const Endpoint& to, ByteView bytes) override;
    void send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) override;
    void send_segments(const Endpoint& to, std::span<const ByteView> pieces,
                       std::size_t segment_bytes) override;
    std::span<const Datagram> take() override;
    Task<Result<void>> arrived() override;

  private:
    friend class Tunnels;
    struct Inbox {
        struct Entry {
            Endpoint from;
            std::size_t begin, size;
        };
        ByteVector bytes;
        std::vector<Entry> entries;
    };
    struct Early {
        Endpoint to;
        ByteVector bytes;
        int ttl;
    };
    struct State {
        explicit State(Executor executor) : changed(executor), filled(executor) {}

        bool standing = false;  // connected only while that is wanted of all
        bool closed = false;
        bool detour = false;        // opened beside what is in use
        FrameLink* link = nullptr;  // while it is connected
        std::optional<proto::tunnel::Allocated> allocated = {};
        std::size_t at = 0;        // which relay that is at
        std::string failure = {};  // of the last try to connect
        Inbox inbox = {};
        std::vector<Early> early = {};
        Event changed, filled;
    };
    explicit TunnelSocket(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
    Inbox taken_;
    std::vector<Datagram> batch_;
};

class Tunnels {
  public:
    // Beside the standing ones: hole punching makes them.
    static constexpr std::size_t max_passing = 6;

    static constexpr std::size_t max_relays = 16;

    explicit Tunnels(Runtime& runtime)
        : runtime_(runtime), added_(runtime.executor), moved_(runtime.executor) {}
    Tunnels(const Tunnels&) = delete;
    Tunnels& operator=(const Tunnels&) = delete;

    // The first is tried first. Nothing happens if it is there already, or if there are too many.
    enum class Whose { own, heard };
    void add(RelayRoute route, Whose whose = Whose::own);
    bool has_relays() const { return !routes_.empty(); }
    Task<Result<void>> relay_added() { return added_.wait(); }  // from now on
    bool has_own() const { return own_.has_value(); }

    Task<> run();
    // Before run(): one that is connected only while want() says so.
    std::unique_ptr<TunnelSocket> open_standing();
    // One that is connected from now on until it goes. Errc::limit_reached, Errc::closed.
    Result<std::unique_ptr<Datagrams>> open_passing();
    // For what does not get through from here, once it has its port; if it gets none, `why` names
    // the relay and the reason. Errc::not_found where all leaves at a relay, or none is our own:
    // those of others are for where UDP is blocked.
    Task<Result<std::unique_ptr<Datagrams>>> open_detour(std::string& why);

    // We leave from another address than before: what was connected from there is connected anew,
    // as it may carry nothing any more, which nobody says.
    void moved() { moved_.notify_all(); }
    void want(bool wanted);
    bool wanted() const { return wanted_; }
    // Whether datagrams leave through the standing sockets, rather than directly.
    void use(bool in_use) { in_use_ = in_use; }
    bool in_use() const { return in_use_; }
    bool up() const;  // every standing one has its port
    // Grows when a standing one gets another port than it had.
    std::uint64_t moves() const { return moves_; }
    // The relay and why it gave none, when it was tried last; empty once one did.
    const std::string& failure() const { return last_failure_; }
    bool impostor() const { return impostor_; }  // the same: as another answered in its place
    std::string place() const { return routes_[route_].url.place(); }  // if there are relays

  private:
    using State = TunnelSocket::State;

    Result<std::shared_ptr<State>> start_passing(bool detour);
    Task<> serve(std::shared_ptr<State> state);
    Task<> serve_opened(State& state, OpenedTunnel opened);
    Task<Result<void>> pause(State& state, std::chrono::seconds span);
    bool is_wanted(const State& state) const;
    void note_port(State& state, const proto::tunnel::Allocated& allocated);
    void note_failure(std::size_t route, const TunnelTrouble& why);
    void go_on_to_next(std::size_t failed);
    void wake_standing();

    Runtime& runtime_;
    Event added_, moved_;
    std::vector<RelayRoute> routes_;
    std::size_t route_ = 0;  // that is used
    std::optional<std::size_t> own_;
    int in_vain_ = 0;  // tries there, while it gives a port to some of us only
    std::vector<std::shared_ptr<State>> standing_;
    std::size_t passing_ = 0;
    bool wanted_ = false, in_use_ = false;
    std::uint64_t moves_ = 0;
    std::string last_failure_;
    bool impostor_ = false;
    Tasks* tasks_ = nullptr;  // while run() is
};

}  // namespace kp2p

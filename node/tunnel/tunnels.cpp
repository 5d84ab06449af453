#include "node/tunnel/tunnels.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/tunnel/frame_link.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

using namespace proto::tunnel;

namespace {

// Of a relay that has given a port: streams that go through it stand still until it is back.
constexpr std::chrono::seconds first_tunnel_pause{1}, max_known_pause{2}, max_tunnel_pause{5};
constexpr int max_in_vain = 3;

}  // namespace

void Tunnels::add(RelayRoute route, Whose whose) {
    const auto same = [&route](const RelayRoute& other) { return other.url == route.url; };
    if (routes_.size() == max_relays || std::any_of(routes_.begin(), routes_.end(), same)) return;
    routes_.push_back(std::move(route));
    if (whose == Whose::own && !own_) own_ = routes_.size() - 1;
    wake_standing();
    added_.notify_all();
}

Task<> Tunnels::run() {
    auto body = [this](Tasks& tasks) -> Task<> {
        tasks_ = &tasks;
        for (const auto& state : standing_) tasks.spawn(serve(state));
        co_return;
    };
    (void)co_await with_tasks(body);  // it ends by cancellation
    tasks_ = nullptr;
}

std::unique_ptr<TunnelSocket> Tunnels::open_standing() {
    auto state = std::make_shared<State>(runtime_.executor);
    state->standing = true;
    standing_.push_back(state);
    return std::unique_ptr<TunnelSocket>(new TunnelSocket(std::move(state)));
}

Result<std::shared_ptr<TunnelSocket::State>> Tunnels::start_passing(bool detour) {
    if (!tasks_) return Errc::closed;
    if (passing_ == max_passing) return Errc::limit_reached;
    auto state = std::make_shared<State>(runtime_.executor);
    state->detour = detour;
    ++passing_;
    tasks_->spawn(serve(state));
    return state;
}

Result<std::unique_ptr<Datagrams>> Tunnels::open_passing() {
    auto state = start_passing(false);
    if (!state) return state.error();
    return std::unique_ptr<Datagrams>(new TunnelSocket(*std::move(state)));
}

Task<Result<std::unique_ptr<Datagrams>>> Tunnels::open_detour(std::string& why) {
    if (!own_ || in_use_) co_return Errc::not_found;
    why = routes_[*own_].url.place();
    auto state = start_passing(true);
    if (!state) co_return state.error();
    std::unique_ptr<Datagrams> socket(new TunnelSocket(*state));
    while (!(*state)->link && (*state)->failure.empty()) {
        auto woken = co_await (*state)->changed.wait();
        if (!woken) co_return woken.error();
    }
    if ((*state)->link) co_return socket;
    why = (*state)->failure;
    co_return Errc::cannot_connect;
}

void Tunnels::want(bool wanted) {
    if (wanted_ == wanted) return;
    wanted_ = wanted;
    wake_standing();
}

void Tunnels::wake_standing() {
    for (const auto& state : standing_) state->changed.notify_all();
}

bool Tunnels::up() const {
    return !standing_.empty() && std::all_of(standing_.begin(), standing_.end(),
                                             [](const auto& state) { return state->link; });
}

bool Tunnels::is_wanted(const State& state) const {
    return !state.closed && has_relays() && (wanted_ || !state.standing);
}

// The state is what the socket and this share; it goes with the last of them.
Task<> Tunnels::serve(std::shared_ptr<State> state) {
    auto wait = first_tunnel_pause;
    bool broke = false;      // just now, and was good before
    std::size_t passed = 0;  // relays, one after the other, that gave no port
    while (!state->closed) {
        if (!is_wanted(*state)) {
            wait = first_tunnel_pause;
            auto woken = co_await state->changed.wait();
            if (!woken) co_return;
            continue;
        }
        const std::size_t at = state->detour ? *own_ : route_;
        std::optional<Allocated> again;
        if (state->at == at) again = state->allocated;
        TunnelTrouble why;
        auto opened = co_await open_tunnel(runtime_.clock, routes_[at], again, why);
        if (opened) {
            passed = 0;
            state->at = at;
            if (state->standing) route_ = at;
            const auto began = runtime_.clock.now();
            co_await serve_opened(*state, *std::move(opened));
            // A relay that ends what it has just granted is not asked again and again; a proxy may
            // let each connection last for so long, or carry so much, and takes the next at once.
            const auto lived = runtime_.clock.now() - began;
            if (lived >= max_tunnel_pause) wait = first_tunnel_pause;
            broke = lived >= first_tunnel_pause;
            if (broke || !is_wanted(*state)) continue;
        } else {
            if (opened.error() == asio::error::operation_aborted) co_return;
            note_failure(at, why);
            state->failure = routes_[at].url.place() + ": " + why.words;
            state->changed.notify_all();
            if (!std::exchange(broke, false) && !state->detour) go_on_to_next(at);
            if (!state->detour && route_ != at && ++passed < routes_.size()) continue;
        }
        passed = 0;
        auto slept = co_await pause(*state, wait);
        if (!slept) co_return;
        wait = std::min(2 * wait, state->allocated ? max_known_pause : max_tunnel_pause);
    }
    if (!state->standing) --passing_;
}

Task<Result<void>> Tunnels::pause(State& state, std::chrono::seconds span) {
    auto woken = co_await with_timeout(runtime_.clock, span, state.changed.wait());
    if (!woken && woken.error() != Errc::timed_out) co_return woken;
    co_return ok;
}

Task<> Tunnels::serve_opened(State& state, OpenedTunnel opened) {
    FrameLink link(runtime_.executor, runtime_.clock, std::move(opened.stream),
                   std::move(opened.frames));
    note_port(state, opened.allocated);
    state.link = &link;
    state.changed.notify_all();
    for (const TunnelSocket::Early& early : std::exchange(state.early, {}))
        link.send(
            DatagramFrame{early.to, early.bytes, std::uint8_t(std::clamp(early.ttl, 0, 255))});
    const auto receive = [&state, &link](const Frame& frame) {
        if (std::holds_alternative<End>(frame)) link.end();
        const auto* datagram = std::get_if<DatagramFrame>(&frame);
        if (!datagram) return;
        auto& [bytes, entries] = state.inbox;
        if (bytes.size() + datagram->bytes.size() > TunnelSocket::max_inbox_bytes) return;
        entries.push_back({datagram->peer, bytes.size(), datagram->bytes.size()});
        bytes.insert(bytes.end(), datagram->bytes.begin(), datagram->bytes.end());
        state.filled.notify_all();
    };
    auto end_when_unwanted = [this, &state, &link]() -> Task<> {
        while (is_wanted(state)) {
            auto woken = co_await state.changed.wait();
            if (!woken) co_return;
        }
        link.finish(End::Code::stopping);
    };
    auto end_when_moved = [this, &link]() -> Task<> {
        auto moved = co_await moved_.wait();
        if (moved) link.end();
    };
    auto body = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(end_when_unwanted());
        tasks.spawn(end_when_moved());
        co_await link.run(receive);
        tasks.cancel();
    };
    auto ran = co_await with_tasks(body);
    state.link = nullptr;
    if (ran && is_wanted(state))
        runtime_.log("tunnel", "the connection to " + routes_[state.at].url.place() + " broke");
}

void Tunnels::note_port(State& state, const Allocated& allocated) {
    last_failure_.clear();
    impostor_ = false;
    const bool moved = state.allocated && state.allocated->address != allocated.address;
    if (!state.allocated || moved)
        runtime_.log("tunnel", "UDP port " + allocated.address.text() + " at " +
                                   routes_[state.at].url.place());
    if (moved && state.standing) ++moves_;
    state.allocated = allocated;
    in_vain_ = 0;
}

void Tunnels::note_failure(std::size_t route, const TunnelTrouble& why) {
    const std::string words = routes_[route].url.place() + ": " + why.words;
    impostor_ = why.impostor;
    if (std::exchange(last_failure_, words) != words) runtime_.log("tunnel", words);
}

// Unless one of us has gone on already. Where another has a port, that is tried some times more.
void Tunnels::go_on_to_next(std::size_t failed) {
    if (route_ != failed || routes_.size() < 2) return;
    const bool used = std::any_of(standing_.begin(), standing_.end(),
                                  [](const auto& state) { return state->link; });
    if (used && (up() || ++in_vain_ < max_in_vain)) return;
    in_vain_ = 0;
    route_ = (route_ + 1) % routes_.size();
    for (const auto& state : standing_)
        if (state->link) state->link->finish(End::Code::stopping);
}

TunnelSocket::~TunnelSocket() {
    state_->closed = true;
    state_->changed.notify_all();
}

Endpoint TunnelSocket::local() const {
    return state_->allocated ? state_->allocated->address : Endpoint();
}

void TunnelSocket::send(const Endpoint& to, ByteView bytes) { send_with_ttl(to, bytes, 0); }

void TunnelSocket::send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) {
    if (state_->link) {
        state_->link->send(DatagramFrame{to, bytes, std::uint8_t(std::clamp(ttl, 0, 255))});
    } else if (!state_->standing && !state_->allocated && state_->early.size() < max_early) {
        state_->early.push_back({to, ByteVector(bytes.begin(), bytes.end()), ttl});
    }
}

void TunnelSocket::send_segments(const Endpoint& to, std::span<const ByteView> pieces,
                                 std::size_t segment_bytes) {
    ByteVector segment;
    const auto flush = [&] {
        if (!segment.empty()) send(to, segment);
        segment.clear();
    };
    for (ByteView piece : pieces) {
        while (!piece.empty()) {
            const std::size_t size = std::min(piece.size(), segment_bytes - segment.size());
            segment.insert(segment.end(), piece.begin(), piece.begin() + std::ptrdiff_t(size));
            piece = piece.subspan(size);
            if (segment.size() == segment_bytes) flush();
        }
    }
    flush();
}

Task<Result<void>> TunnelSocket::arrived() {
    while (state_->inbox.entries.empty()) {
        auto woken = co_await state_->filled.wait();
        if (!woken) co_return woken;
    }
    co_return ok;
}

std::span<const Datagram> TunnelSocket::take() {
    taken_.bytes.clear();
    taken_.entries.clear();
    std::swap(taken_, state_->inbox);
    batch_.clear();
    for (const auto& [from, begin, size] : taken_.entries)
        batch_.push_back({from, ByteView(taken_.bytes).subspan(begin, size)});
    return batch_;
}

}  // namespace kp2p

#include "node/dht/dht.hpp"

#include <algorithm>
#include <utility>

#include "node/async/tasks.hpp"
#include "node/net/interfaces.hpp"
#include "node/net/nat64.hpp"
#include "proto/compact.hpp"

namespace kp2p {

using namespace proto::dht;

namespace {

constexpr std::size_t max_known_nodes = 100;
// Alone, that is without any node in the table, we try to enter the network this often.
constexpr unsigned ticks_between_attempts = 2;
constexpr auto rejection_interval = std::chrono::seconds(2);
constexpr int max_untold = 15;  // in a row; then what is sent is not rejected any more
constexpr auto asleep = std::chrono::seconds(15);  // a tick that took so long

// A clause, why not; nothing if it can be spoken, or nothing can.
std::string lack_of_ipv4(const Host& bound) {
    if (bound.is_v4()) return {};
    if (!bound.is_unspecified())
        return "this node has been told to listen at " + bound.text() + " alone";
    const std::vector<Host> own = interface_hosts();
    if (own.empty() || nat64_prefix() || std::ranges::any_of(own, &Host::is_v4)) return {};
    return "this computer has addresses of IPv6 alone";
}

// That we are to talk through.
bool is_interface_up(const Host& bound) {
    return bound.is_loopback() || !interface_hosts().empty();
}

Node::Setup node_setup(const DhtSetup& setup, Runtime& runtime) {
    Random& random = runtime.random;
    Node::Setup node;
    node.server.token_secrets = {random.bytes<TokenSecret>(), random.bytes<TokenSecret>()};
    node.server.seed = random.number();
    node.server.unix_time = std::chrono::duration_cast<std::chrono::milliseconds>(
        runtime.clock.wall_now().time_since_epoch());
    node.server.sources = ReplyBudget::Sources::checked;
    node.upkeep.seed = random.number();
    node.upkeep.bootstrap_nodes = setup.bootstrap.size();
    node.random_id = random.bytes<DhtId>();
    node.seed = random.number();
    node.first_tid = static_cast<std::uint16_t>(random.number());
    node.reach = setup.public_address ? Reach::open : setup.reach;
    return node;
}

}  // namespace

Dht::Dht(Runtime& runtime, UdpPort& server, UdpPort& client, DhtSetup setup)
    : rpc_(runtime.executor, runtime.clock, node_setup(setup, runtime)),
      bootstrap_(rpc_, setup.bootstrap),
      queries_(rpc_, bootstrap_),
      reachability_(rpc_, bootstrap_,
                    setup.public_address ? Persistence::persistent : setup.persistence),
      server_(server),
      client_(client),
      setup_(std::move(setup)),
      random_(runtime.random),
      upkeep_due_(runtime.executor),
      unanswered_(runtime.executor) {
    rpc_.attach(SocketId::server, server_);
    rpc_.attach(SocketId::client, client_);
    rpc_.on_handshake = [this](const IncomingHandshake& in) {
        const auto listener = listeners_.find(*in.request.target);
        if (listener != listeners_.end() && listener->second.handshake)
            listener->second.handshake(in);
    };
    rpc_.on_holepunch = [this](const IncomingHolepunch& in) {
        const auto listener = listeners_.find(*in.request.target);
        if (listener != listeners_.end() && listener->second.holepunch)
            listener->second.holepunch(in);
    };
    if (setup_.public_address) rpc_.node().upkeep().sampler().add(*setup_.public_address);
}

Dht::~Dht() {
    rpc_.detach(SocketId::client);
    rpc_.detach(SocketId::server);
}

Task<> Dht::run() {
    auto body = [this](Tasks& all) -> Task<> {
        all.spawn(server_.read_loop());
        all.spawn(client_.read_loop());
        all.spawn(tick_loop());
        all.spawn(upkeep_loop());
        all.spawn(rejection_loop());
        all.spawn(bootstrap_.look_up_loop());
        co_return;
    };
    // Ends only by cancellation, which the caller sees at its next await.
    (void)co_await with_tasks(body);
}

Task<> Dht::tick_loop() {
    auto last = rpc_.clock().wall_now();
    for (;;) {
        auto slept = co_await rpc_.clock().sleep_for(Upkeep::tick_length);
        if (!slept) co_return;
        const auto now = rpc_.clock().wall_now();
        if (now - last > asleep) {
            rpc_.node().upkeep().woke_up();
            reachability_.woke_up(random_.bytes<DhtId>());
        }
        last = now;
        queries_.tick();
        rpc_.tick();
        if (rpc_.node().unanswered_since()) unanswered_.notify_all();
        if (!bootstrapped_) continue;
        if (rpc_.node().upkeep().take_refresh()) refresh_due_ = true;
        if (table_size() == 0 && ++ticks_alone_ % ticks_between_attempts == 0) refresh_due_ = true;
        if (reachability_.tick()) full_test_due_ = true;
        if (reachability_.forwarding_tick()) firewall_test_due_ = true;
        if (refresh_due_ || full_test_due_ || firewall_test_due_ || moved_)
            upkeep_due_.notify_all();
    }
}

// While nobody answers: whether that is because somebody rejects what we send. Of that routers tell
// now and then only.
Task<> Dht::rejection_loop() {
    std::shared_ptr<Inquiry> inquiry;
    Endpoint asked;
    int untold = 0;
    for (std::size_t turn = 0;;) {
        const auto nodes = nodes_to_try();
        if (!rpc_.node().unanswered_since() || nodes.empty()) {
            rejected_.clear();
            inquiry.reset();
            auto woken = co_await unanswered_.wait();
            if (!woken) co_return;
            continue;
        }
        const Endpoint next = nodes[turn++ % nodes.size()];
        const auto said = inquiry ? inquiry->answer() : std::nullopt;
        if (said) rejected_ = rejection_text(asked, *said);
        untold = said ? 0 : untold + 1;
        if (untold >= max_untold) rejected_.clear();
        inquiry = client_.socket().inquire(next);
        if (inquiry) inquiry->ask();
        asked = next;
        auto slept = co_await rpc_.clock().sleep_for(rejection_interval);
        if (!slept) co_return;
    }
}

std::vector<Endpoint> Dht::nodes_to_try() {
    std::vector<Endpoint> nodes = known_nodes();
    if (!nodes.empty()) return nodes;
    nodes = bootstrap_.known_addresses();
    nodes.insert(nodes.end(), setup_.known_nodes.begin(), setup_.known_nodes.end());
    return nodes;
}

Task<> Dht::upkeep_loop() {
    for (;;) {
        if (bootstrapped_ && std::exchange(moved_, false)) {
            auto end = co_await refresh();
            if (end) firewall_test_due_ = true;  // others see us again
        } else if (std::exchange(full_test_due_, false)) {
            auto changed = co_await reachability_.update(Reachability::Scope::everything);
            if (changed && *changed) refresh_due_ = true;
        } else if (std::exchange(firewall_test_due_, false)) {
            auto changed = co_await reachability_.update(Reachability::Scope::firewall_only);
            if (changed && *changed) refresh_due_ = true;
        } else if (std::exchange(refresh_due_, false)) {
            (void)co_await refresh();
        } else {
            auto woken = co_await upkeep_due_.wait();
            if (!woken) co_return;
        }
    }
}

Task<Result<QueryEnd>> Dht::refresh() {
    const RoutingTable& table = rpc_.node().table();
    QuerySpec spec;
    spec.priority = QuerySpec::Priority::background;
    spec.target = table.self();
    if (table.size() == 0) spec.seeds = setup_.known_nodes;
    if (table.size()) spec.target = table.at(refreshes_++ % table.size()).id;
    auto end = co_await queries_.run(std::move(spec), nullptr);
    co_return end;
}

Task<Result<void>> Dht::bootstrap() {
    // The first node to answer tells by a packet to our server port whether such packets arrive.
    auto quick_test = [this, asked = false](const QueryReply& first) mutable {
        if (asked || !firewalled() || setup_.persistence != Persistence::adaptive) return;
        asked = true;
        Ask ask;
        ask.from = SocketId::client;
        ask.to = first.from;
        ask.command = InternalCommand::ping_nat;
        ask.value = proto::Writer().u16(reachability_.server_port()).take();
        (void)rpc_.start(std::move(ask), [this](const RequestEvent& event) {
            if (event.kind != RequestEvent::Kind::reply) return;
            firewall_test_due_ = true;
            if (bootstrapped_) upkeep_due_.notify_all();
        });
    };
    QueryRunner::OnReply on_reply = quick_test;
    auto found = co_await find_self(on_reply);
    if (!found) co_return found.error();
    const auto scope = setup_.persistence == Persistence::persistent || setup_.public_address
                           ? Reachability::Scope::everything
                           : Reachability::Scope::firewall_only;
    Result<bool> changed = false;
    if (scope == Reachability::Scope::everything || std::exchange(firewall_test_due_, false))
        changed = co_await reachability_.update(scope);
    if (!changed) co_return changed.error();
    if (*changed && scope == Reachability::Scope::everything) {
        auto again = co_await find_self(nullptr);
        if (!again) co_return again.error();
    } else if (*changed) {
        refresh_due_ = true;  // to know those near the new id; nobody looks for us there
    }
    rpc_.node().upkeep().bootstrapped();
    bootstrapped_ = true;
    if (reachability_.tick()) full_test_due_ = true;
    upkeep_due_.notify_all();
    co_return ok;
}

Task<Result<QueryEnd>> Dht::find_self(QueryRunner::OnReply on_reply) {
    QuerySpec spec;
    spec.target = rpc_.node().table().self();
    spec.seeds = setup_.known_nodes;
    // To have a place in the network, those who answer are enough.
    QueryRunner::OnQuiet on_quiet = [](const QueryEnd&) { return true; };
    auto end = co_await queries_.run(std::move(spec), std::move(on_reply), std::move(on_quiet));
    co_return end;
}

void Dht::moved() {
    ++moves_;
    rpc_.start_over();
    if (setup_.public_address || setup_.reach == Reach::open) return;
    rpc_.node().upkeep().woke_up();
    rpc_.node().upkeep().moved();
    rpc_.node().set_reach(Reach::behind_nat);
    reachability_.woke_up(random_.bytes<DhtId>());
    moved_ = true;
    upkeep_due_.notify_all();
}

std::optional<Endpoint> Dht::remote_address() {
    const auto sampled = sampled_address();
    if (firewalled() || !sampled) return std::nullopt;
    if (const auto port = reachability_.forwarded_port()) return Endpoint{sampled->host, *port};
    if (sampled->port != reachability_.server_port()) return std::nullopt;
    return sampled;
}

void Dht::set_forwarded(const std::optional<Endpoint>& from) {
    if (setup_.public_address || !reachability_.set_forwarded(from, random_.bytes<DhtId>())) return;
    firewall_test_due_ = true;
    if (bootstrapped_) upkeep_due_.notify_all();
}

DhtContact Dht::contact() const {
    const auto now = rpc_.clock().now();
    DhtContact contact;
    if (const auto since = rpc_.node().unanswered_since()) contact.silent_for = now - *since;
    if (const auto at = rpc_.node().last_answer()) contact.last_answer = now - *at;
    if (const auto at = rpc_.last_refused()) contact.refused = now - *at;
    contact.bootstrap_nodes = bootstrap_.size();
    for (const auto& [name, why] : bootstrap_.unresolved()) contact.unresolved.push_back(why);
    if (contact.silent_for) {
        contact.rejected = rejected_;
        contact.not_sent = client_.socket().refusal();
        if (!is_interface_up(server_.socket().local().host))
            contact.not_sent = asio::error::network_down;
    }
    if (!contact.last_answer) contact.no_ipv4 = lack_of_ipv4(server_.socket().local().host);
    return contact;
}

std::vector<Endpoint> Dht::known_nodes() {
    std::vector<Endpoint> nodes;
    for (const TableNode* node : rpc_.node().table().latest(max_known_nodes))
        nodes.push_back(node->address);
    return nodes;
}

void Dht::listen(const NodeId& key, Listener listener) {
    listeners_[target_of(key)] = std::move(listener);
    rpc_.node().server().listen(target_of(key), {key, {}});
}

void Dht::unlisten(const NodeId& key) {
    listeners_.erase(target_of(key));
    rpc_.node().server().unlisten(target_of(key));
}

std::optional<Endpoint> Dht::route(const DhtId& target) {
    return rpc_.node().server().route(rpc_.clock().now(), target);
}

}  // namespace kp2p

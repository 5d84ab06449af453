#include "node/share/channels/neighbourhood.hpp"

#include <algorithm>

#include "node/async/offload.hpp"
#include "node/async/timeout.hpp"
#include "node/share/channels/peers.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::seconds connect_span{20};
// Until both have opened over the better connection what they had open; and until the one has ended
// the other connection, and the other one has heard so.
constexpr std::chrono::seconds give_way_span{1}, late_give_way_span{4};
// So long one that is just there, and has refused our channels, may be about to join one of them;
// and so long one that has not said whether it is in them is waited for.
constexpr std::chrono::seconds usual_proof_span{2}, longest_proof_span{30};

// Each takes 64 MiB for a moment, and a thread of the pool.
constexpr std::size_t max_deriving = 4;

constexpr std::chrono::seconds first_patience{5};      // for any neighbour to appear
constexpr std::chrono::seconds settling_patience{15};  // for lookups and connections under way
constexpr std::chrono::seconds search_patience{60};    // for all, also if more and more are asked

}  // namespace

Neighbourhood::Neighbourhood(const ShareParts& parts, Finder& finder, Inventory& inventory)
    : parts_(parts), finder_(finder), inventory_(inventory), changed_(parts.runtime.executor) {}

Task<> Neighbourhood::serve(std::shared_ptr<Connection> connection) {
    Neighbour neighbour(parts_, finder_, inventory_, channels_, changed_, connection);
    const auto entry = neighbours_.emplace(connection->remote(), &neighbour);
    struct Leave {
        Neighbourhood& hood;
        std::multimap<NodeId, Neighbour*>::iterator entry;
        ~Leave() {
            hood.neighbours_.erase(entry);
            hood.changed_.notify_all();
        }
    } leave{*this, entry};
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(give_way(neighbour));
        co_await neighbour.serve();
        all.cancel();
    };
    auto served = co_await with_tasks(body);
    (void)served;
}

Task<Result<void>> Neighbourhood::join(ChannelName name) {
    struct Leave {
        Neighbourhood& hood;
        const ChannelName& name;
        ~Leave() { hood.expected_no_more(name); }
    } leave{*this, name};
    while (deriving_ >= max_deriving) {
        auto woken = co_await changed_.wait();
        if (!woken) co_return woken;
    }
    if (channels_.contains(name)) co_return ok;
    ++deriving_;
    auto derive = [name] { return proto::derive_channel_key(name); };
    auto key = co_await offload(parts_.runtime.pool, std::move(derive));
    --deriving_;
    changed_.notify_all();
    if (!key) co_return key.error();
    join(name, *key);
    co_return ok;
}

void Neighbourhood::join(const ChannelName& name, const ChannelKey& key) {
    expected_no_more(name);
    if (channels_.contains(name)) return;
    auto channel =
        std::make_shared<const Channel>(Channel{next_tag_++, name, key, proto::channel_topic(key)});
    channels_.emplace(name, channel);
    parts_.peers.join(channel->topic);
    for (auto& [node, neighbour] : neighbours_) neighbour->joined(channel);
}

void Neighbourhood::expected_no_more(const ChannelName& name) {
    if (expected_.erase(name) > 0) expected_last_ = parts_.runtime.clock.now();
}

Result<void> Neighbourhood::leave(const ChannelName& name) {
    expected_no_more(name);
    const auto found = channels_.find(name);
    if (found == channels_.end()) return Errc::usage;
    const ChannelRef channel = found->second;
    channels_.erase(found);
    parts_.peers.leave(channel->topic);
    for (auto& [node, neighbour] : neighbours_) neighbour->left(channel->tag);
    return ok;
}

Neighbour* Neighbourhood::proven(const NodeId& node) const {
    const auto [first, last] = neighbours_.equal_range(node);
    Neighbour* found = nullptr;
    for (auto at = first; at != last; ++at) {
        Neighbour* neighbour = at->second;
        if (!neighbour->proven()) continue;
        if (!found || parts_.peers.best(node) == neighbour->connection()) found = neighbour;
    }
    return found;
}

bool Neighbourhood::outdone(const Neighbour& neighbour) const {
    return neighbour.proven() && proven(neighbour.node()) != &neighbour;
}

// A connection ends when there is a better one, and neither owes the other anything on it. As each
// of the two may take another one for the better, one of them comes first.
Task<> Neighbourhood::give_way(Neighbour& neighbour) {
    const auto span = parts_.own < neighbour.node() ? late_give_way_span : give_way_span;
    for (;;) {
        while (!outdone(neighbour)) {
            auto changed = co_await changed_.wait();
            if (!changed) co_return;
        }
        auto slept = co_await parts_.runtime.clock.sleep_for(span);
        if (!slept) co_return;
        if (!outdone(neighbour) || neighbour.use().work != Work::none) continue;
        neighbour.connection()->close();
        co_return;
    }
}

Task<Result<void>> Neighbourhood::reach(NodeId node) {
    std::optional<Clock::Time> began;
    for (bool connected = false; !proven(node);) {
        bool heard = false;
        std::vector<Connection::Hold> holds;  // without them the connections end before
        const auto [first, last] = neighbours_.equal_range(node);
        for (auto at = first; at != last; ++at) {
            const Connection& connection = *at->second->connection();
            heard = heard || (connection.is_started() && !connection.is_closed());
            if (at->second->may_prove()) holds.push_back(at->second->connection()->hold());
        }
        if (!heard && !std::exchange(connected, true)) {
            auto reached = co_await connect(node);
            if (!reached) co_return reached;
            continue;
        }
        if (!began) began = parts_.runtime.clock.now();
        const auto waited = parts_.runtime.clock.now() - *began;
        const bool refused = heard && holds.empty();
        if (refused && waited >= Neighbour::proof_span) co_return Errc::refused;
        if (waited >= longest_proof_span) co_return Errc::timed_out;
        const Clock::Span longest = refused ? Neighbour::proof_span : longest_proof_span;
        auto change = changed_.wait();
        auto changed =
            co_await with_timeout(parts_.runtime.clock, longest - waited, std::move(change));
        if (!changed && changed.error() == asio::error::operation_aborted)
            co_return changed.error();
        connected = false;
    }
    co_return ok;
}

Task<Result<void>> Neighbourhood::connect(NodeId node) {
    auto connecting = parts_.peers.connect(std::move(node));
    auto connected =
        co_await with_timeout(parts_.runtime.clock, connect_span, std::move(connecting));
    if (connected) co_return ok;
    if (connected.error() == asio::error::operation_aborted) co_return connected.error();
    co_return Errc::cannot_connect;
}

Use Neighbourhood::use_of(const NodeId& node) const {
    Use use;
    const auto [first, last] = neighbours_.equal_range(node);
    for (auto at = first; at != last; ++at) {
        Use one = at->second->use();
        use.topics.merge(one.topics);
        use.work = std::max(use.work, one.work);
    }
    return use;
}

std::vector<Finding> Neighbourhood::why_not(const NodeId& node, std::error_code why,
                                            Clock::Time since) const {
    const auto after = milliseconds_since(parts_.runtime.clock, since);
    const auto there = parts_.peers.best(node);
    if (why == Errc::refused) {
        Finding refused{
            .code = Finding::Code::no_common_channel, .node = node, .after = after, .path = {}};
        if (there) refused.path = tried_path_of(there->path());
        return {std::move(refused)};
    }
    if (why == Errc::timed_out && there)
        return {{.code = Finding::Code::path_silent,
                 .node = node,
                 .what = there->path().remote.text(),
                 .after = after,
                 .path = tried_path_of(there->path())}};
    auto known = parts_.peers.why_not(node);
    if (known.empty())
        known.push_back({.code = Finding::Code::unreachable, .node = node, .after = after});
    return known;
}

bool Neighbourhood::exhausted(const Finder::Search& search, Clock::Time started,
                              Heard heard) const {
    // Only with the last of our channels is everybody asked.
    const auto waited = parts_.runtime.clock.now() - std::max(started, expected_last_);
    if (waited >= search_patience) return true;
    if (expecting() || !search.quiet()) return false;
    const bool again = heard == Heard::somebody || looked_up_again(started);
    if ((!again || settling()) && waited < settling_patience) return false;
    return search.asked() > 0 || channels_.empty() || waited >= first_patience;
}

// Nodes are being looked up, connected to, or about to prove themselves.
bool Neighbourhood::settling() const {
    const auto now = parts_.runtime.clock.now();
    const bool proving =
        std::any_of(neighbours_.begin(), neighbours_.end(), [&](const auto& entry) {
            const Neighbour& neighbour = *entry.second;
            const auto age = now - neighbour.since();
            return !neighbour.proven() && (neighbour.may_prove() || age < usual_proof_span);
        });
    return proving || std::any_of(channels_.begin(), channels_.end(), [&](const auto& entry) {
               return parts_.peers.settling(entry.second->topic);
           });
}

bool Neighbourhood::looked_up_again(Clock::Time since) const {
    bool all = true;  // and those that are not are asked for together
    for (const auto& [name, channel] : channels_)
        if (!parts_.peers.looked_up_again(channel->topic, since)) all = false;
    return all;
}

void Neighbourhood::explain_silence(Diagnosis& diagnosis, const Finder::Search* search,
                                    Clock::Time since) const {
    std::optional<std::chrono::milliseconds> after;
    if (search) after = milliseconds_since(parts_.runtime.clock, since);
    const auto reached = [&](const auto& entry) { return finder_.reached(entry.second->tag) > 0; };
    using Code = Finding::Code;
    const bool alone = std::ranges::none_of(channels_, reached);
    const auto twin = parts_.peers.twin();
    if (twin && alone) diagnosis.add(*twin);
    const auto trouble = parts_.peers.network_trouble();
    if (trouble && !channels_.empty() && alone) {
        std::vector<Finding> nearest = {*trouble};
        // Without the DHT those that were named are all there are.
        if (trouble->code == Code::no_bootstrap)
            if (auto named = parts_.peers.why_none(channels_.begin()->second->topic);
                !named.empty())
                nearest = std::move(named);
        for (const Finding& why : nearest) diagnosis.add(why);
    }
    if (expecting())
        diagnosis.add({.code = Code::channels_pending, .count = expected_.size()});
    else if (channels_.empty())
        diagnosis.add({.code = Code::no_channel});
    for (const auto& [name, channel] : channels_) {
        const std::size_t nodes = finder_.reached(channel->tag);
        const std::size_t silent = std::min(nodes, search ? search->silent(channel->tag) : 0);
        Code code = silent == 0 ? Code::all_lack : Code::some_silent;
        if (nodes == 0) code = Code::nobody_there;
        if (nodes == 1) code = silent == 0 ? Code::only_one_lacks : Code::only_one_silent;
        std::vector<Finding> unreached;
        if (nodes == 0) unreached = parts_.peers.why_none(channel->topic);
        const auto runs = [](const Finding& why) { return node_runs(why.code); };
        const auto rest = std::stable_partition(unreached.begin(), unreached.end(), runs);
        for (auto why = unreached.begin(); why != rest; ++why) diagnosis.add(*why);
        diagnosis.add(
            {.code = code, .what = name.text(), .count = nodes, .silent = silent, .after = after});
        for (auto why = rest; why != unreached.end(); ++why) diagnosis.add(*why);
    }
    if (twin && !alone) diagnosis.add(*twin);
}

}  // namespace kp2p

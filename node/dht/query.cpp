#include "node/dht/query.hpp"

#include <unordered_map>

#include "node/async/timeout.hpp"
#include "proto/compact.hpp"

namespace kp2p {

using namespace proto::dht;

namespace {

constexpr std::size_t enough_answers =
    5;  // to do without bootstrap nodes whose names must be looked up
constexpr unsigned check_retries = 1;  // of a node that has let two transmissions go by
// An answer to what was sent again counts from the first time.
constexpr Clock::Span min_quiet = std::chrono::milliseconds(100),
                      max_quiet = std::chrono::milliseconds(400);
constexpr std::size_t busy_requests = 3;  // from here on background work stays in the background

}  // namespace

std::vector<Endpoint> QueryEnd::closest_addresses() const {
    std::vector<Endpoint> addresses;
    for (const QueryReply& reply : closest) addresses.push_back(reply.from);
    return addresses;
}

class QueryRunner::Running {
  public:
    Running(QueryRunner& runner, const QuerySpec& spec, const Watching& watching,
            Query::Start start)
        : runner_(runner),
          spec_(spec),
          watching_(watching),
          query_(runner.rpc_.node().table(), std::move(start)),
          changed_(runner.rpc_.executor()) {
        advance();
    }

    bool finished() const { return query_.finished(); }
    const Query& query() const { return query_; }

    QueryEnd end() const { return {query_.closest(), query_.successes()}; }

    // Returns whenever a node has answered, when all is over, and when it is quiet.
    Task<Result<void>> changed() {
        auto change = changed_.wait();
        if (watching_.on_quiet && heard_)
            change =
                with_timeout(runner_.rpc_.clock(), std::clamp(2 * slowest_, min_quiet, max_quiet),
                             std::move(change));
        auto changed = co_await std::move(change);
        if (changed || changed.error() != Errc::timed_out) co_return changed;
        heard_ = false;
        if (watching_.on_quiet(end())) stop_waiting();
        co_return ok;
    }

  private:
    void advance() {
        while (const auto hint = query_.next_down_hint()) runner_.send_hint(*hint);
        while (const auto to = query_.next_visit()) visit(*to);
        if (query_.finished()) changed_.notify_all();
    }

    // For those who have not answered; who comes next is waited for again.
    void stop_waiting() {
        for (const auto& [to, request] : pending_) query_.on_silent(to);
        advance();
    }

    void visit(const Endpoint& to) {
        Ask ask;
        ask.from = runner_.rpc_.node().default_socket();
        ask.to = to;
        ask.command = spec_.command;
        ask.target = spec_.target;
        ask.value = spec_.value;
        ask.retries = spec_.retries;
        auto id = runner_.rpc_.start(
            std::move(ask), [this, to](const RequestEvent& event) { on_event(to, event); });
        if (id)
            pending_.insert_or_assign(
                to, Visit{PendingRequest(runner_.rpc_, *id), runner_.rpc_.clock().now()});
        else
            query_.on_failed(to);
        if (runner_.rpc_.is_silent(to) || runner_.checks_.contains(to)) query_.on_silent(to);
    }

    void on_event(const Endpoint& to, const RequestEvent& event) {
        switch (event.kind) {
            case RequestEvent::Kind::slow:
                query_.on_slow(to);
                break;
            case RequestEvent::Kind::failed:
                pending_.erase(to);
                query_.on_failed(to);
                break;
            case RequestEvent::Kind::reply:
                heard(to);
                on_reply(to, event.reply);
        }
        advance();
    }

    void heard(const Endpoint& from) {
        const auto visit = pending_.extract(from);
        if (visit.empty()) return;
        slowest_ = std::max(slowest_, runner_.rpc_.clock().now() - visit.mapped().began);
        heard_ = true;
        if (watching_.on_quiet) changed_.notify_all();
    }

    void on_reply(const Endpoint& from, const Reply& reply) {
        if (spec_.priority == QuerySpec::Priority::background &&
            runner_.rpc_.node().requests_in_flight() < busy_requests)
            query_.set_concurrency(Query::full_concurrency);
        if (reply.error == rpc_ok && watching_.on_reply && !query_.finished())
            watching_.on_reply({from, verified_id(reply.id, from), reply});
        query_.on_reply(from, reply);
    }

    QueryRunner& runner_;
    const QuerySpec& spec_;
    const Watching& watching_;
    Query query_;
    Event changed_;
    struct Visit {
        PendingRequest request;
        Clock::Time began;
    };
    std::unordered_map<Endpoint, Visit, EndpointHash> pending_;
    bool heard_ = false;     // since it was last quiet
    Clock::Span slowest_{};  // of all answers
};

Task<Result<QueryEnd>> QueryRunner::walk(const QuerySpec& spec, const Watching& watching,
                                         std::vector<Endpoint> bootstrap) {
    Query::Start start;
    start.target = spec.target;
    start.seeds = spec.seeds;
    start.bootstrap = std::move(bootstrap);
    if (spec.priority == QuerySpec::Priority::background)
        start.concurrency = Query::background_concurrency;
    Running running(*this, spec, watching, std::move(start));
    while (!running.finished()) {
        auto woken = co_await running.changed();
        if (!woken) co_return woken.error();
    }
    for (Query::Overdue& suspect : running.query().overdue()) check(std::move(suspect));
    co_return running.end();
}

void QueryRunner::send_hint(const Query::DownHint& hint) {
    if (down_hints_left_ == 0) return;
    --down_hints_left_;
    Ask ask;
    ask.from = rpc_.node().default_socket();
    ask.to = hint.referrer;
    ask.command = InternalCommand::down_hint;
    ask.value = proto::Writer().addr4(hint.dead).take();
    // Nobody waits for the answer.
    (void)rpc_.start(std::move(ask), [](const RequestEvent&) {});
}

// If it is dead it leaves our table, and those who named it are told.
void QueryRunner::check(Query::Overdue suspect) {
    const Endpoint node = suspect.node;
    if (checks_.size() >= max_checks || !checks_.insert(node).second) return;
    Ask ping;
    ping.from = rpc_.node().default_socket();
    ping.to = node;
    ping.retries = check_retries;
    auto on_event = [this, suspect = std::move(suspect)](const RequestEvent& event) {
        if (event.kind == RequestEvent::Kind::slow) return;
        checks_.erase(suspect.node);
        if (event.kind == RequestEvent::Kind::reply) return;
        for (const Endpoint& referrer : suspect.referrers) send_hint({referrer, suspect.node});
    };
    const auto id = rpc_.start(std::move(ping), std::move(on_event));
    if (!id) checks_.erase(node);
}

Task<Result<QueryEnd>> QueryRunner::run(QuerySpec spec, OnReply on_reply, OnQuiet on_quiet) {
    const Watching watching{std::move(on_reply), std::move(on_quiet)};
    rpc_.node().upkeep().query_started();
    const bool need_bootstrap = rpc_.node().table().size() < Query::width;
    std::optional<QueryEnd> known;
    // Asking name servers takes time: where there is somebody to ask, that is tried first.
    if (!need_bootstrap || bootstrap_.all_known() || !spec.seeds.empty()) {
        std::vector<Endpoint> bootstrap;
        if (need_bootstrap) bootstrap = bootstrap_.known_addresses();
        auto end = co_await walk(spec, watching, std::move(bootstrap));
        if (end && end->answers == 0) bootstrap_.doubt();
        if (!end || end->answers >= enough_answers || bootstrap_.all_known()) co_return end;
        if (end->answers > 0) known = *std::move(end);
    }
    const Clock::Span patience = known ? Bootstrap::short_patience : name_limit;
    auto bootstrap = co_await bootstrap_.addresses(patience);
    if (known && !bootstrap_.all_known()) co_return *std::move(known);
    spec.seeds.clear();  // they have just been asked
    auto end = co_await walk(spec, watching, std::move(bootstrap));
    if (end && end->answers == 0) bootstrap_.doubt();
    co_return end;
}

Task<Result<void>> QueryRunner::commit(const QueryEnd& end, DhtId target, Command command,
                                       MakeValue make) {
    std::vector<Ask> asks;
    for (const QueryReply& node : end.closest) {
        if (!node.reply.token) continue;
        Ask ask;
        ask.from = rpc_.node().default_socket();
        ask.to = node.from;
        ask.command = command;
        ask.target = target;
        ask.token = node.reply.token;
        ask.value = make(node);
        asks.push_back(std::move(ask));
    }
    if (asks.empty()) co_return Errc::not_found;
    std::size_t accepted = 0;
    auto count = [&](std::size_t, const Reply& reply) { accepted += reply.error == rpc_ok; };
    auto enough = [&](const Rpc::Progress& progress) {
        return accepted > 0 && progress.overdue == progress.under_way;
    };
    auto answered = co_await rpc_.request_until(std::move(asks), count, enough);
    if (!answered) co_return answered.error();
    if (accepted == 0) co_return *answered ? Errc::refused : Errc::timed_out;
    co_return ok;
}

}  // namespace kp2p

// QueryRunner: carries out queries of the DHT. Each runs in the coroutine that asks for it and ends
// with it. Nodes that it did not wait for are asked once more afterwards, and others are told of
// those that are dead, within a budget.
#pragma once

#include <set>

#include "node/dht/bootstrap.hpp"
#include "proto/dht/node/query.hpp"

namespace kp2p {

struct QuerySpec {
    enum class Priority { foreground, background };

    proto::dht::DhtId target;
    proto::dht::AnyCommand command = proto::dht::InternalCommand::find_node;
    std::optional<ByteVector> value;
    std::vector<Endpoint> seeds;  // asked first
    unsigned retries = 2;  // the reference's are 5; what they would find, the next query finds
    Priority priority = Priority::foreground;
};

struct QueryEnd {
    std::vector<proto::dht::QueryReply> closest;  // at most 20, closest first
    std::size_t answers = 0;

    std::vector<Endpoint> closest_addresses() const;  // seeds of the next query
};

class QueryRunner {
  public:
    static constexpr std::size_t down_hints_per_tick = 50;
    static constexpr std::size_t max_checks = 16;  // at a time; more suspects go unchecked
    using OnReply = std::function<void(const proto::dht::QueryReply&)>;
    // Those who answer quickly have: twice the time of the slowest has passed since the last, or
    // 0.4 s. True: that will do.
    using OnQuiet = std::function<bool(const QueryEnd& so_far)>;

    QueryRunner(Rpc& rpc, Bootstrap& bootstrap) : rpc_(rpc), bootstrap_(bootstrap) {}

    // `on_reply` sees each reply without error as it arrives.
    Task<Result<QueryEnd>> run(QuerySpec spec, OnReply on_reply, OnQuiet on_quiet = nullptr);
    // Sends each of the closest nodes that gave a token the request `make` returns for it, and
    // waits for all; once one has accepted, only for those that answer in time. Errc::not_found if
    // there is none, Errc::timed_out if none answers.
    using MakeValue = std::function<ByteVector(const proto::dht::QueryReply&)>;
    Task<Result<void>> commit(const QueryEnd& end, proto::dht::DhtId target,
                              proto::dht::Command command, MakeValue make);
    void tick() { down_hints_left_ = down_hints_per_tick; }

  private:
    class Running;
    struct Watching {
        OnReply on_reply;
        OnQuiet on_quiet;
    };
    Task<Result<QueryEnd>> walk(const QuerySpec& spec, const Watching& watching,
                                std::vector<Endpoint> bootstrap);
    void check(proto::dht::Query::Overdue suspect);
    void send_hint(const proto::dht::Query::DownHint& hint);

    Rpc& rpc_;
    Bootstrap& bootstrap_;
    std::size_t down_hints_left_ = down_hints_per_tick;
    std::set<Endpoint> checks_;  // under way
};

}  // namespace kp2p

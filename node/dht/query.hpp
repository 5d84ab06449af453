// QueryRunner: carries out queries of the DHT. Each runs in the coroutine that asks for it and ends
// with it. Tells other nodes of dead ones, within a budget.
#pragma once

#include "node/dht/bootstrap.hpp"
#include "proto/dht/query.hpp"

namespace kp2p {

struct QuerySpec {
    enum class Priority { foreground, background };

    proto::dht::DhtId target;
    proto::dht::AnyCommand command = proto::dht::InternalCommand::find_node;
    std::optional<ByteVector> value;
    std::vector<Endpoint> seeds;  // asked first
    // The reference's 5 would let a node that died hold up a query in a small network for 6 s.
    unsigned retries = 2;
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
    using OnReply = std::function<void(const proto::dht::QueryReply&)>;

    QueryRunner(Rpc& rpc, Bootstrap& bootstrap) : rpc_(rpc), bootstrap_(bootstrap) {}

    // `on_reply` sees each reply without error as it arrives.
    Task<Result<QueryEnd>> run(QuerySpec spec, OnReply on_reply);
    // Sends each of the closest nodes that gave a token the request `make` returns for it, and
    // waits for all. Errc::not_found if there is none, Errc::timed_out if none answers.
    using MakeValue = std::function<ByteVector(const proto::dht::QueryReply&)>;
    Task<Result<void>> commit(const QueryEnd& end, proto::dht::DhtId target,
                              proto::dht::Command command, MakeValue make);
    void tick() { down_hints_left_ = down_hints_per_tick; }

  private:
    class Running;
    Task<Result<QueryEnd>> walk(const QuerySpec& spec, const OnReply& on_reply,
                                std::vector<Endpoint> bootstrap);

    Rpc& rpc_;
    Bootstrap& bootstrap_;
    std::size_t down_hints_left_ = down_hints_per_tick;
};

}  // namespace kp2p

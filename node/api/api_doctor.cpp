// The calls that say how the node is, and what keeps it from others.
#include <set>

#include "node/api/api.hpp"
#include "node/async/tasks.hpp"
#include "node/share/share.hpp"
#include "proto/outcome.hpp"
#include "proto/report/json.hpp"

namespace kp2p {
namespace {

using proto::JsonWriter;

// Of those that provide a file.
constexpr std::size_t max_tried_nodes = 8;

struct Trials {
    Call& call;
    Diagnosis& diagnosis;
    std::size_t nodes = 0, ways = 0;
};

std::string_view name_of(Trial::What what) {
    constexpr std::string_view names[] = {"found", "open", "tried"};
    return names[std::size_t(what)];
}

void tell(Trials& trials, const NodeId& node, const Trial& trial) {
    JsonWriter json;
    json.begin_object().field("event", "trial").field("node", node.hex());
    json.field("kind", name_of(trial.what)).field("path", text_of(trial.path));
    json.field("ms", trial.took.count()).field("works", !trial.failure);
    if (trial.failure) {
        write_finding(json.key("finding"), *trial.failure);
        trials.diagnosis.add(*trial.failure);
    } else if (trial.what != Trial::What::found) {
        ++trials.ways;
    }
    trials.call.try_send(json.end_object().take());
}

Task<> try_node(ApiParts& parts, Trials& trials, NodeId node) {
    const OnTrial on_trial = [&trials, node](const Trial& trial) { tell(trials, node, trial); };
    auto tried = co_await parts.trials(node, on_trial);
    if (tried) ++trials.nodes;  // it is not this one
}

Task<> try_nodes(ApiParts& parts, Trials& trials, std::set<NodeId> nodes) {
    auto body = [&](Tasks& all) -> Task<> {
        for (const NodeId& node : nodes) all.spawn(try_node(parts, trials, node));
        co_return;
    };
    (void)co_await with_tasks(body);
}

}  // namespace

Api::Answer Api::doctor(Call&) { co_return co_await parts_.doctor(); }

Task<Result<std::set<NodeId>>> Api::providers_of(Call& call, Diagnosis& diagnosis) {
    std::string complaint;
    auto text = call.text("uri");
    if (!text) co_return text.error();
    auto uri = proto::Uri::parse(*text, complaint);
    if (!uri) {
        call.explain(complaint);
        co_return uri.error();
    }
    std::set<NodeId> nodes;
    const std::function<void(const FoundProvider&)> found = [&](const FoundProvider& provider) {
        if (nodes.size() < max_tried_nodes) nodes.insert(provider.node);
    };
    auto count = co_await parts_.share.find(*uri, found, diagnosis);
    if (!count) co_return failed({call, *uri, "doctor"}, count.error(), diagnosis);
    co_return nodes;
}

Api::Answer Api::trial(Call& call) {
    Diagnosis diagnosis;
    auto key = call.optional_text("node");
    if (!key) co_return key.error();
    std::set<NodeId> nodes;
    if (*key) {
        const auto node = NodeId::from_hex(**key);
        if (!node) {
            call.explain("a node's key is 64 hex digits");
            co_return Errc::usage;
        }
        nodes.insert(*node);
    } else {
        auto found = co_await providers_of(call, diagnosis);
        if (!found) co_return found.error();
        nodes = *std::move(found);
    }
    Trials trials{call, diagnosis};
    co_await try_nodes(parts_, trials, nodes);
    if (*key && trials.nodes == 0) {
        call.explain("that is this node");
        co_return Errc::usage;
    }
    if (trials.nodes > 0 && trials.ways == 0) {
        call.explain(diagnosis);
        co_return Errc::cannot_connect;
    }
    JsonWriter json;
    json.begin_object().field("event", "result").field("nodes", trials.nodes);
    co_return json.field("ways", trials.ways).end_object().take();
}

}  // namespace kp2p

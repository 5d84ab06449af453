// Finding: one thing that stood in the way of reaching a node or of getting a file: at which stage,
// what, with whom, on which path, after how long. What reports a failure carries a list of them,
// the nearest cause first; the sentences for people are made here and nowhere else, and what to do
// about each in advice.hpp. The names of stages, codes and ways, as JSON has them, are in
// node/api/API.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/endpoint.hpp"

namespace kp2p {

enum class Stage { request, network, channel, search, reach, open, transfer, verify, storage };

// A way to a node that was taken or tried, and where it led, if that is one place.
struct TriedPath {
    enum class Way { dht, direct, lan, punch, tcp, relayed, tunnelled };

    Way way = Way::dht;
    std::optional<Endpoint> at = {};

    bool operator==(const TriedPath&) const = default;
};

struct Finding {
    enum class Code {
        // Of what was asked for.
        is_directory,  // where a file is needed
        not_to_path,   // a directory, without a place for it
        is_file,       // where a directory is needed
        no_listing,    // the file does not describe a directory
        no_entry,      // what: the path in the directory
        no_manifest,   // that can be had or used
        // Of the network as a whole.
        dht_silent_for,  // after
        dht_silent,      // since the start
        no_network,      // no interface is up
        no_route,        // what: what the system says of what is sent
        not_let_out,     // what: the same, of what it forbids
        rejected,        // what: on the way to whom, and how
        no_relay_port,   // what: which kp2p-relay, and why not; nor does a DHT node answer
        dht_busy,        // count: requests under way, which is the limit
        no_bootstrap,
        no_ipv4,         // what: a clause, why not
        unresolved,      // what: clauses about the names of bootstrap nodes
        captive_portal,  // what: which relay, and what answers in its place; after
        same_key,        // what: where the other node was seen
        // Of channels, and who is in them.
        channels_pending,  // count
        no_channel,
        nobody_there,  // what: the channel
        // Of the search; what: the channel; count: nodes reached, of them `silent`.
        only_one_lacks,
        only_one_silent,
        all_lack,
        some_silent,
        // Of reaching `node`.
        unreachable,  // for a reason that is not known
        invalid_key,
        not_asked_for,  // as no DHT node answers
        not_announced,
        relays_silent,
        refused_or_foreign,
        sent_nothing,      // to our open port
        path_silent,       // it has answered otherwise; what: the address where it should be
        not_heard,         // what: the address that it sends from
        path_rejected,     // what: that address, by whom and how
        path_not_let_out,  // what: that address, and what the system says
        lan_silent,        // what: its address
        no_way_through,
        no_hole,          // what: why, both NATs, and what was tried; after
        relay_failed,     // what: the relay's node; after
        no_relay,         // that we know would take both
        tunnel_failed,    // what: the kp2p-relay, and why
        tcp_refused,      // what: the address
        tcp_silent,       // what: the address
        tcp_unreachable,  // what: the address, and what the system says
        tcp_other_node,   // what: the address
        tcp_lossy,        // what: the address; another way is taken
        tcp_unresolved,   // what: a clause about the name
        connections_busy,
        no_common_channel,
        connection_lost,
        // Of opening the file at `node`.
        not_opened,
        lacks,
        cannot_give,
        only_parts,  // what: what is kept
        // Of the transfer.
        stopped_sending,
        stalled,  // after; what: with whom, and what is kept
        altered,  // on the way, again and again; what: what is kept
        // Of bytes that were wrong.
        wrong,  // what: of which kind
        // Of what is on this computer.
        storage,  // what: a sentence
        quota,    // what: a sentence
        rots,     // what: the hash, again and again
        too_many_partials,
    };

    Code code{};
    std::optional<NodeId> node = {};
    std::string what = {};
    std::uint64_t count = 0, silent = 0;
    std::optional<std::chrono::milliseconds> after = {};
    std::optional<TriedPath> path = {};

    bool operator==(const Finding&) const = default;
};

Stage stage_of(Finding::Code code);
// Of those of reaching a node: it has answered, as it could not have otherwise.
bool node_runs(Finding::Code code);
// As in JSON, once and for all.
std::string_view name_of(Stage stage);
std::string_view name_of(Finding::Code code);
std::string_view name_of(TriedPath::Way way);
// "tcp 192.0.2.7:49737", "dht"
std::string text_of(const TriedPath& path);
// "12 s"
std::string seconds_text(std::chrono::milliseconds span);
// For a person, without a full stop.
std::string sentence_of(const Finding& finding);
// The same with the path and the time in parentheses, unless the sentence has them.
std::string full_sentence_of(const Finding& finding);
// The same with stage and code in brackets, as JSON has them, and no channel's name, which is a
// secret: for the log.
std::string log_text_of(const Finding& finding);

// The findings of one failure, each once, at most max_findings.
class Findings {
  public:
    static constexpr std::size_t max_findings = 32;

    void add(Finding finding);
    // The nearest cause: it stands before all others.
    void lead(Finding finding);
    const std::vector<Finding>& all() const { return all_; }
    bool empty() const { return all_.empty(); }
    // All full sentences, joined by "; ".
    std::string text() const;

  private:
    std::vector<Finding> all_;
};

}  // namespace kp2p

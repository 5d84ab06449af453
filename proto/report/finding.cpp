#include "proto/report/finding.hpp"

#include <algorithm>

namespace kp2p {
namespace {

using Code = Finding::Code;

// {node}, {what}, {count}, {silent}, {others} (count without silent) and {seconds} are replaced.
struct Wording {
    Code code;
    Stage stage;
    std::string_view name, sentence;
};

constexpr Wording wordings[] = {
    {Code::is_directory, Stage::request, "is_directory", "it is a directory, not a file"},
    {Code::not_to_path, Stage::request, "not_to_path",
     "it is a directory: say where to put it (--dest)"},
    {Code::is_file, Stage::request, "is_file", "it is a file, not a directory"},
    {Code::no_listing, Stage::request, "no_listing",
     "the file with this hash does not describe a directory"},
    {Code::no_entry, Stage::request, "no_entry", "there is no {what} in the directory"},
    {Code::no_manifest, Stage::request, "no_manifest", "its manifest cannot be had or used"},

    {Code::dht_silent_for, Stage::network, "dht_silent_for",
     "no DHT node has answered for {seconds}: is this computer offline?"},
    {Code::dht_silent, Stage::network, "dht_silent",
     "no DHT node has answered yet, no bootstrap node either"},
    {Code::no_network, Stage::network, "no_network",
     "this computer is connected to no network: no interface but its own is up"},
    {Code::no_route, Stage::network, "no_route",
     "this computer has no way to the Internet: what is sent to DHT nodes ends in \"{what}\""},
    {Code::not_let_out, Stage::network, "not_let_out",
     "this computer lets nothing out to DHT nodes: what is sent ends in \"{what}\""},
    {Code::rejected, Stage::network, "rejected",
     "no DHT node answers, and what is sent to them is rejected, not lost: {what}"},
    {Code::no_relay_port, Stage::network, "no_relay_port",
     "no DHT node answers, and there is no UDP port at {what}"},
    {Code::dht_busy, Stage::network, "dht_busy",
     "DHT nodes are asked no more for now: {count} requests are under way, which is the limit"},
    {Code::no_bootstrap, Stage::network, "no_bootstrap",
     "this node knows no DHT node, as it was started without bootstrap nodes"},
    {Code::no_ipv4, Stage::network, "no_ipv4", "the DHT is of IPv4 alone, and {what}"},
    {Code::unresolved, Stage::network, "unresolved", "no DHT node can be asked: {what}"},
    {Code::captive_portal, Stage::network, "captive_portal",
     "UDP is blocked here, and another answers in the place of the relay, as a captive portal "
     "does, or a proxy that looks into TLS: {what}"},
    {Code::same_key, Stage::network, "same_key",
     "another node, at {what}, runs with the key of this one: others reach now one, now the other, "
     "and the two do not find each other"},

    {Code::channels_pending, Stage::channel, "channels_pending",
     "of this node's channels, some are not joined yet: {count}"},
    {Code::no_channel, Stage::channel, "no_channel", "this node is in no channel"},
    {Code::nobody_there, Stage::channel, "nobody_there",
     "no other node in channel {what} could be reached"},

    {Code::only_one_lacks, Stage::search, "only_one_lacks",
     "the one node reached in channel {what} knows nobody who has it"},
    {Code::only_one_silent, Stage::search, "only_one_silent",
     "the one node reached in channel {what} did not answer"},
    {Code::all_lack, Stage::search, "all_lack",
     "none of the {count} nodes reached in channel {what} knows anybody who has it"},
    {Code::some_silent, Stage::search, "some_silent",
     "of the {count} nodes reached in channel {what}, {silent} did not answer, and {others} know "
     "nobody who has it"},

    {Code::unreachable, Stage::reach, "unreachable", "node {node} cannot be connected to"},
    {Code::invalid_key, Stage::reach, "invalid_key",
     "node {node} cannot be connected to: it is no valid public key"},
    {Code::not_asked_for, Stage::reach, "not_asked_for",
     "no DHT node answers the question where it is"},
    {Code::not_announced, Stage::reach, "not_announced",
     "node {node} cannot be connected to: it is not announced on the DHT: it is offline, or not "
     "known there yet"},
    {Code::relays_silent, Stage::reach, "relays_silent",
     "node {node} cannot be connected to: it is announced on the DHT, but answers through none of "
     "its relays"},
    {Code::refused_or_foreign, Stage::reach, "refused_or_foreign",
     "node {node} cannot be connected to: it speaks another version, or refused us"},
    {Code::sent_nothing, Stage::reach, "sent_nothing",
     "node {node} cannot be connected to: it answered, but sent nothing to our open port"},
    {Code::path_silent, Stage::reach, "path_silent",
     "node {node} cannot be connected to: it runs, but nothing comes back from {what}, where it "
     "should be"},
    {Code::not_heard, Stage::reach, "not_heard",
     "node {node} cannot be connected to: what it sends comes here from {what}, but nothing that "
     "goes there from here arrives"},
    {Code::path_rejected, Stage::reach, "path_rejected",
     "node {node} cannot be connected to: what is sent to it is rejected, not lost: {what}"},
    {Code::path_not_let_out, Stage::reach, "path_not_let_out",
     "node {node} cannot be connected to: this computer does not let out what is sent to it, at "
     "{what}"},
    {Code::lan_silent, Stage::reach, "lan_silent",
     "node {node} cannot be connected to: it seems to be in our LAN, but does not answer at "
     "{what}"},
    {Code::no_way_through, Stage::reach, "no_way_through",
     "node {node} cannot be connected to: both sides are behind firewalls, and no way through was "
     "found"},
    {Code::no_hole, Stage::reach, "no_hole",
     "node {node} cannot be connected to: no hole could be punched through the firewalls of both "
     "sides in {seconds} ({what})"},
    {Code::relay_failed, Stage::reach, "relay_failed",
     "node {node} cannot be connected to: it did not come to relay {what} within {seconds}"},
    {Code::no_relay, Stage::reach, "no_relay",
     "node {node} cannot be connected to: no relay is known that would take both"},
    {Code::tunnel_failed, Stage::reach, "tunnel_failed",
     "node {node} cannot be connected to: there is no UDP port at {what}"},
    {Code::tcp_refused, Stage::reach, "tcp_refused",
     "node {node} cannot be connected to: nothing listens at {what}, or a firewall refuses"},
    {Code::tcp_silent, Stage::reach, "tcp_silent",
     "node {node} cannot be connected to: no answer over TCP from {what}"},
    {Code::tcp_unreachable, Stage::reach, "tcp_unreachable",
     "node {node} cannot be connected to over TCP at {what}"},
    {Code::tcp_other_node, Stage::reach, "tcp_other_node",
     "node {node} cannot be connected to: what answers at {what} is not it, or takes nobody in"},
    {Code::tcp_lossy, Stage::reach, "tcp_lossy",
     "much of what is sent to node {node} over TCP at {what} is lost on the way"},
    {Code::tcp_unresolved, Stage::reach, "tcp_unresolved",
     "node {node} cannot be connected to: {what}"},
    {Code::connections_busy, Stage::reach, "connections_busy",
     "node {node} cannot be connected to: all of our connections are at work"},
    {Code::no_common_channel, Stage::reach, "no_common_channel",
     "node {node} is in no common channel"},
    {Code::connection_lost, Stage::reach, "connection_lost",
     "the connection to node {node} was lost"},

    {Code::not_opened, Stage::open, "not_opened",
     "node {node} does not open the file that it says it has"},
    {Code::lacks, Stage::open, "lacks", "node {node} does not have the file"},
    {Code::cannot_give, Stage::open, "cannot_give",
     "node {node} cannot give the file any more: there it has changed, or cannot be read"},
    {Code::only_parts, Stage::open, "only_parts",
     "the providers have only parts of the file; {what}"},

    {Code::stopped_sending, Stage::transfer, "stopped_sending", "node {node} stopped sending"},
    {Code::stalled, Stage::transfer, "stalled", "stalled: {what}"},
    {Code::altered, Stage::transfer, "altered",
     "what node {node} sends arrives altered, time and again, so that nothing of it can be used; "
     "{what}"},

    {Code::wrong, Stage::verify, "wrong", "node {node} {what}"},

    {Code::storage, Stage::storage, "storage", "{what}"},
    {Code::quota, Stage::storage, "quota", "{what}"},
    {Code::rots, Stage::storage, "rots",
     "what the storage has of {what} goes wrong again and again"},
    {Code::too_many_partials, Stage::storage, "too_many_partials",
     "too many programs bring this file into the storage at once"},
};

const Wording& wording_of(Code code) {
    return *std::find_if(std::begin(wordings), std::end(wordings),
                         [&](const Wording& wording) { return wording.code == code; });
}

std::string value_of(std::string_view key, const Finding& finding) {
    if (key == "node") return finding.node ? finding.node->hex() : std::string();
    if (key == "what") return finding.what;
    if (key == "count") return std::to_string(finding.count);
    if (key == "silent") return std::to_string(finding.silent);
    if (key == "others") return std::to_string(finding.count - finding.silent);
    return seconds_text(finding.after.value_or(std::chrono::milliseconds(0)));
}

// As fine as it is worth telling.
std::string span_text(std::chrono::milliseconds span) {
    if (span >= std::chrono::seconds(1)) return seconds_text(span);
    return std::to_string(span.count()) + " ms";
}

}  // namespace

Stage stage_of(Code code) { return wording_of(code).stage; }

bool node_runs(Code code) {
    constexpr Code running[] = {
        Code::refused_or_foreign, Code::sent_nothing,   Code::path_silent,
        Code::not_heard,          Code::path_rejected,  Code::path_not_let_out,
        Code::lan_silent,         Code::no_way_through, Code::no_hole,
        Code::relay_failed,       Code::tunnel_failed};
    return std::ranges::find(running, code) != std::end(running);
}

std::string_view name_of(Code code) { return wording_of(code).name; }

std::string_view name_of(Stage stage) {
    constexpr std::string_view names[] = {"request", "network",  "channel", "search", "reach",
                                          "open",    "transfer", "verify",  "storage"};
    return names[std::size_t(stage)];
}

std::string_view name_of(TriedPath::Way way) {
    constexpr std::string_view names[] = {"dht", "direct",  "lan",      "punch",
                                          "tcp", "relayed", "tunnelled"};
    return names[std::size_t(way)];
}

std::string text_of(const TriedPath& path) {
    const std::string way(name_of(path.way));
    return path.at ? way + " " + path.at->text() : way;
}

std::string seconds_text(std::chrono::milliseconds span) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count()) + " s";
}

std::string sentence_of(const Finding& finding) {
    std::string text;
    std::string_view rest = wording_of(finding.code).sentence;
    for (std::size_t at; (at = rest.find('{')) != rest.npos;) {
        const std::size_t end = rest.find('}', at);
        text.append(rest.substr(0, at))
            .append(value_of(rest.substr(at + 1, end - at - 1), finding));
        rest.remove_prefix(end + 1);
    }
    return text.append(rest);
}

std::string full_sentence_of(const Finding& finding) {
    const std::string sentence = sentence_of(finding);
    const auto said = [&](const std::string& text) { return sentence.find(text) != text.npos; };
    std::string more;
    if (finding.path && finding.path->at && !said(finding.path->at->text()))
        more = text_of(*finding.path);
    if (finding.after && !said(seconds_text(*finding.after)))
        more += (more.empty() ? "after " : ", after ") + span_text(*finding.after);
    return more.empty() ? sentence : sentence + " (" + more + ")";
}

std::string log_text_of(const Finding& finding) {
    const Stage stage = stage_of(finding.code);
    Finding told = finding;
    if (stage == Stage::channel || stage == Stage::search) told.what = "...";  // a channel's name
    return full_sentence_of(told) + " [" + std::string(name_of(stage)) + " " +
           std::string(name_of(finding.code)) + "]";
}

void Findings::add(Finding finding) {
    if (all_.size() >= max_findings) return;
    if (std::find(all_.begin(), all_.end(), finding) == all_.end())
        all_.push_back(std::move(finding));
}

void Findings::lead(Finding finding) {
    std::erase(all_, finding);
    if (all_.size() >= max_findings) all_.pop_back();
    all_.insert(all_.begin(), std::move(finding));
}

std::string Findings::text() const {
    std::string joined;
    for (const Finding& finding : all_)
        joined += (joined.empty() ? "" : "; ") + full_sentence_of(finding);
    return joined;
}

}  // namespace kp2p

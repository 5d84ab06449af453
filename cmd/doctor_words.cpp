#include "cmd/doctor_words.hpp"

#include "cmd/wrapped.hpp"
#include "proto/paths/label.hpp"

namespace kp2p {
namespace {

constexpr std::size_t label_width = 9;

std::string line(const std::string& label, const std::string& words) {
    return wrapped(label, label_width, words);
}

std::string seconds(std::uint64_t count) { return std::to_string(count) + " s"; }

// What a finding says beyond which node it is about.
std::string message_of(const client::Answer& finding) {
    const std::string known = "node " + finding.string("node") + " cannot be connected to: ";
    const std::string message = finding.string("message");
    return message.starts_with(known) ? message.substr(known.size()) : message;
}

std::string after_of(const client::Answer& finding) {
    if (!finding.has("ms")) return {};
    return ", after " + std::to_string(finding.number("ms")) + " ms";
}

std::string describe_findings(const std::vector<client::Answer>& findings) {
    std::string text;
    for (const client::Answer& finding : findings)
        text += "\n" + line("", message_of(finding) + after_of(finding) + "\n-> " +
                                    finding.string("advice"));
    return text;
}

}  // namespace

std::string describe_check(const client::Answer& check) {
    std::string text =
        line(check.string("health"), check.string("section") + ": " + check.string("message"));
    const std::string advice = check.string("advice");
    return advice.empty() ? text : text + "\n" + line("", "-> " + advice);
}

std::string describe_peer(const client::Answer& peer) {
    std::string text = line("peer", described_node(peer.string("node"), peer.string("label")));
    for (const client::Answer& path : peer.list("paths")) {
        const std::uint64_t rtt = path.number("rtt_us");
        std::string words = path.string("path");
        if (rtt) words += ", there and back in " + std::to_string((rtt + 999) / 1000) + " ms";
        text += "\n" + line("", words + ", for " + seconds(path.number("seconds")));
    }
    for (const std::string& channel : peer.strings("channels"))
        text += "\n" + line("", "in channel " + channel);
    const auto not_taken = peer.list("not_taken");
    if (!not_taken.empty())
        text += "\n" + line("", "no better path:") + describe_findings(not_taken);
    return text;
}

std::string describe_trial(const client::Answer& trial) {
    const std::string kind = trial.string("kind");
    const std::string took = std::to_string(trial.number("ms")) + " ms";
    if (kind == "found")
        return line("found", trial.string("path") + " has answered for it, after " + took);
    if (kind == "open") return line("open", trial.string("path") + ", there and back in " + took);
    if (trial.truth("works")) return line("works", trial.string("path") + ", after " + took);
    const client::Answer finding(trial.json("finding"));
    return line("fails", trial.string("path") + ", after " + took + ": " + message_of(finding)) +
           "\n" + line("", "-> " + finding.string("advice"));
}

std::string describe_unreached(const client::Answer& node) {
    return line("missed", node.string("node")) + describe_findings(node.list("findings"));
}

}  // namespace kp2p

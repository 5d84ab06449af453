#include "node/share/inventory/transfers.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "proto/byte_size.hpp"

namespace kp2p {
namespace {

constexpr std::size_t id_digits = 8;  // of a node, for people
constexpr std::size_t max_named = 4;

std::string names_of(const std::vector<NodeId>& nodes) {
    std::string text;
    for (std::size_t i = 0; i < nodes.size() && i < max_named; ++i)
        text += (i == 0 ? "" : ", ") + nodes[i].hex().substr(0, id_digits);
    if (nodes.size() > max_named)
        text += " and " + std::to_string(nodes.size() - max_named) + " more";
    return text;
}

std::string seconds_of(Clock::Span span) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(span).count());
    return text;
}

}  // namespace

Transfers::Entry::Entry(Transfers& all, TransferFacts facts, std::function<void()> cancel)
    : all_(all),
      id_(all.next_++),
      facts_(std::move(facts)),
      cancel_(std::move(cancel)),
      began_(all.runtime_.clock.now()) {
    all_.entries_.emplace(id_, this);
}

Transfers::Entry::~Entry() {
    all_.entries_.erase(id_);
    const bool gives = facts_.kind == TransferKind::give;
    const std::uint64_t moved = facts_.bytes - began_bytes_;
    // What was here already is no load, and what failed is said by whoever asked for it.
    if (moved == 0 || facts_.nodes.empty() || (!gives && !done_)) return;
    if (gives) ++all_.counts_.gives;
    const std::string name = facts_.name.empty() ? "" : " " + facts_.name;
    const std::string span = seconds_of(all_.runtime_.clock.now() - began_);
    std::string line = (gives ? "gave " : "loaded ") + facts_.file.hex() + name + ": ";
    line += proto::size_words(moved) + " in " + span;
    line += (gives ? " to " : " from ") + names_of(facts_.nodes);
    all_.runtime_.log("share", line);
}

void Transfers::Entry::told() { rate_.at(all_.runtime_.clock.now(), facts_.bytes); }

void Transfers::Entry::moved(std::uint64_t bytes) {
    facts_.bytes += bytes;
    told();
}

void Transfers::Entry::set(std::uint64_t bytes, std::uint64_t size_bytes,
                           std::vector<NodeId> nodes) {
    // What an earlier load has kept is here as soon as anything is.
    if (!std::exchange(seen_, true) && nodes.empty()) began_bytes_ = bytes;
    facts_.bytes = std::max(bytes, began_bytes_);
    facts_.size_bytes = size_bytes;
    facts_.nodes = std::move(nodes);
    told();
}

std::vector<Transfers::Report> Transfers::reports() const {
    std::vector<Report> reports;
    const auto now = runtime_.clock.now();
    for (const auto& [id, entry] : entries_)
        reports.push_back({id, entry->facts_, now - entry->began_, entry->rate_.per_second(now)});
    return reports;
}

bool Transfers::cancel(std::uint64_t id) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return false;
    const auto cancel = found->second->cancel_;  // it may be gone before that returns
    cancel();
    return true;
}

}  // namespace kp2p

#include "node/report/dht_facts.hpp"

namespace kp2p {
namespace {

// Nodes that come and go leave some requests without an answer.
constexpr std::chrono::seconds long_silence{10};

// What is known to be wrong with this computer, or right behind it.
std::optional<Finding> known_trouble(const DhtContact& contact) {
    using Code = Finding::Code;
    if (contact.not_sent == asio::error::network_down) return Finding{.code = Code::no_network};
    if (!contact.no_ipv4.empty()) return std::nullopt;
    if (!contact.not_sent && !contact.rejected.empty())
        return Finding{.code = Code::rejected, .what = contact.rejected};
    if (!contact.not_sent) return std::nullopt;
    const bool forbidden = contact.not_sent == std::errc::operation_not_permitted ||
                           contact.not_sent == std::errc::permission_denied;
    return Finding{.code = forbidden ? Code::not_let_out : Code::no_route,
                   .what = contact.not_sent.message()};
}

}  // namespace

std::optional<Finding> dht_trouble(const DhtContact& contact) {
    using Code = Finding::Code;
    if (contact.refused && *contact.refused < long_silence)
        return Finding{.code = Code::dht_busy, .count = Rpc::max_pending};
    if (contact.last_answer) {
        const auto silent_for = std::chrono::duration_cast<std::chrono::milliseconds>(
            contact.silent_for.value_or(Clock::Span()));
        if (silent_for < long_silence) return std::nullopt;
        if (auto known = known_trouble(contact)) return known;
        return Finding{.code = Code::dht_silent_for, .after = silent_for};
    }
    if (auto known = known_trouble(contact)) return known;
    if (!contact.unresolved.empty() && contact.unresolved.size() >= contact.bootstrap_nodes) {
        std::string names;
        for (const std::string& name : contact.unresolved)
            names += (names.empty() ? "" : ", ") + name;
        Finding unresolved{.code = Code::unresolved, .what = names};
        if (contact.silent_for)
            unresolved.after =
                std::chrono::duration_cast<std::chrono::milliseconds>(*contact.silent_for);
        return unresolved;
    }
    if (contact.bootstrap_nodes == 0 && !contact.silent_for)
        return Finding{.code = Code::no_bootstrap};
    if (!contact.no_ipv4.empty()) return Finding{.code = Code::no_ipv4, .what = contact.no_ipv4};
    Finding silent{.code = Code::dht_silent};
    if (contact.silent_for)
        silent.after = std::chrono::duration_cast<std::chrono::milliseconds>(*contact.silent_for);
    return silent;
}

void note_dht(Facts& facts, Dht& dht) {
    const DhtContact contact = dht.contact();
    facts.network_trouble = dht_trouble(contact);
    facts.last_answer = contact.last_answer;
    facts.firewalled = dht.firewalled();
    facts.in_network = dht.bootstrapped() && dht.table_size() > 0;
    facts.dht_nodes = dht.table_size();
    facts.public_address = dht.remote_address();
    facts.sampled_address = dht.sampled_address();
}

}  // namespace kp2p

// Hosts as asio has them, and what names stand for.
#pragma once

#include <asio/ip/address.hpp>
#include <functional>
#include <string>
#include <vector>

#include "node/async/clock.hpp"
#include "proto/host.hpp"

namespace kp2p {

asio::ip::address to_address(const Host& host);
Host from_address(const asio::ip::address& address);

// Asks the resolver of the system, which reads the hosts file, too, and blocks.
Result<std::vector<Host>> ask_resolver(const std::string& name);

// The addresses of a name that a computer can be at, those of both families by turns, so that one
// that leads nowhere is not all that is tried. Where no name server answers the resolver takes a
// minute: each name has a thread of its own for as long, so that none holds up another, and its
// caller waits for name_limit. Errors are of name_words().
constexpr std::chrono::seconds name_limit{20};
constexpr int max_names_asked = 64;  // at a time
struct NameQuestion {
    std::string name;
    Clock::Span limit = name_limit;
    std::function<Result<std::vector<Host>>(const std::string&)> ask = ask_resolver;
};
Task<Result<std::vector<Host>>> hosts_of(Clock& clock, NameQuestion question);

// "NAME has no address" and the like.
std::string name_words(const std::string& name, std::error_code error);

}  // namespace kp2p

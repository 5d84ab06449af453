// kp2p::Errc: how an operation of kp2p ended, as its user is told: the same typed code in C++,
// HTTP, JSON ("code"), the exit status of a command, and the exception classes of the Python
// package.
#pragma once

#include <string_view>
#include <system_error>

namespace kp2p {

enum class Errc {
    failed = 1,           // anything that has no code of its own
    usage,                // malformed argument, URI, channel name or flag
    no_daemon,            // no daemon answers at the API port
    unauthorized,         // the API token is missing or wrong
    not_found,            // nobody reachable provides the file
    verification_failed,  // what was sent is wrong and no honest provider is left
    out_of_space,         // the storage or destination is full
    storage_unavailable,  // the storage directory is missing or cannot be written or read
    port_in_use,          // another process holds the port
    cannot_connect,       // a peer is known but could not be connected to
    timed_out,            // an operation took longer than its limit
    closed,               // the connection, queue or node is closed
    canceled,             // the user or the daemon's shutdown ended it
    limit_reached,        // a bound that protects the node was hit
    refused,              // the peer does not share with us (no channel in common, or not any more)
    over_quota,           // the storage would take more than it may
    sha1_collision,  // it is part of an attack on SHA-1: its SHA-1 does not tell it from others
};

std::error_code make_error_code(Errc error);

// The code in snake_case, as it appears in JSON. Any other category maps to "failed".
std::string_view code_name(std::error_code error);
// The inverse; an unknown name is Errc::failed.
Errc code_from_name(std::string_view name);
// 0 done, 1 failed, 2 usage, 3 no daemon, 4 nobody provides it, 5 verification failed or an attack
// on SHA-1, 6 out of space or over the quota.
int exit_status(std::error_code error);

}  // namespace kp2p

template <>
struct std::is_error_code_enum<kp2p::Errc> : std::true_type {};

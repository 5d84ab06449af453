// Inquiry: whether what is sent to one place is rejected, and by whom. The system tells that of a
// socket that is connected to that place alone, and routers tell of it now and then only: so who
// waits asks more than once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "node/async/asio.hpp"
#include "proto/endpoint.hpp"

namespace kp2p {

struct Rejection {
    std::string words;            // in what way: "administratively prohibited"
    std::optional<Host> by = {};  // as far as it is known
    bool here = false;            // it did not even leave this computer
    bool no_host = false;         // as who rejects finds nobody at that address
};

// "192.0.2.7:49737, by 192.0.2.1: port unreachable"
std::string rejection_text(const Endpoint& to, const Rejection& rejection);

class Inquiry {
  public:
    virtual ~Inquiry() = default;
    virtual void ask() = 0;  // sends a byte
    // What has come of that by now; none: nothing that is known.
    virtual std::optional<Rejection> answer() = 0;
};

// From a free port of `local`.
std::unique_ptr<Inquiry> open_inquiry(Executor executor, const Host& local, const Endpoint& to);

// Of a UDP socket that is connected. Two twins: Linux knows who has rejected.
void hear_rejections(int socket);  // from now on
std::optional<Rejection> next_rejection(int socket);

}  // namespace kp2p

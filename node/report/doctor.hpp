// The doctor: from what is known of a node, or of a computer on which none runs, a list of checks.
// Each section looks at one thing; a further one is a function and a line of the table in
// doctor.cpp, and what it looks at a field of Facts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "node/async/clock.hpp"
#include "proto/report/check.hpp"
#include "proto/report/finding.hpp"

namespace kp2p {

struct Facts {
    struct Running {
        NodeId node;
        Clock::Span up{};
    };
    struct Channel {
        std::string name;
        std::size_t members = 0;  // that we are connected to
        bool joined = true;       // or will be in a moment
    };
    struct Tunnel {
        std::string place;  // of the kp2p-relay
        bool in_use = false, up = false;
        std::string failure = {};  // the relay and why it gave no port, if it was tried in vain
        bool impostor = false;     // another has answered in its place
        bool asking = false;       // it is to give a port, if it was not tried in vain before
    };
    struct Relaying {
        bool serves = false;
        std::size_t pairs = 0;  // of nodes, at this moment
    };
    struct Storage {
        std::filesystem::path dir;
        std::string trouble;  // why it cannot be used; empty: it can
        std::uint64_t free_bytes = 0;
        bool missing = false;  // as before the first daemon makes it
    };

    std::optional<Running> running;     // none: no daemon does
    std::optional<Finding> twin;        // runs with the same key
    std::optional<std::string> config;  // why it cannot be used; empty: it can; none: not looked at

    // Addresses.
    std::vector<Host> interfaces;
    std::string way_out;  // the name of the interface that leads to the Internet; empty: none does
    std::optional<Endpoint> udp, tcp;  // as they are bound
    std::string port_trouble;          // why they cannot be; empty: they can
    bool no_sockets = false;           // whatever the port: nobody could be asked

    // As others see us.
    std::optional<Finding> network_trouble;
    std::optional<Clock::Span> last_answer;  // of the DHT, so long ago
    bool firewalled = true, in_network = false, first = false;
    std::size_t dht_nodes = 0;
    std::optional<Endpoint> public_address;   // where anyone reaches us
    std::optional<Endpoint> sampled_address;  // port 0: it differs from one to another

    std::optional<std::string> mapping;  // by a router, a sentence; none: no router is asked
    std::optional<Tunnel> tunnel;        // none: no kp2p-relay is known
    std::optional<Relaying> relaying;    // for others
    std::optional<std::string> lan;      // why members are not looked for in it; empty: they are

    std::vector<Channel> channels;
    Storage storage;
    Clock::WallTime wall{};
};

Checks examine(const Facts& facts);

// Of the storage, which must not be created for it. Blocks.
Facts::Storage look_at_storage(const std::filesystem::path& dir);

}  // namespace kp2p

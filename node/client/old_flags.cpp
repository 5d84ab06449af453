#include "node/client/old_flags.hpp"

namespace kp2p::client {
namespace {

// What kachery's commands said of its servers.
const std::vector<OldFlag> of_servers = {
    {"--remote-only"},       {"--url", true},      {"-c,--channel", true},
    {"-p,--password", true}, {"--use-hard-links"},
};

std::vector<OldFlag> and_of_servers(std::vector<OldFlag> flags) {
    flags.insert(flags.end(), of_servers.begin(), of_servers.end());
    return flags;
}

}  // namespace

std::vector<OldFlag> old_flags(std::string_view command) {
    if (command == "kp2p-load" || command == "kp2p-cat" || command == "kp2p-ls")
        return and_of_servers({{"--from-node", true},
                               {"--from-channel", true},
                               {"--exp-nop2p"},
                               {"--exp-file-server-url", true},
                               {"-f,--fr", true}});
    if (command == "kp2p-store")
        return and_of_servers({{"-a,--algorithm", true}, {"--git-annex-mode"}, {"-t,--to", true}});
    if (command == "kp2p-join") return {{"--message-proxy"}, {"--data-proxy"}, {"--public"}};
    if (command == "kp2p-start-daemon")
        return {{"--method", true},
                {"--verbose", true},
                {"--dverbose", true},
                {"--public-url", true},
                {"--http-port", true},
                {"--udp-port", true},
                {"--websocket-port", true},
                {"--file-server-port", true},
                {"--node-arg", true},
                {"--static-config", true},
                {"--auth-group", true},
                {"--config", true},
                {"--max_num_peers", true},
                {"--isbootstrap"},
                {"--ismessageproxy"},
                {"--isdataproxy"},
                {"--noudp"},
                {"--nomulticast"}};
    return {};
}

}  // namespace kp2p::client

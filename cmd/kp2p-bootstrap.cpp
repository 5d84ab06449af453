// kp2p-bootstrap: a persistent DHT node, all that a private network needs.
#include "node/client/command.hpp"
#include "node/process/bootstrap.hpp"
#include "proto/json.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-bootstrap",
                            "Runs a persistent DHT node for a private network, until it is told "
                            "to stop by a signal.",
                            client::Needs::nothing);
    const auto& host = command.option<std::string>(
        "--host", "ADDR", "the address to bind, by which others know it (default: all)");
    const auto& port =
        command.option<std::uint16_t>("--port", "N", "the UDP port (default: 49737; 0: any)");
    const auto& others = command.options<std::string>(
        "--bootstrap", "HOST:PORT",
        "a node of the network, which this one joins; may be repeated (default: it is the first)");
    return command.run(argc, argv, [&]() -> Result<void> {
        const auto own = Host::parse(host.value_or("0.0.0.0"));
        if (!own || !own->is_v4())
            return command.failure(Errc::usage, "not an IPv4 address: " + *host);
        const Endpoint bind{*own, port.value_or(49737)};
        std::string why;
        auto done = run_bootstrap(bind, others, why, [&](const Endpoint& address) {
            command.say("kp2p-bootstrap: ready at " + address.text());
            if (!command.json()) return;
            proto::JsonWriter line;
            line.begin_object().field("event", "ready").field("address", address.text());
            (void)command.print(line.end_object().take());
        });
        if (!done) return command.failure(done.error(), why);
        return ok;
    });
}

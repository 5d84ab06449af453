// kp2p-relay: UDP over HTTPS, for nodes where nothing but a web proxy lets them out.
#include "node/client/command.hpp"
#include "node/process/relay.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

constexpr double bytes_per_megabyte = 1e6;

Result<void> say_ready(client::Command& command, const RelayReady& ready) {
    command.say("kp2p-relay: ready at " + ready.listens.text());
    if (!command.json()) return command.print(ready.url);
    proto::JsonWriter line;
    line.begin_object().field("event", "ready").field("listens", ready.listens.text());
    return command.print(line.field("url", ready.url).end_object().take());
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-relay",
                            "Gives a UDP port to nodes that have HTTPS only, until it is told to "
                            "stop by a signal. Prints the URL for their --relay-url, a secret.",
                            client::Needs::nothing);
    const auto& listen = command.option<Endpoint>(
        "--listen", "ADDR:PORT", "where it listens, TCP (default: all addresses, port 443)");
    const auto& udp_host = command.option<Host>(
        "--udp-host", "ADDR", "the address of its UDP ports (default: that of --listen)");
    const auto& certificate = command.option<std::string>(
        "--cert", "FILE", "certificate and chain, PEM (default: one of its own, named in the URL)");
    const auto& key = command.option<std::string>("--key", "FILE", "the key to it, PEM");
    const auto& token =
        command.option<std::string>("--token-file", "FILE",
                                    "holds the token, made if it is missing; FILE.pem is its own "
                                    "certificate (default: both are new at each start)");
    const auto& url = command.option<std::string>(
        "--url", "URL", "what stands before the # in the URL (default: its address)");
    const auto& rate = command.option<std::uint32_t>(
        "--rate", "N", "megabytes a second for each client, each way (default: 12)");
    const auto& plain = command.flag("--no-tls", "HTTP without TLS, for behind a reverse proxy");
    const auto& allow_private = command.flag(
        "--allow-private", "pass datagrams on to private addresses and to this machine, too");
    return command.run(argc, argv, [&]() -> Result<void> {
        if (certificate.has_value() != key.has_value())
            return command.failure(Errc::usage, "--cert and --key go together");
        if (plain && certificate)
            return command.failure(Errc::usage, "--no-tls uses no certificate");
        RelaySettings settings;
        settings.listen = listen;
        settings.udp_host = udp_host;
        settings.tls = !plain;
        settings.certificate = certificate.value_or("");
        settings.key = key.value_or("");
        settings.token_file = token.value_or("");
        settings.url = url.value_or("");
        settings.limits.allow_private = allow_private;
        if (rate) settings.limits.bytes_per_second = *rate * bytes_per_megabyte;
        std::string why;
        const auto ended = run_relay(
            settings, why, [&](const RelayReady& ready) { (void)say_ready(command, ready); });
        if (!ended) return command.failure(ended.error(), why);
        return ok;
    });
}

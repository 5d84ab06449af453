// kp2p-start-daemon: runs the node in the foreground until it is stopped.
#include "node/client/channel_names.hpp"
#include "node/client/command.hpp"
#include "node/process/daemon.hpp"
#include "proto/json.hpp"
#include "proto/utf8.hpp"

using namespace kp2p;

namespace {

Result<void> say_ready(client::Command& command, const Ready& ready) {
    const std::string api = "127.0.0.1:" + std::to_string(ready.api_port);
    command.say("kp2p-start-daemon: ready: node " + ready.node.hex() + ", udp " + ready.udp.text() +
                ", api " + api);
    if (!command.json()) return ok;
    proto::JsonWriter json;
    json.begin_object().field("event", "ready").field("node", ready.node.hex());
    json.field("udp", ready.udp.text()).field("api_port", ready.api_port).end_object();
    return command.print_json(json.text());
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-start-daemon",
                            "Runs the node in the foreground; stop it with Ctrl-C, SIGTERM or "
                            "kp2p-stop-daemon.",
                            client::Needs::node);
    const auto& channels = command.options<ChannelName>(
        "--channel", "NAME", "join it, now and at later starts; may be repeated");
    const auto& channel_file = command.option<std::string>(
        "--channel-file", "FILE", "join these as well, one name a line; -: standard input");
    const auto& bootstrap = command.options<std::string>(
        "--bootstrap", "HOST:PORT",
        "enter the network here instead of at the public nodes; may be repeated; none: nowhere");
    const auto& host = command.option<std::string>(
        "--host", "ADDR", "address to bind, ::: IPv4 and IPv6 (default: all of IPv4)");
    const auto& port = command.option<std::uint16_t>(
        "--port", "N", "UDP port, 0 for any (default: 49737, or any if that is taken)");
    return command.run(argc, argv, [&]() -> Result<void> {
        const client::Config& config = command.config();
        auto storage = command.storage_dir();
        if (!storage) return storage.error();
        if (!proto::is_utf8(storage->native()))  // the API could not say where files lie
            return command.failure(Errc::usage, "not UTF-8: " + storage->native());
        std::vector<ChannelName> joined = channels;
        if (channel_file) {
            auto named = client::read_channel_file(command, *channel_file);
            if (!named) return named.error();
            joined.insert(joined.end(), named->begin(), named->end());
        }
        const std::string address = host ? *host : config.host().value_or("0.0.0.0");
        const auto bind = Host::parse(address);
        if (!bind) return command.failure(Errc::usage, "not an IP address: " + address);
        const DaemonOptions options{
            .config_dir = config.dir(),
            .storage_dir = *storage,
            .host = *bind,
            .port = port ? port : config.port(),
            .api_port = config.api_port(),
            .channels = std::move(joined),
            .bootstrap = bootstrap.empty() ? config.bootstrap() : bootstrap,
            .least_logged = command.quiet() ? LogLevel::error : LogLevel::info};
        std::string why;
        const auto ended = run_daemon(
            options, [&](const Ready& ready) { (void)say_ready(command, ready); }, why);
        if (!ended) return command.failure(ended.error(), why);
        return ok;
    });
}

// kp2p-cat: writes a file, or a range of it, to stdout: verified bytes and no others.
#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-cat", "Writes a file's bytes, verified, to standard output.",
                            client::Needs::daemon);
    const WithoutDaemon without(command);
    const auto& uri = command.argument<proto::Uri>("URI", "sha1://... or sha1dir://.../path");
    const auto& start = command.option<std::uint64_t>("--start", "N", "first byte, from 0");
    const auto& end = command.option<std::uint64_t>("--end", "N", "byte to stop before");
    command.bytes_are_data();
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        if (start && end && *end < *start)
            return command.failure(Errc::usage, "--end " + std::to_string(*end) +
                                                    " is before --start " + std::to_string(*start));
        proto::JsonWriter body;
        body.begin_object().field("uri", uri->written);
        if (start) body.field("start", *start);
        if (end) body.field("end", *end);
        const auto write = [&](ByteView bytes) { return command.print_bytes(bytes); };
        auto done = daemon.frames({"/v1/cat", "bytes", body.end_object().take()}, write);
        if (!done) return done.error();
        if (command.json()) return command.print_json(done->text());
        return ok;
    });
}

#include "cmd/dest/delivery.hpp"

#include "cmd/outage.hpp"
#include "proto/json.hpp"

namespace kp2p {

Result<client::Answer> Delivery::load(const std::string& uri, bool directory) const {
    proto::JsonWriter body;
    body.begin_object().field("uri", uri).field("directory", directory);
    body.field("unnamed", true);
    if (wait) body.field("wait", wait->span.count());
    body.end_object();
    return ask({"/v1/load", "event", body.take()});
}

Result<client::Answer> Delivery::ask(const client::Request& asked) const {
    Outage outage(command, daemon, wait);
    const auto tell = [&](const client::Answer& event) {
        outage.saw(event.number("verified_bytes"));
        return on_progress(event);
    };
    return outage.outlast([&] { return daemon.events(asked, tell); });
}

Result<void> Delivery::cat(const Sha1& file, const client::Daemon::OnBytes& sink) const {
    Outage outage(command, daemon, wait);
    std::uint64_t taken_bytes = 0;
    const auto take = [&](ByteView bytes) {
        outage.saw(taken_bytes += bytes.size());
        return sink(bytes);
    };
    auto done = outage.outlast([&] {
        proto::JsonWriter body;
        body.begin_object().field("uri", "sha1://" + file.hex()).field("start", taken_bytes);
        return daemon.frames({"/v1/cat", "bytes", body.end_object().take()}, take);
    });
    if (!done) return done.error();
    return ok;
}

}  // namespace kp2p

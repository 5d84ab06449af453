#include "cmd/dest/delivery.hpp"

#include "proto/json.hpp"

namespace kp2p {

Result<client::Answer> Delivery::load(const std::string& uri, bool directory) const {
    proto::JsonWriter body;
    body.begin_object().field("uri", uri).field("directory", directory);
    body.field("unnamed", true);
    if (wait) body.field("wait", wait->span.count());
    body.end_object();
    return daemon.events({"/v1/load", "event", body.take()}, on_progress);
}

Result<void> Delivery::cat(const Sha1& file, const client::Daemon::OnBytes& sink) const {
    proto::JsonWriter body;
    body.begin_object().field("uri", "sha1://" + file.hex()).end_object();
    auto done = daemon.frames({"/v1/cat", "bytes", body.take()}, sink);
    if (!done) return done.error();
    return ok;
}

}  // namespace kp2p

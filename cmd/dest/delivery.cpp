#include "cmd/dest/delivery.hpp"

#include "cmd/outage.hpp"
#include "proto/json.hpp"

namespace kp2p {

client::Request load_request(const std::string& uri, Naming naming,
                             const std::optional<proto::Duration>& wait) {
    proto::JsonWriter body;
    body.begin_object().field("uri", uri).field("unnamed", naming == Naming::none);
    if (wait) body.field("wait", wait->span.count());
    return {"/v1/load", "path", body.end_object().take()};
}

client::Request load_request(const std::vector<std::string>& uris, Naming naming,
                             const std::optional<proto::Duration>& wait) {
    proto::JsonWriter body;
    body.begin_object().key("uris").begin_array();
    for (const std::string& uri : uris) body.value(uri);
    body.end_array().field("unnamed", naming == Naming::none);
    if (wait) body.field("wait", wait->span.count());
    return {"/v1/load", "files", body.end_object().take()};
}

Result<client::Answer> Delivery::load(const std::string& uri, Naming naming) const {
    if (ahead) {
        client::Answer answer(*ahead);
        if (answer.string("event") == "error") return daemon.error_of(answer);
        return answer;
    }
    return ask(load_request(uri, naming, wait));
}

Result<client::Answer> Delivery::load_directory(const std::string& uri) const {
    proto::JsonWriter body;
    body.begin_object().field("uri", uri).field("directory", true);
    if (wait) body.field("wait", wait->span.count());
    return ask({"/v1/load", "files", body.end_object().take()});
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

// kp2p-rm: removes files and directories from the storage.
#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/byte_size.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

// The URIs from `next` on that go into one call, which then is after them: each call looks through
// the storage for what else they are a part of.
std::string next_body(const std::vector<proto::Uri>& uris, std::size_t& next) {
    constexpr std::size_t most = 256, most_bytes = 16 * 1024;
    proto::JsonWriter body;
    body.begin_object().key("uris").begin_array();
    std::size_t bytes = 0;
    for (const std::size_t from = next; next < uris.size() && next - from < most; ++next) {
        bytes += uris[next].written.size();
        if (next > from && bytes > most_bytes) break;
        body.value(uris[next].written);
    }
    return body.end_array().end_object().take();
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command(
        "kp2p-rm", "Removes files and directories from the storage. What is linked stays itself.",
        client::Needs::daemon);
    const WithoutDaemon without(command);
    const auto& uris = command.arguments<proto::Uri>("URI", "of what was stored, linked or loaded");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        Result<void> outcome = ok;
        for (std::size_t i = 0; i < uris.size();) {
            auto answer = daemon.request({.path = "/v1/remove",
                                          .promised = "removed",
                                          .body = next_body(uris, i),
                                          .storage_alone = true,
                                          .takes_time = true});
            if (!answer) return answer.error();
            for (const client::Answer& each : answer->list("removed")) {
                const std::string uri = each.string("uri");
                if (!each.has("code")) {
                    if (!command.json())
                        command.say("removed " + uri + ", " +
                                    proto::size_words(each.number("bytes")));
                    else if (auto said = command.print_json(each.text()); !said)
                        return said;
                    continue;
                }
                const std::error_code error = daemon.error_of(each);
                if (uris.size() == 1) return error;
                command.complain(error, daemon, uri);
                if (outcome) outcome = error;
            }
        }
        return outcome;
    });
}

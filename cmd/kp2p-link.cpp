// kp2p-link: makes files and directories known to the storage without copying them, and prints the
// URI of each. Needs no daemon.
#include <csignal>

#include "node/client/command.hpp"
#include "node/store/store.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

// Ended by a signal, it leaves nothing behind. With no callbacks, request_stop() only sets a flag.
std::stop_source interrupted;
void interrupt(int) { interrupted.request_stop(); }

}  // namespace

int main(int argc, char** argv) {
    client::Command command(
        "kp2p-link",
        "Like kp2p-store, but leaves the content where it is. A file that changes afterwards is "
        "not given to others any more. Needs no daemon.",
        client::Needs::storage);
    const auto& paths = command.arguments<std::string>("PATH", "file or directory");
    const bool& bare = command.flag("--bare", "no ?manifest= in the URIs of files above 20 MB");
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, interrupt);
    return command.run(argc, argv, [&]() -> Result<void> {
        auto root = command.storage_dir();
        if (!root) return root.error();
        auto store = Store::open(*root);
        if (!store) return command.failure(store.error(), root->native());
        PutOptions options;
        options.content = PutOptions::Content::link;
        if (bare) options.manifest = PutOptions::Manifest::never;
        options.stop = interrupted.get_token();
        options.remark = [&](const std::string& sentence) { command.say(sentence); };
        for (const std::string& path : paths) {
            auto uri = store->put(path, options);
            if (!uri) return command.failure(uri.error(), path);
            proto::JsonWriter json;
            json.begin_object().field("event", "stored").field("path", path);
            json.field("uri", uri->text()).end_object();
            auto printed =
                command.json() ? command.print_json(json.text()) : command.print(uri->text());
            if (!printed) return printed.error();
        }
        return ok;
    });
}

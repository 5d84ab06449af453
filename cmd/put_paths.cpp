#include "cmd/put_paths.hpp"

#include "node/client/paths.hpp"
#include "node/store/store.hpp"
#include "proto/json.hpp"

namespace kp2p {

int put_paths(client::Command& command, PutOptions options, int argc, char** argv) {
    const auto& paths = command.arguments<std::string>("PATH", "file or directory");
    const bool& bare = command.flag("--bare", "no ?manifest= in the URIs of files above 20 MB");
    command.stop_on_signals();  // it leaves nothing behind
    return command.run(argc, argv, [&]() -> Result<void> {
        auto root = command.storage_dir();
        if (!root) return root.error();
        auto store = Store::open(*root);
        if (!store) return command.failure(store.error(), storage_trouble());
        if (bare) options.manifest = PutOptions::Manifest::never;
        options.stop = command.stop();
        options.remark = [&](const std::string& sentence) { command.say(sentence); };
        for (const std::string& path : paths) {
            auto uri = store->put(path, options);
            if (!uri && is_storage_error(uri.error()))
                return command.failure(uri.error(), storage_trouble());
            if (!uri) return command.failure(uri.error(), path);
            proto::JsonWriter json;
            client::add_path(json.begin_object().field("event", "stored"), path);
            json.field("uri", uri->text()).end_object();
            auto printed =
                command.json() ? command.print_json(json.text()) : command.print(uri->text());
            if (!printed) return printed.error();
        }
        return ok;
    });
}

}  // namespace kp2p

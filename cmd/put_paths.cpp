#include "cmd/put_paths.hpp"

#include <filesystem>
#include <optional>

#include "cmd/put_stream.hpp"
#include "cmd/put_trouble.hpp"
#include "cmd/running_storage.hpp"
#include "node/client/hang_watch.hpp"
#include "node/client/paths.hpp"
#include "node/client/progress_bar.hpp"
#include "node/store/store.hpp"
#include "proto/json.hpp"

namespace kp2p {
namespace {

// What is put just now, for a bar: a file, or, of a directory, all so far and the file at hand.
class PutProgress {
  public:
    explicit PutProgress(client::Command& command) : bar_(command) {}

    void begin(const std::string& path) {
        const client::Waiting waiting(path);
        now_ = {};
        std::error_code error;
        if (std::filesystem::is_regular_file(path, error))
            now_.size_bytes = std::filesystem::file_size(path, error);
        if (error) now_.size_bytes = 0;
        may_wait_ =
            path == "-" || (now_.size_bytes == 0 && !std::filesystem::is_directory(path, error));
    }
    void moved(const std::filesystem::path& path, std::size_t bytes) {
        now_.name = path.filename().native();
        now_.done_bytes += bytes;
        bar_.show(now_);
        if (may_wait_) return;
        if (!waiting_ || path != at_) waiting_.emplace(path.string());
        at_ = path;
        waiting_->moved();
    }
    void end() { waiting_.reset(); }

  private:
    bool may_wait_ = false;                   // for its writer
    std::optional<client::Waiting> waiting_;  // from the first block on
    std::filesystem::path at_;
    client::ProgressBar bar_;
    client::Progress now_;
};

Result<void> print(client::Command& command, const std::string& path, const proto::Uri& uri) {
    if (!command.json()) return command.print_uri(uri.text());
    proto::JsonWriter json;
    client::add_path(json.begin_object().field("event", "stored"), path);
    return command.print_json(json.field("uri", uri.text()).end_object().take());
}

Result<void> put_each(client::Command& command, const std::vector<std::string>& paths,
                      PutOptions options) {
    std::optional<client::Waiting> waiting(command.config().storage_path().string());
    auto root = command.storage_dir();
    if (!root) return root.error();
    const bool flushes = !command.config().settings().no_flush;
    auto store = Store::open(*root, flushes ? Store::Flush::always : Store::Flush::never);
    if (!store) return command.failure(store.error(), storage_trouble());
    waiting.reset();
    const auto served = served_storage(command.config(), *root);
    if (served && !served->is_ours)
        command.say("the daemon that is running serves another storage, " + served->path.string() +
                    ": what goes into " + root->string() + " is not given to others by it");
    PutProgress progress(command);
    std::uint64_t stored_bytes = 0;
    options.progress = [&](const auto& path, std::size_t bytes) {
        progress.moved(path, bytes);
        stored_bytes += bytes;
    };
    std::string culprit;
    options.blame = [&](const std::filesystem::path& path) { culprit = path.native(); };
    Result<void> outcome = ok;
    for (const std::string& path : paths) {
        culprit = path;
        progress.begin(path);
        const bool copies = options.content == PutOptions::Content::copy;
        const bool input = copies && path == "-";
        auto uri = input || (copies && is_stream(path)) ? put_stream(command, *store, path, options)
                                                        : store->put(path, options);
        progress.end();
        if (uri) {
            if (auto printed = print(command, path, *uri); !printed) return printed;
            continue;
        }
        const std::error_code error =
            put_failed(command, uri.error(), input ? "standard input" : culprit, options.content);
        if (paths.size() == 1 || error == Errc::canceled || is_storage_error(error)) return error;
        command.complain(error);
        if (outcome) outcome = error;
    }
    const bool copied = options.content == PutOptions::Content::copy && stored_bytes > 0;
    if (copied && served && served->is_ours) tell_daemon(command.config(), stored_bytes);
    return outcome;
}

}  // namespace

int put_paths(client::Command& command, PutOptions::Content content, int argc, char** argv) {
    const bool copies = content == PutOptions::Content::copy;
    const auto& paths = command.arguments<std::string>(
        "PATH", copies ? "file or directory; -: standard input" : "file or directory");
    const bool& bare = command.flag("--bare", "no ?manifest= in the URIs of files above 20 MB");
    const auto& name = command.option<std::string>(
        "--name", "NAME", "what the URI calls it, instead of the file's own name");
    const auto& exclude = command.options<std::string>(
        "--exclude", "PATTERN",
        "leave out what has such a name in a directory, or with a / such a path; may be repeated");
    const bool& follow =
        command.flag("--follow", "take what links that lead out of a directory point to, too");
    command.stop_on_signals();  // it leaves nothing behind
    return command.run(argc, argv, [&]() -> Result<void> {
        if (name && paths.size() > 1)
            return command.failure(Errc::usage, "--name is for one file or directory");
        if (name && !proto::is_entry_name(*name))
            return command.failure(Errc::usage, "--name " + *name + " could be no file's name");
        PutOptions options;
        options.content = content;
        if (bare) options.manifest = PutOptions::Manifest::never;
        options.name = name.value_or("");
        options.exclude = exclude;
        options.follow = follow;
        options.stop = command.stop();
        options.remark = [&](const std::string& sentence) { command.say(sentence); };
        return put_each(command, paths, options);
    });
}

}  // namespace kp2p

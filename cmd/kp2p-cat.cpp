// kp2p-cat: writes a file, or a range of it, to stdout: verified bytes and no others.
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "cmd/load_progress.hpp"
#include "cmd/outage.hpp"
#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "node/client/hang_watch.hpp"
#include "node/client/progress_bar.hpp"
#include "proto/duration.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

// How far it is: while the whole file is loaded first, what of that is here, and then what has been
// written. Nothing where the bytes themselves go to a terminal.
class CatProgress {
  public:
    CatProgress(client::Command& command, const proto::Uri& uri) : uri_(uri), bar_(command) {
        now_ = progress_of(client::Answer("{}"), uri);
    }
    void show(const client::Answer& event) {
        now_ = progress_of(event, uri_);
        loaded_ = true;
        draw();
    }
    void wrote(std::size_t bytes) {
        written_bytes_ += bytes;
        if (loaded_) return;
        now_.done_bytes = written_bytes_;
        now_.searches = false;
        draw();
    }
    std::string kept() const {
        if (loaded_) return client::kept_words(now_);
        return uri_.manifest ? "what came is kept for a while" : "nothing of it is kept";
    }

  private:
    void draw() {
        if (::isatty(STDOUT_FILENO) == 0) bar_.show(now_);
    }

    const proto::Uri& uri_;
    client::ProgressBar bar_;
    client::Progress now_;
    bool loaded_ = false;
    std::uint64_t written_bytes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-cat", "Writes a file's bytes, verified, to standard output.",
                            client::Needs::daemon);
    command.may_start_daemon();
    const WithoutDaemon without(command);
    const auto& uri = command.argument<proto::Uri>(
        "URI", "sha1://..., sha1dir://.../path or the 40 digits of a SHA-1");
    const auto& start = command.option<std::uint64_t>("--start", "N", "first byte, from 0");
    const auto& end = command.option<std::uint64_t>("--end", "N", "byte to stop before");
    const auto& wait = command.option<proto::Duration>("--wait", "TIME", wait_help);
    command.bytes_are_data();
    command.stop_on_signals();  // it says what is kept
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        if (start && end && *end < *start)
            return command.failure(Errc::usage, "--end " + std::to_string(*end) +
                                                    " is before --start " + std::to_string(*start));
        CatProgress progress(command, *uri);
        Outage outage(command, daemon, wait);
        std::uint64_t written_bytes = 0;
        struct stat output;
        const bool to_file = ::fstat(STDOUT_FILENO, &output) == 0 && S_ISREG(output.st_mode);
        const auto write = [&](ByteView bytes) {
            std::optional<client::Waiting> waiting;
            if (to_file) waiting.emplace("standard output");
            progress.wrote(bytes.size());
            outage.saw(written_bytes += bytes.size());
            return command.print_bytes(bytes);
        };
        const auto show = [&](const client::Answer& event) -> Result<void> {
            progress.show(event);
            outage.saw(event.number("verified_bytes"));
            return ok;
        };
        auto done = outage.outlast([&] {
            proto::JsonWriter body;
            body.begin_object().field("uri", uri->written).field("progress", true);
            body.field("start", start.value_or(0) + written_bytes);
            if (end) body.field("end", *end);
            if (wait) body.field("wait", wait->span.count());
            return daemon.frames({"/v1/cat", "bytes", body.end_object().take()}, write, show);
        });
        if (!done && done.error() == Errc::canceled && command.stop().stop_requested())
            return command.failure(done.error(), "stopped; " + progress.kept());
        if (!done) return done.error();
        if (!command.json()) return ok;
        proto::JsonWriter json;
        json.begin_object().field("event", "result").field("bytes", written_bytes);
        return command.print_json(json.end_object().take());
    });
}

#include "cmd/dest/fill_directory.hpp"

#include <atomic>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "cmd/dest/copy_stored.hpp"
#include "cmd/dest/sparse_writer.hpp"
#include "node/client/hang_watch.hpp"
#include "node/threads/thread.hpp"

namespace kp2p {
namespace fs = std::filesystem;
namespace {

constexpr unsigned common_file_rights = 0666;  // less the umask
constexpr std::size_t alone_files = 16;        // copied sooner than another thread has begun

struct Wanted {
    Sha1 sha1;
    fs::path to;
    bool made = false;
    Result<bool> taken = false;  // from the storage itself
};

Result<void> lay_out(const proto::Sha1Dir& dir, const fs::path& to, std::vector<Wanted>& files,
                     fs::path& unmade) {
    for (const auto& [name, file] : dir.files) files.push_back({file.sha1, to / name});
    for (const auto& [name, child] : dir.dirs) {
        std::error_code error;
        if (!fs::create_directory(to / name, error)) {
            unmade = to / name;
            return error ? error : make_error_code(std::errc::file_exists);
        }
        if (auto done = lay_out(child, to / name, files, unmade); !done) return done;
    }
    return ok;
}

Result<bool> take(Wanted& wanted, const Layout& storage, const std::stop_token& stop,
                  client::Waiting& waiting) {
    auto copy = File::open(wanted.to, File::Mode::create, common_file_rights);
    if (!copy) return copy.error();
    wanted.made = true;
    waiting.moved();
    return copy_stored({storage.content(wanted.sha1), wanted.sha1}, *copy, stop,
                       [&waiting] { waiting.moved(); });
}

// What can only be had from the daemon.
Result<void> ask_for(const Delivery& by, const Wanted& wanted) {
    auto copy = File::open(wanted.to, File::Mode::change);
    if (!copy) return copy.error();
    SparseWriter sparse;
    const auto write = [&](ByteView bytes) { return sparse.write(*copy, bytes); };
    if (auto done = by.cat(wanted.sha1, write); !done) return done;
    return sparse.finish(*copy);
}

void take_each(std::vector<Wanted>& files, const Layout& storage, const std::stop_token& stop,
               client::Waiting& waiting) {
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    const auto work = [&] {
        for (std::size_t i; !failed && (i = next++) < files.size();) {
            files[i].taken = take(files[i], storage, stop, waiting);
            if (!files[i].taken) failed = true;
        }
    };
    std::thread helper;
    try {
        if (files.size() > alone_files) helper = start_thread(work);
    } catch (const std::system_error&) {  // the system's limit of threads
    }
    work();
    if (helper.joinable()) helper.join();
}

}  // namespace

Result<void> fill_directory(const Delivery& by, const Layout& storage, const proto::Sha1Dir& dir,
                            const fs::path& to, fs::path& unmade) {
    std::vector<Wanted> files;
    std::optional<client::Waiting> waiting(to.parent_path().string());
    if (auto made = lay_out(dir, to, files, unmade); !made) return made;
    take_each(files, storage, by.command.stop(), *waiting);
    waiting.reset();
    for (const Wanted& wanted : files) {
        if (wanted.taken) continue;
        if (!wanted.made) unmade = wanted.to;
        return wanted.taken.error();
    }
    for (const Wanted& wanted : files)
        if (!*wanted.taken)
            if (auto done = ask_for(by, wanted); !done) return done;
    return ok;
}

}  // namespace kp2p

#include "cmd/dest/load_to.hpp"

#include "cmd/dest/copy_stored.hpp"
#include "cmd/dest/dest_trouble.hpp"
#include "cmd/dest/directory_destination.hpp"
#include "cmd/dest/file_destination.hpp"
#include "cmd/dest/fill_directory.hpp"

#include "node/client/hang_watch.hpp"

namespace kp2p {
namespace fs = std::filesystem;
namespace {

std::string words_for(const fs::path& dest) {
    return dest == "-" ? "standard output" : dest.string();
}

std::error_code failed(const Delivery& by, std::error_code error, const fs::path& dest) {
    const bool is_stdout = dest == "-" || dest == "/dev/stdout";
    if (is_stdout && error == std::errc::broken_pipe) return by.command.reader_gone();
    return by.command.failure(error, dest == "-" ? words_for(dest) : dest_trouble(dest, error));
}

// The trouble is the destination's, unless the daemon has told of its own.
std::error_code blame(const Delivery& by, std::error_code error, const fs::path& dest) {
    if (!by.daemon.message().empty()) return error;
    return failed(by, error, dest);
}

Result<Delivered> file_to(const Delivery& by, const proto::Uri& uri, const fs::path& dest,
                          Earlier& earlier) {
    std::optional<client::Waiting> waiting(dest.string());
    auto to = FileDestination::find(dest, by.command.stop());
    const auto made = earlier.made_at(dest);
    waiting.reset();
    if (!to) return failed(by, to.error(), dest);
    if (to->is_stdout()) by.command.bytes_are_data();
    if (made && *made != uri.sha1)
        return by.command.failure(Errc::usage, dest.string() + " was just made of sha1://" +
                                                   made->hex() + "; this one needs another --dest");
    const bool waits = to->may_wait();
    auto loaded = by.load(uri.written, Naming::none);
    if (!loaded) return loaded.error();
    if (!waits) waiting.emplace(words_for(dest));
    if (earlier.sweeps(dest.parent_path())) to->sweep();
    if (auto begun = to->begin(); !begun) return failed(by, begun.error(), dest);
    const auto taken = to->take({loaded->string("path"), uri.sha1, loaded->string("stamp")}, [&] {
        if (waiting) waiting->moved();
    });
    waiting.reset();
    if (!taken) return failed(by, taken.error(), dest);
    if (!*taken) {
        const auto write = [&](ByteView bytes) {
            std::optional<client::Waiting> writing;
            if (!waits) writing.emplace(words_for(dest));
            return to->write(bytes);
        };
        auto copied = by.cat(uri.sha1, write);
        if (!copied) return blame(by, copied.error(), dest);
    }
    if (!waits) waiting.emplace(words_for(dest));
    if (waiting) waiting->moved();  // and is flushed
    if (auto done = to->finish(); !done) {
        if (to->is_stdout()) return failed(by, done.error(), dest);
        return by.command.failure(done.error(), replacing_trouble(dest, done.error()));
    }
    earlier.made(dest, uri.sha1);
    return to->is_stdout() ? Delivered::to_stdout : Delivered::to_path;
}

// What a sha1dir URI says of `dest` before anything of it is loaded: it is all there, or there is
// room for it.
enum class There { nothing, all };
Result<There> look(const Delivery& by, const DirectoryDestination& to, const proto::Sha1Dir& dir,
                   const fs::path& dest) {
    if (!to.is_taken()) return There::nothing;
    auto held = to.holds(dir, by.command.stop());
    if (!held) return failed(by, held.error(), dest);
    if (!*held) return failed(by, make_error_code(std::errc::file_exists), dest);
    return There::all;
}

Result<Delivered> directory_to(const Delivery& by, const proto::Uri& uri, const proto::Sha1Dir& dir,
                               const fs::path& dest) {
    std::optional<client::Waiting> waiting(dest.string());
    auto to = DirectoryDestination::find(dest);
    waiting.reset();
    if (!to) return failed(by, to.error(), dest);
    auto there = look(by, *to, dir, dest);
    if (!there) return there.error();
    if (*there == There::all) return Delivered::to_path;
    auto loaded = by.load_directory(uri.written);
    if (!loaded) return loaded.error();
    waiting.emplace(words_for(dest));
    if (auto begun = to->begin(); !begun) return failed(by, begun.error(), dest);
    waiting.reset();
    const Layout storage(loaded->string("storage"));
    fs::path unmade;
    auto filled = fill_directory(by, storage, dir, to->path(), unmade);
    if (!filled && !unmade.empty()) {
        const fs::path name = unmade.lexically_relative(to->path());
        return by.command.failure(filled.error(), naming_trouble(dest, name, filled.error()));
    }
    if (!filled) return blame(by, filled.error(), dest);
    waiting.emplace(words_for(dest));
    waiting->moved();  // and is flushed
    auto done = to->finish();
    waiting.reset();
    if (done) return Delivered::to_path;
    if (!to->is_taken()) return failed(by, done.error(), dest);
    there = look(by, *to, dir, dest);  // another load may have been first
    if (!there) return there.error();
    return Delivered::to_path;
}

}  // namespace

Result<Delivered> load_to(const Delivery& by, const proto::Uri& uri, const fs::path& dest,
                          Earlier& earlier) {
    if (by.flush == Delivery::Flush::never) stop_flushing();
    if (uri.kind == proto::Uri::Kind::file) return file_to(by, uri, dest, earlier);
    const auto read = earlier.listing(by, uri.sha1);
    if (!read) return read.error();
    const Earlier::Listing& listing = **read;
    const proto::Sha1Dir::Found found = listing.directory.find(uri);
    if (found.dir) {
        if (listing.left_out.count > 0) by.command.say(listing.left_out.text());
        return directory_to(by, uri, *found.dir, dest);
    }
    if (!found.file)
        return by.command.failure(Errc::usage, "there is no " + uri.path + " in the directory");
    proto::Uri file;
    file.sha1 = found.file->sha1;
    file.written = "sha1://" + file.sha1.hex();
    return file_to(by, file, dest, earlier);
}

}  // namespace kp2p

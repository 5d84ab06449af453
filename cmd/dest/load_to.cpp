#include "cmd/dest/load_to.hpp"

#include <sys/stat.h>

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

// Of a file; none of what is special, and may be written to again.
std::optional<Earlier::FileId> file_at(const fs::path& path) {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    return Earlier::FileId(status.st_dev, status.st_ino);
}

Result<Delivered> file_to(const Delivery& by, const proto::Uri& uri, const fs::path& dest,
                          Earlier& earlier) {
    std::optional<client::Waiting> waiting(dest.string());
    auto to = FileDestination::find(dest, by.command.stop());
    const auto there = file_at(dest);
    waiting.reset();
    if (!to) return failed(by, to.error(), dest);
    if (to->is_stdout()) by.command.bytes_are_data();
    if (const auto made = there ? earlier.made.find(*there) : earlier.made.end();
        made != earlier.made.end() && made->second != uri.sha1)
        return by.command.failure(Errc::usage, dest.string() + " was just made of sha1://" +
                                                   made->second.hex() +
                                                   "; this one needs another --dest");
    const bool waits = to->may_wait();
    auto loaded = by.load(uri.written, Naming::none);
    if (!loaded) return loaded.error();
    if (!waits) waiting.emplace(words_for(dest));
    if (earlier.swept.insert(dest.parent_path()).second) to->sweep();
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
    if (auto done = to->finish(); !done) return failed(by, done.error(), dest);
    if (const auto made = file_at(dest)) earlier.made.insert_or_assign(*made, uri.sha1);
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
    auto filled = fill_directory(by, storage, dir, to->path());
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

Result<void> read_listing(const Delivery& by, const Sha1& document,
                          std::optional<Earlier::Listing>& into) {
    if (into && into->document == document) return ok;
    into.reset();
    std::string text;
    const auto collect = [&](ByteView bytes) -> Result<void> {
        if (text.size() + bytes.size() > proto::max_sha1dir_bytes)
            return by.command.failure(Errc::usage, "it is too long for a directory's listing");
        text.append(as_text(bytes));
        return ok;
    };
    if (auto got = by.cat(document, collect); !got) return got;
    proto::Sha1Dir::LeftOut left_out;
    auto directory = proto::Sha1Dir::parse(text, left_out);
    if (!directory)
        return by.command.failure(Errc::usage,
                                  "the file with this hash does not describe a directory");
    into = {document, *std::move(directory), std::move(left_out)};
    return ok;
}

}  // namespace

Result<Delivered> load_to(const Delivery& by, const proto::Uri& uri, const fs::path& dest,
                          Earlier& earlier) {
    if (by.flush == Delivery::Flush::never) stop_flushing();
    if (uri.kind == proto::Uri::Kind::file) return file_to(by, uri, dest, earlier);
    if (auto read = read_listing(by, uri.sha1, earlier.listing); !read) return read.error();
    const auto& [document, directory, left_out] = *earlier.listing;
    const proto::Sha1Dir::Found found = directory.find(uri);
    if (found.dir) {
        if (left_out.count > 0) by.command.say(left_out.text());
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

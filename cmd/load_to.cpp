#include "cmd/load_to.hpp"

#include "cmd/directory_destination.hpp"
#include "cmd/file_destination.hpp"
#include "cmd/sparse_writer.hpp"
#include "proto/json.hpp"

namespace kp2p {
namespace fs = std::filesystem;
namespace {

std::string uri_of(const Sha1& file) { return "sha1://" + file.hex(); }

// The bytes of a file, to `sink`.
Result<void> cat(const Delivery& by, const Sha1& file, const client::Daemon::OnBytes& sink) {
    proto::JsonWriter body;
    body.begin_object().field("uri", uri_of(file)).end_object();
    auto done = by.daemon.frames({"/v1/cat", "bytes", body.take()}, sink);
    if (!done) return done.error();
    return ok;
}

// Into the storage; with `directory`, all of a directory's files.
Result<void> load(const Delivery& by, const std::string& uri, bool directory) {
    proto::JsonWriter body;
    body.begin_object().field("uri", uri).field("directory", directory);
    body.field("unnamed", true);
    if (by.wait) body.field("wait", by.wait->span.count());
    body.end_object();
    auto done = by.daemon.events({"/v1/load", "event", body.take()}, by.on_progress);
    if (!done) return done.error();
    return ok;
}

// The trouble is the destination's, unless the daemon has told of its own.
std::error_code blame(const Delivery& by, std::error_code error, const fs::path& dest) {
    if (!by.daemon.message().empty()) return error;
    return by.command.failure(error, dest.string());
}

Result<Delivered> file_to(const Delivery& by, const proto::Uri& uri, const fs::path& dest) {
    auto to = FileDestination::find(dest, by.command.stop());
    if (!to) return by.command.failure(to.error(), dest.string());
    if (to->is_stdout()) by.command.bytes_are_data();
    if (auto loaded = load(by, uri.written, false); !loaded) return loaded.error();
    if (auto begun = to->begin(); !begun) return by.command.failure(begun.error(), dest.string());
    auto copied = cat(by, uri.sha1, [&](ByteView bytes) { return to->write(bytes); });
    if (!copied) return blame(by, copied.error(), dest);
    if (auto done = to->finish(); !done) return by.command.failure(done.error(), dest.string());
    return to->is_stdout() ? Delivered::to_stdout : Delivered::to_path;
}

// `to` is new and known to nobody else, and every name was checked when the listing was parsed, so
// nothing can be written elsewhere.
Result<void> fill(const Delivery& by, const proto::Sha1Dir& dir, const fs::path& to) {
    for (const auto& [name, file] : dir.files) {
        auto copy = File::open(to / name, File::Mode::create_secret);
        if (!copy) return copy.error();
        SparseWriter sparse;
        const auto write = [&](ByteView bytes) { return sparse.write(*copy, bytes); };
        if (auto done = cat(by, file.sha1, write); !done) return done.error();
        if (auto done = sparse.finish(*copy); !done) return done.error();
        std::error_code error;
        fs::permissions(to / name, common_rights(), error);
        if (error) return error;
    }
    for (const auto& [name, child] : dir.dirs) {
        std::error_code error;
        if (!fs::create_directory(to / name, error))
            return error ? error : make_error_code(std::errc::file_exists);
        if (auto done = fill(by, child, to / name); !done) return done.error();
    }
    return ok;
}

// What a sha1dir URI says of `dest` before anything of it is loaded: it is all there, or there is
// room for it.
enum class There { nothing, all };
Result<There> look(const Delivery& by, const DirectoryDestination& to, const proto::Sha1Dir& dir,
                   const fs::path& dest) {
    if (!to.is_taken()) return There::nothing;
    auto held = to.holds(dir, by.command.stop());
    if (!held) return by.command.failure(held.error(), dest.string());
    if (!*held) return by.command.failure(make_error_code(std::errc::file_exists), dest.string());
    return There::all;
}

Result<Delivered> directory_to(const Delivery& by, const proto::Uri& uri, const proto::Sha1Dir& dir,
                               const fs::path& dest) {
    auto to = DirectoryDestination::find(dest);
    if (!to) return by.command.failure(to.error(), dest.string());
    auto there = look(by, *to, dir, dest);
    if (!there) return there.error();
    if (*there == There::all) return Delivered::to_path;
    if (auto loaded = load(by, uri.written, true); !loaded) return loaded.error();
    if (auto begun = to->begin(); !begun) return by.command.failure(begun.error(), dest.string());
    if (auto filled = fill(by, dir, to->path()); !filled) return blame(by, filled.error(), dest);
    auto done = to->finish();
    if (done) return Delivered::to_path;
    if (!to->is_taken()) return by.command.failure(done.error(), dest.string());
    there = look(by, *to, dir, dest);  // another load may have been first
    if (!there) return there.error();
    return Delivered::to_path;
}

}  // namespace

Result<Delivered> load_to(const Delivery& by, const proto::Uri& uri, const fs::path& dest) {
    if (uri.kind == proto::Uri::Kind::file) return file_to(by, uri, dest);
    std::string listing;
    const auto collect = [&](ByteView bytes) -> Result<void> {
        if (listing.size() + bytes.size() > proto::max_sha1dir_bytes)
            return by.command.failure(Errc::usage, "it is too long for a directory's listing");
        listing.append(as_text(bytes));
        return ok;
    };
    if (auto got = cat(by, uri.sha1, collect); !got) return got.error();
    proto::Sha1Dir::LeftOut left_out;
    const auto directory = proto::Sha1Dir::parse(listing, left_out);
    if (!directory)
        return by.command.failure(Errc::usage,
                                  "the file with this hash does not describe a directory");
    auto found = directory->find(uri.path);
    if (!found.file && !found.dir) found = directory->find(uri.bare_path());
    if (found.dir) {
        if (left_out.count > 0) by.command.say(left_out.text());
        return directory_to(by, uri, *found.dir, dest);
    }
    if (!found.file)
        return by.command.failure(Errc::usage, "there is no " + uri.path + " in the directory");
    proto::Uri file;
    file.sha1 = found.file->sha1;
    file.written = uri_of(file.sha1);
    return file_to(by, file, dest);
}

}  // namespace kp2p

#include "node/store/store.hpp"

#include "node/store/link_file.hpp"
#include "node/store/put_directory.hpp"
#include "node/store/upload.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_link_file_bytes = 64 * 1024;

bool is_absence(std::error_code error) {
    return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

// A power failure under kachery can leave a file whose content never reached the disk. That one is
// cheap to tell.
bool is_plausible(const Sha1& sha1, const FileStamp& stamp) {
    static const Sha1 empty = proto::sha1_of({});
    return (stamp.size_bytes == 0) == (sha1 == empty);
}

// Errc::not_found only where there is no such file: one that cannot be opened for another reason,
// such as too many open files, is not missing.
Result<FileStamp> stamp_of(const fs::path& path) {
    auto file = File::open(path, File::Mode::read);
    if (!file && is_absence(file.error())) return Errc::not_found;
    if (!file) return file.error();
    auto stamp = file->stamp();
    if (!stamp && stamp.error() == std::errc::invalid_argument) return Errc::not_found;
    return stamp;
}

Result<StoredFile> find_stored(const Layout& layout, const Sha1& sha1) {
    const fs::path path = layout.content(sha1);
    const auto stamp = stamp_of(path);
    if (!stamp && stamp.error() != Errc::not_found) return storage_error(stamp.error(), path);
    if (!stamp || !is_plausible(sha1, *stamp)) return Errc::not_found;
    return StoredFile{path, stamp->size_bytes, WholeChunks::Trust::ours};
}

Result<LinkFile> read_link(const Layout& layout, const Sha1& sha1) {
    auto json = read_small_file(layout.link(sha1), max_link_file_bytes);
    if (!json)
        return is_absence(json.error()) ? Errc::not_found
                                        : storage_error(json.error(), layout.link(sha1));
    auto link = LinkFile::parse(as_text(*json));
    if (!link) return Errc::not_found;
    return link;
}

Result<StoredFile> find_linked(const Layout& layout, const Sha1& sha1) {
    auto link = read_link(layout, sha1);
    if (!link) return link.error();
    const auto stamp = stamp_of(link->path);
    // What lies elsewhere may have been closed to us as it may have been removed.
    const bool gone = !stamp && (stamp.error() == Errc::not_found ||
                                 stamp.error() == std::errc::permission_denied);
    if (gone) return Errc::not_found;
    if (!stamp) return storage_error(stamp.error(), link->path);
    if (!link->matches(*stamp) || !is_plausible(sha1, *stamp)) return Errc::not_found;
    return StoredFile{link->path, stamp->size_bytes, WholeChunks::Trust::foreign};
}

}  // namespace

Result<Store> Store::open(const fs::path& root) {
    std::error_code error;
    const fs::path absolute = fs::absolute(root, error);
    const bool usable = !error && fs::is_directory(absolute, error);
    if (!usable && !error) error = make_error_code(std::errc::not_a_directory);
    if (!usable) return storage_error(error, root);
    Store store(Layout(absolute.lexically_normal()));
    (void)store.sweep();
    return store;
}

PartialUsage Store::sweep() const {
    // Not those that are linked: who looks at them may wait for ever.
    sweep_storage(layout_, [this](const Sha1& sha1) { return bool(find_stored(layout_, sha1)); });
    return partial_usage();
}

PartialUsage Store::partial_usage() const { return kp2p::partial_usage(layout_); }

Result<StoredFile> Store::find(const Sha1& sha1) const {
    auto stored = find_stored(layout_, sha1);
    if (stored || stored.error() != Errc::not_found) return stored;
    return find_linked(layout_, sha1);
}

std::optional<fs::path> Store::lies_elsewhere(const Sha1& sha1) const {
    const auto stored = find_stored(layout_, sha1);
    if (stored || stored.error() != Errc::not_found) return std::nullopt;
    auto link = read_link(layout_, sha1);
    if (!link) return std::nullopt;
    return std::move(link->path);
}

Result<std::unique_ptr<WholeChunks>> Store::open_chunks(const Sha1& sha1) const {
    const auto file = find(sha1);
    if (!file) return file.error();
    return WholeChunks::open(sha1, file->path, layout_.links_cache(sha1), file->trust);
}

Result<ByteVector> Store::read(const Sha1& sha1, std::size_t max_bytes) const {
    const auto file = find(sha1);
    if (!file) return file.error();
    auto bytes = read_small_file(file->path, max_bytes);
    if (!bytes && bytes.error() == std::errc::file_too_large) return bytes.error();
    if (!bytes) return storage_error(bytes.error(), file->path);
    if (proto::sha1_of(*bytes) != sha1) return proto::Errc::wrong_hash;
    return bytes;
}

Result<proto::Uri> Store::put(const fs::path& path, const PutOptions& options) const {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (error) return error;
    if (fs::is_directory(status)) return put_directory(layout_, path, options);
    if (!fs::is_regular_file(status)) return make_error_code(std::errc::invalid_argument);
    Intake intake(layout_, options);
    auto put = intake.put_file(path);
    if (!put) return put.error();
    if (auto done = intake.finish(); !done) return done.error();
    proto::Uri uri;
    uri.sha1 = put->sha1;
    uri.path = path.filename().native();
    uri.manifest = put->manifest;
    return uri;
}

Result<Sha1> Store::put_bytes(ByteView bytes) const {
    const PutOptions options;
    Intake intake(layout_, options);
    auto sha1 = intake.put_bytes(bytes);
    if (!sha1) return sha1.error();
    if (auto done = intake.finish(); !done) return done.error();
    return sha1;
}

Result<std::unique_ptr<Upload>> Store::begin_upload(PutOptions::Manifest manifest) const {
    return Upload::open(layout_, manifest);
}

Result<std::unique_ptr<Partial>> Store::resume_partial(const Sha1& sha1) const {
    return Partial::resume(layout_, sha1);
}

Result<std::unique_ptr<Partial>> Store::open_partial(const Sha1& sha1,
                                                     std::uint64_t size_bytes) const {
    return Partial::open(layout_, sha1, size_bytes);
}

}  // namespace kp2p

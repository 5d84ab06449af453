#include "node/store/store.hpp"

#include "node/store/ingest.hpp"
#include "node/store/link_file.hpp"
#include "node/store/links_cache.hpp"
#include "node/store/put_directory.hpp"
#include "proto/utf8.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_link_file_bytes = 64 * 1024;

// A power failure under kachery can leave a file whose content never reached the disk. That one is
// cheap to tell.
bool is_plausible(const Sha1& sha1, const FileStamp& stamp) {
    static const Sha1 empty = proto::sha1_of({});
    return (stamp.size_bytes == 0) == (sha1 == empty);
}

std::optional<FileStamp> stamp_of(const fs::path& path) {
    auto file = File::open(path, File::Mode::read);
    if (!file) return std::nullopt;
    auto stamp = file->stamp();
    if (!stamp) return std::nullopt;
    return *stamp;
}

std::optional<StoredFile> find_linked(const Layout& layout, const Sha1& sha1) {
    auto json = read_small_file(layout.link(sha1), max_link_file_bytes);
    if (!json) return std::nullopt;
    auto link = LinkFile::parse(as_text(*json));
    if (!link) return std::nullopt;
    const auto stamp = stamp_of(link->path);
    if (!stamp || !link->matches(*stamp) || !is_plausible(sha1, *stamp)) return std::nullopt;
    return StoredFile{link->path, stamp->size_bytes, WholeChunks::Trust::foreign};
}

}  // namespace

Result<Store> Store::open(const fs::path& root) {
    std::error_code error;
    const fs::path absolute = fs::absolute(root, error);
    if (error || !fs::is_directory(absolute, error)) return Errc::storage_unavailable;
    Store store(Layout(absolute.lexically_normal()));
    TempFile::sweep(store.layout_.contents());
    return store;
}

std::optional<StoredFile> Store::find(const Sha1& sha1) const {
    const fs::path path = layout_.content(sha1);
    if (const auto stamp = stamp_of(path); stamp && is_plausible(sha1, *stamp))
        return StoredFile{path, stamp->size_bytes, WholeChunks::Trust::ours};
    return find_linked(layout_, sha1);
}

Result<std::unique_ptr<WholeChunks>> Store::open_chunks(const Sha1& sha1) const {
    const auto file = find(sha1);
    if (!file) return Errc::not_found;
    return WholeChunks::open(sha1, file->path, layout_.links_cache(sha1), file->trust);
}

Result<ByteVector> Store::read(const Sha1& sha1, std::size_t max_bytes) const {
    const auto file = find(sha1);
    if (!file) return Errc::not_found;
    auto bytes = read_small_file(file->path, max_bytes);
    if (!bytes && bytes.error() == std::errc::file_too_large) return bytes.error();
    if (!bytes) return storage_error(bytes.error());
    if (proto::sha1_of(*bytes) != sha1) return proto::Errc::wrong_hash;
    return bytes;
}

Result<proto::Uri> Store::put(const fs::path& path, const PutOptions& options) const {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (error) return error;
    if (fs::is_directory(status)) return put_directory(*this, path, options);
    if (!fs::is_regular_file(status)) return make_error_code(std::errc::invalid_argument);
    return options.content == PutOptions::Content::link ? link_file(path, options)
                                                        : copy_file(path, options);
}

Result<proto::Uri> Store::copy_file(const fs::path& path, const PutOptions& options) const {
    auto source = File::open(path, File::Mode::read);
    if (!source) return source.error();
    auto stamp = source->stamp();
    if (!stamp) return stamp.error();
    if (auto done = make_directories(layout_.contents()); !done) return storage_error(done.error());
    auto temp = TempFile::create_in(layout_.contents());
    if (!temp) return storage_error(temp.error());
    auto ingested = ingest(*source, &temp->file(), wish(*stamp, options), options.stop);
    if (!ingested) return ingested.error();

    const fs::path final_path = layout_.content(ingested->sha1);
    auto done = make_directories(final_path.parent_path());
    if (done) done = temp->publish(final_path);
    if (!done) return storage_error(done.error());
    if (const auto stored = stamp_of(final_path))
        save_links(layout_.links_cache(ingested->sha1), *stored, ingested->links);
    return finish_put(path, *ingested);
}

Result<proto::Uri> Store::link_file(const fs::path& path, const PutOptions& options) const {
    std::error_code error;
    const fs::path target = fs::absolute(path, error).lexically_normal();
    if (error) return error;
    if (!proto::is_utf8(target.native()))  // JSON could not hold the path
        return make_error_code(std::errc::illegal_byte_sequence);
    auto source = File::open(target, File::Mode::read);
    if (!source) return source.error();
    auto before = source->stamp();
    if (!before) return before.error();
    auto ingested = ingest(*source, nullptr, wish(*before, options), options.stop);
    if (!ingested) return ingested.error();
    auto after = source->stamp();
    if (!after) return after.error();
    if (*after != *before) return make_error_code(std::errc::text_file_busy);

    auto uri = finish_put(path, *ingested);
    if (!uri) return uri.error();
    const Sha1& sha1 = ingested->sha1;
    if (const auto stored = find(sha1); stored && stored->trust == WholeChunks::Trust::ours)
        return uri;  // as kachery does: what is stored needs no link
    save_links(layout_.links_cache(sha1), *after, ingested->links);
    const std::string json = LinkFile::to(target, *after, uri->manifest).text();
    const fs::path link_path = layout_.link(sha1);
    auto done = make_directories(link_path.parent_path());
    if (!done) return storage_error(done.error());
    auto temp = TempFile::create_in(layout_.contents());
    if (!temp) return storage_error(temp.error());
    done = temp->file().write_at(0, as_bytes(json));
    if (done) done = temp->publish(link_path);
    if (!done) return storage_error(done.error());
    return uri;
}

ManifestWish Store::wish(const FileStamp& stamp, const PutOptions& options) {
    const bool large = stamp.size_bytes > proto::manifest_threshold_bytes;
    return large && options.manifest == PutOptions::Manifest::if_large ? ManifestWish::make
                                                                       : ManifestWish::none;
}

Result<proto::Uri> Store::finish_put(const fs::path& path, const Ingested& ingested) const {
    proto::Uri uri;
    uri.sha1 = ingested.sha1;
    uri.path = path.filename().native();
    if (ingested.manifest) {
        auto manifest = put_bytes(as_bytes(ingested.manifest->text()));
        if (!manifest) return manifest.error();
        uri.manifest = *manifest;
    }
    return uri;
}

Result<Sha1> Store::put_bytes(ByteView bytes) const {
    const Sha1 sha1 = proto::sha1_of(bytes);
    const fs::path final_path = layout_.content(sha1);
    auto done = make_directories(final_path.parent_path());
    if (!done) return storage_error(done.error());
    auto temp = TempFile::create_in(layout_.contents());
    if (!temp) return storage_error(temp.error());
    done = temp->file().write_at(0, bytes);
    if (done) done = temp->publish(final_path);
    if (!done) return storage_error(done.error());
    return sha1;
}

Result<std::unique_ptr<Partial>> Store::resume_partial(const Sha1& sha1) const {
    return Partial::resume(layout_, sha1);
}

Result<std::unique_ptr<Partial>> Store::open_partial(const Sha1& sha1,
                                                     std::uint64_t size_bytes) const {
    return Partial::open(layout_, sha1, size_bytes);
}

}  // namespace kp2p

#include "node/store/intake.hpp"

#include "node/store/link_file.hpp"
#include "node/store/links_cache.hpp"
#include "proto/utf8.hpp"

namespace kp2p {
namespace fs = std::filesystem;

Result<Intake::Put> Intake::put_file(const fs::path& path) {
    auto source = File::open(path, File::Mode::read);
    if (!source) return source.error();
    auto stamp = source->stamp();
    if (!stamp) return stamp.error();
    if (options_.content == PutOptions::Content::copy) return copy(*source, *stamp);
    std::error_code error;
    const fs::path absolute = fs::absolute(path, error);
    if (error) return error;
    return link(absolute.lexically_normal(), *source, *stamp);
}

Result<Intake::Put> Intake::copy(const File& source, const FileStamp& stamp) {
    auto temp = temp_file();
    if (!temp) return temp.error();
    auto ingested = ingest(source, &temp->file(), wish(stamp), options_.stop);
    if (!ingested) return ingested.error();
    return put_written(*std::move(temp), *ingested);
}

Result<Intake::Put> Intake::put_written(TempFile file, const Ingested& ingested) {
    const Sha1& sha1 = ingested.sha1;
    if (auto stored = file.file().stamp())
        save_links(layout_.links_cache(sha1), *stored, ingested.links);
    if (auto done = add(std::move(file), layout_.content(sha1)); !done) return done.error();
    return describe(ingested);
}

Result<Intake::Put> Intake::link(const fs::path& path, const File& source, const FileStamp& stamp) {
    if (!proto::is_utf8(path.native()))  // JSON could not hold the path
        return make_error_code(std::errc::illegal_byte_sequence);
    auto ingested = ingest(source, nullptr, wish(stamp), options_.stop);
    if (!ingested) return ingested.error();
    auto after = source.stamp();
    if (!after) return after.error();
    if (*after != stamp) return make_error_code(std::errc::text_file_busy);
    auto put = describe(*ingested);
    if (!put) return put.error();
    save_links(layout_.links_cache(put->sha1), stamp, ingested->links);
    const std::string json = LinkFile::to(path, stamp, put->manifest).text();
    if (auto done = add_bytes(as_bytes(json), layout_.link(put->sha1)); !done) return done.error();
    return put;
}

ManifestWish Intake::wish(const FileStamp& stamp) const {
    const bool large = stamp.size_bytes > proto::manifest_threshold_bytes;
    const bool wanted = options_.manifest == PutOptions::Manifest::if_large;
    return large && wanted ? ManifestWish::make : ManifestWish::none;
}

Result<Intake::Put> Intake::describe(const Ingested& ingested) {
    Put put{ingested.sha1, ingested.size_bytes, std::nullopt};
    if (ingested.manifest) {
        auto manifest = put_bytes(as_bytes(ingested.manifest->text()));
        if (!manifest) return manifest.error();
        put.manifest = *manifest;
    }
    return put;
}

Result<Sha1> Intake::put_bytes(ByteView bytes) {
    const Sha1 sha1 = proto::sha1_of(bytes);
    if (auto done = add_bytes(bytes, layout_.content(sha1)); !done) return done.error();
    return sha1;
}

Result<void> Intake::finish() {
    if (auto done = publisher_.finish(); !done)
        return storage_error(done.error(), layout_.contents());
    return ok;
}

Result<TempFile> Intake::temp_file() const {
    if (auto made = make_directories(layout_.contents()); !made)
        return storage_error(made.error(), layout_.contents());
    auto temp = TempFile::create_in(layout_.contents());
    if (!temp) return storage_error(temp.error(), layout_.contents());
    return temp;
}

Result<void> Intake::add(TempFile file, fs::path final_path) {
    auto done = publisher_.add(std::move(file), std::move(final_path));
    if (!done) return storage_error(done.error(), layout_.contents());
    return ok;
}

Result<void> Intake::add_bytes(ByteView bytes, fs::path final_path) {
    auto temp = temp_file();
    if (!temp) return temp.error();
    if (auto done = temp->file().write_at(0, bytes); !done)
        return storage_error(done.error(), layout_.contents());
    return add(std::move(*temp), std::move(final_path));
}

}  // namespace kp2p

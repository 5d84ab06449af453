#include "node/store/put/intake.hpp"

#include "node/store/catalog/marks.hpp"
#include "node/store/link_file.hpp"
#include "node/store/links_cache.hpp"
#include "node/store/store_errc.hpp"
#include "node/store/sweep.hpp"
#include "proto/utf8.hpp"

namespace kp2p {
namespace fs = std::filesystem;

Result<Intake::Put> Intake::put_file(const fs::path& path) {
    auto source = File::open(path, File::Mode::read);
    if (!source) return source.error();
    if (options_.progress)
        progress_ = [this, path](std::size_t bytes) { options_.progress(path, bytes); };
    if (options_.content == PutOptions::Content::copy) return copy(*source);
    std::error_code error;
    const fs::path absolute = fs::absolute(path, error);
    if (error) return error;
    return link(absolute.lexically_normal(), *source);
}

Result<Intake::Put> Intake::copy(const File& source) {
    auto made = with_room(layout_, [&] { return copied(source); });
    if (!made) return made.error();
    return put_written(std::move(made->temp), made->hashed, &source);
}

Result<Intake::Put> Intake::put_written(TempFile file, const HashedFile& hashed,
                                        const File* source) {
    auto keep = [cache = layout_.links_cache(hashed.sha1),
                 known = hashed.known](const File& stored) {
        if (auto after = stored.stamp()) save_links(cache, *after, known);
    };
    own(hashed.sha1);
    auto added = publisher_.add(std::move(file), hashed.sha1, std::move(keep));
    if (!added) return storage_error(added.error(), layout_.contents());
    return describe(hashed, source);
}

Result<Intake::Copied> Intake::copied(const File& source) {
    auto wished = wish(source);
    if (!wished) return wished.error();
    auto temp = temp_file(&source);
    if (!temp) return temp.error();
    const fs::path where = layout_.contents();
    const Copy copy{temp->file(), where};
    auto hashed = hash_file(source, &copy, *wished, options_.stop, progress_);
    if (!hashed) return hashed.error();
    return Copied{*std::move(temp), *std::move(hashed)};
}

Result<Intake::Put> Intake::link(const fs::path& path, const File& source) {
    if (!proto::is_utf8(path.native())) return StoreErrc::no_text;  // JSON could not hold the path
    auto wished = wish(source);
    if (!wished) return wished.error();
    auto hashed = hash_file(source, nullptr, *wished, options_.stop, progress_);
    if (!hashed) return hashed.error();
    auto put = describe(*hashed, &source);
    if (!put) return put.error();
    save_links(layout_.links_cache(put->sha1), hashed->stamp, hashed->known);
    const std::string json = LinkFile::to(path, hashed->stamp, put->manifest).text();
    auto temp = written(as_bytes(json), &source);
    if (!temp) return temp.error();
    if (auto added = publisher_.add_link(std::move(*temp), put->sha1); !added)
        return storage_error(added.error(), layout_.contents());
    return put;
}

Result<ManifestWish> Intake::wish(const File& source) const {
    auto stamp = source.stamp();
    if (!stamp) return stamp.error();
    const bool large = stamp->size_bytes > proto::manifest_threshold_bytes;
    const bool wanted = options_.manifest == PutOptions::Manifest::if_large;
    return large && wanted ? ManifestWish::make : ManifestWish::none;
}

Result<Intake::Put> Intake::describe(const HashedFile& hashed, const File* source) {
    Put put{hashed.sha1, hashed.size_bytes, std::nullopt};
    if (hashed.manifest) {
        for (const ByteVector& list : hashed.manifest->piece_lists)
            if (auto stored = put_bytes(list, source); !stored) return stored.error();
        auto manifest = put_bytes(as_bytes(hashed.manifest->manifest.text()), source);
        if (!manifest) return manifest.error();
        put.manifest = *manifest;
    }
    return put;
}

Result<Sha1> Intake::put_bytes(ByteView bytes, const File* source) {
    const auto sha1 = proto::sha1_to_name(bytes);
    if (!sha1) return Errc::sha1_collision;
    if (auto put = put_named({*sha1, bytes}, source); !put) return put.error();
    return *sha1;
}

Result<void> Intake::put_named(const NamedBytes& named, const File* source) {
    auto temp = with_room(layout_, [&] { return written(named.bytes, source); });
    if (!temp) return temp.error();
    own(named.sha1);
    if (auto added = publisher_.add(std::move(*temp), named.sha1); !added)
        return storage_error(added.error(), layout_.contents());
    return ok;
}

Result<void> Intake::finish() {
    if (auto done = publisher_.finish(); !done)
        return storage_error(done.error(), layout_.contents());
    for (const Sha1& sha1 : std::exchange(put_, {})) unmark_loaded(layout_, sha1);
    return ok;
}

// Before it has its name, and once more at the end (catalog/marks.hpp).
void Intake::own(const Sha1& sha1) {
    if (options_.origin != PutOptions::Origin::user) return;
    unmark_loaded(layout_, sha1);
    put_.push_back(sha1);
}

Result<TempFile> Intake::temp_file(const File* source) {
    if (auto begun = publisher_.begin(); !begun)
        return storage_error(begun.error(), layout_.contents());
    if (files_ == Files::many && !folder_) {
        auto folder = TempFolder::create_in(layout_.contents(), maker_);
        if (!folder) return storage_error(folder.error(), layout_.contents());
        folder_.emplace(*std::move(folder));
    }
    auto temp = folder_ ? folder_->create(maker_, source)
                        : TempFile::create_shared_in(layout_.contents(), source);
    if (!temp) return storage_error(temp.error(), layout_.contents());
    return temp;
}

Result<TempFile> Intake::written(ByteView bytes, const File* source) {
    auto temp = temp_file(source);
    if (!temp) return temp.error();
    if (auto done = temp->file().write_at(0, bytes); !done)
        return storage_error(done.error(), layout_.contents());
    return temp;
}

}  // namespace kp2p

#include "node/store/put/upload.hpp"

namespace kp2p {

Upload::Upload(const Layout& layout, PutOptions::Manifest manifest, std::uint64_t expected_bytes)
    : options_{.manifest = manifest, .stop = {}, .remark = {}},
      intake_(layout, options_),
      where_(layout.contents()) {
    if (manifest == PutOptions::Manifest::if_large) manifest_.emplace(expected_bytes);
}

Result<std::unique_ptr<Upload>> Upload::open(const Layout& layout, PutOptions::Manifest manifest,
                                             std::uint64_t expected_bytes) {
    std::unique_ptr<Upload> upload(new Upload(layout, manifest, expected_bytes));
    auto file = upload->intake_.begin_file();
    if (!file) return file.error();
    upload->file_.emplace(*std::move(file));
    return upload;
}

Result<void> Upload::add(ByteView bytes) {
    if (auto done = file_->file().write_sparse_at(hasher_.size_bytes(), bytes); !done)
        return storage_error(done.error(), where_);
    sums_.update(bytes);
    if (manifest_)
        manifest_->update_both(hasher_, bytes);
    else
        hasher_.update(bytes);
    return ok;
}

// What was written, for a manifest whose chunks are as large as those of such a file should be.
Result<void> Upload::hash_again() {
    manifest_.emplace(hasher_.size_bytes());
    ByteVector buffer(std::size_t{1} << 20);
    for (std::uint64_t at = 0; at < hasher_.size_bytes(); at += buffer.size()) {
        auto size = file_->file().read_at(at, buffer);
        if (!size) return storage_error(size.error(), where_);
        manifest_->update(ByteView(buffer).first(*size));
    }
    return ok;
}

Result<Intake::Put> Upload::finish() {
    HashedFile hashed;
    hashed.size_bytes = hasher_.size_bytes();
    if (auto done = file_->file().resize(hashed.size_bytes); !done)  // it may end in a hole
        return storage_error(done.error(), where_);
    if (manifest_ && !manifest_->fits())
        if (auto done = hash_again(); !done) return done.error();
    hashed.sha1 = hasher_.finish();
    hashed.known = {hasher_.links(), sums_.finish()};
    if (manifest_ && hashed.size_bytes > proto::manifest_threshold_bytes)
        hashed.manifest = manifest_->finish(hashed.sha1);
    if (hasher_.collided() || (manifest_ && manifest_->collided())) return Errc::sha1_collision;
    auto put = intake_.put_written(*std::move(file_), hashed);
    if (!put) return put.error();
    if (auto done = intake_.finish(); !done) return done.error();
    return put;
}

}  // namespace kp2p

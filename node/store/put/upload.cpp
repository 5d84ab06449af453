#include "node/store/put/upload.hpp"

namespace kp2p {

Upload::Upload(const Layout& layout, PutOptions::Manifest manifest)
    : options_{.manifest = manifest, .stop = {}, .remark = {}},
      intake_(layout, options_),
      where_(layout.contents()) {
    if (manifest == PutOptions::Manifest::if_large) manifest_.emplace();
}

Result<std::unique_ptr<Upload>> Upload::open(const Layout& layout, PutOptions::Manifest manifest) {
    std::unique_ptr<Upload> upload(new Upload(layout, manifest));
    auto file = upload->intake_.begin_file();
    if (!file) return file.error();
    upload->file_.emplace(*std::move(file));
    return upload;
}

Result<void> Upload::add(ByteView bytes) {
    if (auto done = file_->file().write_sparse_at(hasher_.size_bytes(), bytes); !done)
        return storage_error(done.error(), where_);
    hasher_.update(bytes);
    if (manifest_) manifest_->update(bytes);
    return ok;
}

Result<Intake::Put> Upload::finish() {
    HashedFile hashed;
    hashed.size_bytes = hasher_.size_bytes();
    if (auto done = file_->file().resize(hashed.size_bytes); !done)  // it may end in a hole
        return storage_error(done.error(), where_);
    hashed.sha1 = hasher_.finish();
    hashed.links = hasher_.links();
    if (manifest_ && hashed.size_bytes > proto::manifest_threshold_bytes)
        hashed.manifest = manifest_->finish(hashed.sha1);
    auto put = intake_.put_written(*std::move(file_), hashed);
    if (!put) return put.error();
    if (auto done = intake_.finish(); !done) return done.error();
    return put;
}

}  // namespace kp2p

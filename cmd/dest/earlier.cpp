#include "cmd/dest/earlier.hpp"

#include <sys/stat.h>

#include <string>

namespace kp2p {

Result<const Earlier::Listing*> Earlier::listing(const Delivery& by, const Sha1& document) {
    if (listing_ && listing_->document == document) return &*listing_;
    listing_.reset();
    std::string text;
    const auto collect = [&](ByteView bytes) -> Result<void> {
        if (text.size() + bytes.size() > proto::max_sha1dir_bytes)
            return by.command.failure(Errc::usage, "it is too long for a directory's listing");
        text.append(as_text(bytes));
        return ok;
    };
    if (auto got = by.cat(document, collect); !got) return got.error();
    proto::Sha1Dir::LeftOut left_out;
    auto directory = proto::Sha1Dir::parse(text, left_out);
    if (!directory)
        return by.command.failure(Errc::usage,
                                  "the file with this hash does not describe a directory");
    listing_ = {document, *std::move(directory), std::move(left_out)};
    return &*listing_;
}

// None of what is special, and may be written to again.
std::optional<Earlier::FileId> Earlier::file_at(const std::filesystem::path& path) {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    return FileId(status.st_dev, status.st_ino);
}

std::optional<Sha1> Earlier::made_at(const std::filesystem::path& path) const {
    const auto file = file_at(path);
    const auto made = file ? made_.find(*file) : made_.end();
    return made == made_.end() ? std::nullopt : std::optional(made->second);
}

void Earlier::made(const std::filesystem::path& path, const Sha1& sha1) {
    if (const auto file = file_at(path)) made_.insert_or_assign(*file, sha1);
}

}  // namespace kp2p

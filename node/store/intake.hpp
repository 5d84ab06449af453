// Intake: files on their way into the storage. Shape: put_file() and put_bytes() any number of
// times, then finish(); only then is all of it stored. Errors as Store's.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "node/store/ingest.hpp"
#include "node/store/layout.hpp"
#include "node/store/publisher.hpp"

namespace kp2p {

struct PutOptions {
    enum class Content { copy, link };        // link: leave the content where it is
    enum class Manifest { if_large, never };  // if_large: above 20 MB, as kachery does
    Content content = Content::copy;
    Manifest manifest = Manifest::if_large;
    std::stop_token stop;  // ends it early, with Errc::canceled
    // Gets a sentence about each thing in a directory that was left out, and about what failed.
    std::function<void(const std::string&)> remark;
};

class Intake {
  public:
    Intake(const Layout& layout, const PutOptions& options)
        : layout_(layout), options_(options), publisher_(layout.root()) {}

    struct Put {
        Sha1 sha1;
        std::uint64_t size_bytes = 0;
        std::optional<Sha1> manifest;
    };
    Result<Put> put_file(const std::filesystem::path& path);  // a regular file
    Result<Sha1> put_bytes(ByteView bytes);
    // A file that the caller writes, and hashes as it does, in two steps.
    Result<TempFile> begin_file() { return temp_file(); }
    Result<Put> put_written(TempFile file, const Ingested& ingested);
    Result<void> finish();

  private:
    Result<Put> copy(const File& source, const FileStamp& stamp);
    Result<Put> link(const std::filesystem::path& path, const File& source, const FileStamp& stamp);
    ManifestWish wish(const FileStamp& stamp) const;
    Result<Put> describe(const Ingested& ingested);
    Result<TempFile> temp_file() const;
    Result<void> add(TempFile file, std::filesystem::path final_path);
    Result<void> add_bytes(ByteView bytes, std::filesystem::path final_path);

    const Layout& layout_;
    const PutOptions& options_;
    Publisher publisher_;
};

}  // namespace kp2p

#include "node/store/links_cache.hpp"

#include <xxhash.h>

#include <algorithm>

#include "node/store/directories.hpp"
#include "node/store/temp_file.hpp"
#include "proto/compact.hpp"
#include "proto/file/links.hpp"

namespace kp2p {
namespace {

constexpr std::string_view magic = "kp2plnk3";
constexpr std::size_t head_bytes = 8 + 4 * 8;
constexpr std::size_t frame_bytes = head_bytes + 8;  // all but the links

std::optional<FileStamp> read_head(proto::Reader& reader) {
    if (as_text(reader.raw(magic.size())) != magic) return std::nullopt;
    FileStamp stamp;
    stamp.size_bytes = reader.u64();
    stamp.modified_ns = static_cast<std::int64_t>(reader.u64());
    stamp.changed_ns = static_cast<std::int64_t>(reader.u64());
    stamp.inode = reader.u64();
    return stamp;
}

}  // namespace

std::optional<FileStamp> stamp_of_links(const std::filesystem::path& cache) {
    auto file = File::open(cache, File::Mode::read);
    if (!file) return std::nullopt;
    ByteVector head(head_bytes);
    auto size = file->read_at(0, head);
    if (!size || *size != head.size()) return std::nullopt;
    proto::Reader reader(head);
    return read_head(reader);
}

std::optional<std::vector<Sha1Link>> load_links(const std::filesystem::path& cache,
                                                const FileStamp& stamp) {
    const std::uint64_t count = proto::chunk_count(stamp.size_bytes);
    if (count == 1) return std::vector{proto::first_link()};
    const std::uint64_t expected_bytes = frame_bytes + count * Sha1Link::size_bytes;
    auto bytes = read_small_file(cache, static_cast<std::size_t>(expected_bytes));
    if (!bytes || bytes->size() != expected_bytes) return std::nullopt;

    const ByteView body = ByteView(*bytes).first(bytes->size() - 8);
    proto::Reader reader(*bytes);
    if (read_head(reader) != stamp) return std::nullopt;
    std::vector<Sha1Link> links(static_cast<std::size_t>(count));
    for (Sha1Link& link : links) link = reader.fixed<Sha1Link>();
    if (reader.u64() != XXH3_64bits(body.data(), body.size())) return std::nullopt;
    if (links.front() != proto::first_link()) return std::nullopt;
    return links;
}

void save_links(const std::filesystem::path& cache, const FileStamp& stamp,
                const std::vector<Sha1Link>& links) {
    if (links.size() < 2) return;
    proto::Writer writer;
    writer.raw(as_bytes(magic)).u64(stamp.size_bytes);
    writer.u64(static_cast<std::uint64_t>(stamp.modified_ns));
    writer.u64(static_cast<std::uint64_t>(stamp.changed_ns)).u64(stamp.inode);
    for (const Sha1Link& link : links) writer.fixed(link);
    writer.u64(XXH3_64bits(writer.bytes().data(), writer.bytes().size()));

    // Above the many directories of caches, where a sweep finds what a killed process left.
    const std::filesystem::path above = cache.parent_path().parent_path();
    const Layout layout(above.parent_path().parent_path());
    if (!make_directories(layout, cache.parent_path())) return;
    auto temp = TempFile::create_shared_in(above);
    if (!temp || !temp->file().write_at(0, writer.bytes())) return;
    (void)temp->publish(cache, TempFile::Durability::none);  // its check tells a torn one
}

}  // namespace kp2p

#include "node/store/links_cache.hpp"

#include <xxhash.h>

#include <algorithm>

#include "proto/compact.hpp"
#include "proto/file/links.hpp"

namespace kp2p {
namespace {

constexpr std::string_view magic = "kp2plnk1";
constexpr std::size_t frame_bytes = 8 + 8 + 8 + 8;  // all but the links

}  // namespace

std::optional<std::vector<Sha1Link>> load_links(const std::filesystem::path& cache,
                                                const FileStamp& stamp) {
    const std::uint64_t count = proto::chunk_count(stamp.size_bytes);
    if (count == 1) return std::vector{proto::first_link()};
    const std::uint64_t expected_bytes = frame_bytes + count * Sha1Link::size_bytes;
    auto bytes = read_small_file(cache, static_cast<std::size_t>(expected_bytes));
    if (!bytes || bytes->size() != expected_bytes) return std::nullopt;

    const ByteView body = ByteView(*bytes).first(bytes->size() - 8);
    proto::Reader reader(*bytes);
    if (as_text(reader.raw(magic.size())) != magic) return std::nullopt;
    const std::uint64_t size_bytes = reader.u64();
    const auto modified_ns = static_cast<std::int64_t>(reader.u64());
    if (FileStamp{size_bytes, modified_ns} != stamp) return std::nullopt;
    std::vector<Sha1Link> links(static_cast<std::size_t>(count));
    for (Sha1Link& link : links) link = reader.fixed<Sha1Link>();
    if (reader.u64() != XXH3_64bits(body.data(), body.size())) return std::nullopt;
    return links;
}

void save_links(const std::filesystem::path& cache, const FileStamp& stamp,
                const std::vector<Sha1Link>& links) {
    if (links.size() < 2) return;
    proto::Writer writer;
    writer.raw(as_bytes(magic)).u64(stamp.size_bytes);
    writer.u64(static_cast<std::uint64_t>(stamp.modified_ns));
    for (const Sha1Link& link : links) writer.fixed(link);
    writer.u64(XXH3_64bits(writer.bytes().data(), writer.bytes().size()));

    // Above the many directories of caches, where a sweep finds what a killed process left.
    const std::filesystem::path above = cache.parent_path().parent_path();
    if (!make_directories(above)) return;
    auto temp = TempFile::create_in(above);
    if (!temp || !temp->file().write_at(0, writer.bytes())) return;
    (void)temp->publish(cache, TempFile::Durability::none);  // its check tells a torn one
}

}  // namespace kp2p

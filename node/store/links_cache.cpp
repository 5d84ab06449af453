#include "node/store/links_cache.hpp"

#include <algorithm>

#include "node/store/directories.hpp"
#include "node/store/temp_file.hpp"
#include "proto/compact.hpp"

namespace kp2p {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view magic = "kp2plnk4";
constexpr std::size_t head_bytes = 8 + 4 * 8;
constexpr std::size_t frame_bytes = head_bytes + 8;  // all but the chunks
constexpr std::size_t chunk_entry_bytes = Sha1Link::size_bytes + 8;

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

std::optional<FileStamp> stamp_of_links(const fs::path& cache) {
    auto file = File::open(cache, File::Mode::read);
    if (!file) return std::nullopt;
    ByteVector head(head_bytes);
    auto size = file->read_at(0, head);
    if (!size || *size != head.size()) return std::nullopt;
    proto::Reader reader(head);
    return read_head(reader);
}

std::optional<KnownLinks> load_links(const fs::path& cache, const FileStamp& stamp) {
    const std::uint64_t count = proto::chunk_count(stamp.size_bytes);
    if (count == 1) return KnownLinks{{proto::first_link()}, {}};
    const std::uint64_t expected_bytes = frame_bytes + count * chunk_entry_bytes;
    const auto file = File::open(cache, File::Mode::read);
    if (!file) return std::nullopt;
    const auto own = file->stamp();
    if (!own || own->size_bytes != expected_bytes) return std::nullopt;
    ByteVector bytes(static_cast<std::size_t>(expected_bytes));
    const auto size = file->read_at(0, bytes);
    if (!size || *size != bytes.size()) return std::nullopt;

    const ByteView body = ByteView(bytes).first(bytes.size() - 8);
    proto::Reader reader(bytes);
    if (read_head(reader) != stamp) return std::nullopt;
    KnownLinks known;
    for (std::uint64_t i = 0; i < count; ++i) {
        known.links.push_back(reader.fixed<Sha1Link>());
        known.sums.push_back(reader.u64());
    }
    if (reader.u64() != proto::content_sum(body)) return std::nullopt;
    if (known.links.front() != proto::first_link()) return std::nullopt;
    if (!file->is_ours_alone()) known.sums.clear();
    return known;
}

void save_links(const fs::path& cache, const FileStamp& stamp, const KnownLinks& known) {
    if (known.links.size() < 2) return;
    proto::Writer writer;
    writer.raw(as_bytes(magic)).u64(stamp.size_bytes);
    writer.u64(static_cast<std::uint64_t>(stamp.modified_ns));
    writer.u64(static_cast<std::uint64_t>(stamp.changed_ns)).u64(stamp.inode);
    for (std::size_t i = 0; i < known.links.size(); ++i)
        writer.fixed(known.links[i]).u64(i < known.sums.size() ? known.sums[i] : 0);
    writer.u64(proto::content_sum(writer.bytes()));

    // Above the many directories of caches, where a sweep finds what a killed process left.
    const fs::path above = cache.parent_path().parent_path();
    const Layout layout(above.parent_path().parent_path());
    if (!make_directories(layout, cache.parent_path())) return;
    auto temp = TempFile::create_in(above, File::Mode::create_secret);
    if (!temp) return;
    constexpr unsigned read_by_others = 0644;
    temp->file().set_rights(rights_in(above) & read_by_others);
    give_to_owner_of(above, temp->file());
    if (!temp->file().write_at(0, writer.bytes())) return;
    (void)temp->publish(cache, TempFile::Durability::none);  // its check tells a torn one
}

}  // namespace kp2p

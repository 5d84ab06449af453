#include "proto/file/manifest.hpp"

#include <simdjson.h>

#include <algorithm>

#include "proto/compact.hpp"
#include "proto/file/links.hpp"
#include "proto/json.hpp"

namespace kp2p::proto {
namespace {

using simdjson::dom::element;

Result<std::uint64_t> number(const element& object, const char* name) {
    std::uint64_t value = 0;
    if (object[name].get(value)) return Errc::bad_text;
    if (value > max_file_bytes) return Errc::bad_value;
    return value;
}

Result<Sha1> hash(const element& object) {
    std::string_view text;
    if (object["sha1"].get(text)) return Errc::bad_text;
    return Sha1::from_hex(text);
}

Result<ManifestChunk> parse_chunk(const element& object, std::uint64_t start_bytes) {
    auto start = number(object, "start");
    if (!start) return start.error();
    auto end = number(object, "end");
    if (!end) return end.error();
    auto sha1 = hash(object);
    if (!sha1) return sha1.error();
    if (*start != start_bytes || *end <= *start) return Errc::bad_value;
    if (*end - *start > max_manifest_chunk_bytes) return Errc::too_long;
    return ManifestChunk{*start, *end, *sha1};
}

// None if they are of another kind than ours: the manifest is of use without them.
std::vector<Sha1> parse_piece_lists(const element& root, std::uint64_t size_bytes) {
    std::uint64_t size = 0;
    simdjson::dom::array rows;
    if (root["pieces"]["size"].get(size) || size != piece_bytes) return {};
    if (root["pieces"]["lists"].get(rows)) return {};
    std::vector<Sha1> lists;
    for (const element row : rows) {
        std::string_view text;
        if (row.get(text)) return {};
        auto sha1 = Sha1::from_hex(text);
        if (!sha1) return {};
        lists.push_back(*sha1);
    }
    if (lists.size() != piece_list_count(size_bytes)) return {};
    return lists;
}

}  // namespace

Result<Manifest> Manifest::parse(std::string_view json) {
    if (json.size() > max_manifest_bytes) return Errc::too_long;
    simdjson::dom::parser parser;
    element root;
    if (json.empty() || parser.parse(json.data(), json.size()).get(root)) return Errc::bad_text;

    Manifest manifest;
    auto size = number(root, "size");
    if (!size) return size.error();
    manifest.size_bytes = *size;
    auto sha1 = hash(root);
    if (!sha1) return sha1.error();
    manifest.sha1 = *sha1;
    simdjson::dom::array chunks;
    if (root["chunks"].get(chunks)) return Errc::bad_text;
    std::uint64_t done_bytes = 0;
    for (const element each : chunks) {
        auto chunk = parse_chunk(each, done_bytes);
        if (!chunk) return chunk.error();
        done_bytes = chunk->end_bytes;
        manifest.chunks.push_back(*chunk);
    }
    if (done_bytes != manifest.size_bytes) return Errc::bad_value;
    manifest.piece_lists = parse_piece_lists(root, manifest.size_bytes);
    return manifest;
}

std::string Manifest::text() const {
    JsonWriter json;
    json.begin_object().field("size", size_bytes).field("sha1", sha1.hex());
    json.key("chunks").begin_array();
    for (const ManifestChunk& chunk : chunks) {
        json.begin_object().field("start", chunk.start_bytes).field("end", chunk.end_bytes);
        json.field("sha1", chunk.sha1.hex()).end_object();
    }
    json.end_array();
    if (!piece_lists.empty()) {
        json.key("pieces").begin_object().field("size", piece_bytes).key("lists").begin_array();
        for (const Sha1& list : piece_lists) json.value(list.hex());
        json.end_array().end_object();
    }
    return json.end_object().take();
}

Result<std::vector<ManifestChunk>> pieces_of(std::uint64_t size_bytes, std::uint64_t number,
                                             ByteView list) {
    const std::uint64_t first = number * pieces_per_list, all = piece_count(size_bytes);
    if (first >= all) return Errc::bad_value;
    const std::uint64_t count = std::min(pieces_per_list, all - first);
    if (list.size() != count * Sha1::size_bytes) return Errc::bad_value;
    std::vector<ManifestChunk> pieces(static_cast<std::size_t>(count));
    Reader reader(list);
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t start = (first + i) * piece_bytes;
        pieces[i] = {start, std::min(start + piece_bytes, size_bytes), reader.fixed<Sha1>()};
    }
    return pieces;
}

void ManifestHasher::update(ByteView bytes) {
    while (!bytes.empty()) {
        const ByteView part = begin_part(bytes);
        Sha1Hasher::update_two(chunk_, part, piece_, part);
        end_part(part);
        bytes = bytes.subspan(part.size());
    }
}

void ManifestHasher::update_both(LinkHasher& links, ByteView bytes, Sha1Masks masks) {
    while (!bytes.empty()) {
        const ByteView part = links.begin_part(begin_part(bytes));
        Sha1Hasher::update_three(links.hasher_, chunk_, piece_, part, masks);
        links.end_part(part);
        end_part(part);
        bytes = bytes.subspan(part.size());
        masks = masks_from(masks, part.size());
    }
}

ByteView ManifestHasher::begin_part(ByteView bytes) const {
    const std::uint64_t chunk_left = chunk_bytes_ - size_bytes_ % chunk_bytes_;
    const std::uint64_t piece_left = piece_bytes - size_bytes_ % piece_bytes;
    const auto size = std::min<std::uint64_t>({bytes.size(), chunk_left, piece_left});
    return bytes.first(static_cast<std::size_t>(size));
}

void ManifestHasher::end_part(ByteView part) {
    size_bytes_ += part.size();
    if (size_bytes_ % piece_bytes == 0) finish_piece();
    if (size_bytes_ % chunk_bytes_ == 0) finish_chunk();
}

ManifestHasher::Made ManifestHasher::finish(const Sha1& whole) {
    if (size_bytes_ % piece_bytes != 0) finish_piece();
    if (size_bytes_ % chunk_bytes_ != 0) finish_chunk();
    Made made{{size_bytes_, whole, std::move(chunks_)}, std::move(lists_)};
    for (const ByteVector& list : made.piece_lists)
        made.manifest.piece_lists.push_back(sha1_of(list));
    return made;
}

void ManifestHasher::finish_chunk() {
    const std::uint64_t start_bytes = chunks_.empty() ? 0 : chunks_.back().end_bytes;
    chunks_.push_back({start_bytes, size_bytes_, chunk_.finish()});
    collided_ |= chunk_.collided();
    chunk_ = Sha1Hasher();
}

void ManifestHasher::finish_piece() {
    constexpr std::size_t list_bytes = pieces_per_list * Sha1::size_bytes;
    if (lists_.empty() || lists_.back().size() == list_bytes) lists_.emplace_back();
    const Sha1 sha1 = piece_.finish();
    lists_.back().insert(lists_.back().end(), sha1.view().begin(), sha1.view().end());
    collided_ |= piece_.collided();
    piece_ = Sha1Hasher();
}

}  // namespace kp2p::proto

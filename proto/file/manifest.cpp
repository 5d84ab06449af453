#include "proto/file/manifest.hpp"

#include <simdjson.h>

#include <algorithm>

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

}  // namespace

Result<Manifest> Manifest::parse(std::string_view json) {
    if (json.size() > max_manifest_bytes) return Errc::too_long;
    simdjson::dom::parser parser;
    element root;
    if (parser.parse(json.data(), json.size()).get(root)) return Errc::bad_text;

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
    return json.end_array().end_object().take();
}

void ManifestHasher::update(ByteView bytes) {
    while (!bytes.empty()) {
        const std::uint64_t left = manifest_chunk_bytes - size_bytes_ % manifest_chunk_bytes;
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left));
        hasher_.update(bytes.first(size));
        size_bytes_ += size;
        bytes = bytes.subspan(size);
        if (size == left) finish_chunk();
    }
}

Manifest ManifestHasher::finish(const Sha1& whole) {
    if (size_bytes_ % manifest_chunk_bytes != 0) finish_chunk();
    return {size_bytes_, whole, std::move(chunks_)};
}

void ManifestHasher::finish_chunk() {
    const std::uint64_t start_bytes = chunks_.empty() ? 0 : chunks_.back().end_bytes;
    chunks_.push_back({start_bytes, size_bytes_, hasher_.finish()});
    hasher_ = Sha1Hasher();
}

}  // namespace kp2p::proto

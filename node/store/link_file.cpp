#include "node/store/link_file.hpp"

#include <simdjson.h>

#include <cmath>

#include "proto/json.hpp"

namespace kp2p {
namespace {

// As Python computes st_mtime, so that its comparison for equality holds.
double seconds(std::int64_t modified_ns) {
    constexpr std::int64_t ns_per_s = 1'000'000'000;
    std::int64_t whole = modified_ns / ns_per_s, rest = modified_ns % ns_per_s;
    if (rest < 0) {
        rest += ns_per_s;
        --whole;
    }
    return static_cast<double>(whole) + 1e-9 * static_cast<double>(rest);
}

}  // namespace

LinkFile LinkFile::to(std::filesystem::path path, const FileStamp& stamp,
                      std::optional<Sha1> manifest) {
    return {std::move(path), stamp.size_bytes, seconds(stamp.modified_ns), stamp.modified_ns,
            manifest};
}

Result<LinkFile> LinkFile::parse(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    if (json.empty() || parser.parse(json.data(), json.size()).get(root))
        return proto::Errc::bad_text;
    LinkFile link;
    std::string_view path;
    const auto stat = root["stat"];
    if (root["path"].get(path) || stat["size"].get(link.size_bytes) ||
        stat["mtime"].get(link.modified_s))
        return proto::Errc::bad_text;
    link.path = path;
    if (!link.path.is_absolute()) return proto::Errc::bad_text;
    if (std::int64_t ns; !stat["mtime_ns"].get(ns)) link.modified_ns = ns;
    std::string_view hex;
    // The daemon of kachery-p2p and its Python package disagree on this name.
    if (!root["manifest_hash"].get(hex) || !root["manifestSha1"].get(hex)) {
        auto manifest = Sha1::from_hex(hex);
        if (manifest) link.manifest = *manifest;
    }
    return link;
}

std::string LinkFile::text() const {
    proto::JsonWriter json(proto::JsonWriter::Style::python);
    json.begin_object().field("path", path.native()).key("manifest_hash");
    if (manifest)
        json.value(manifest->hex());
    else
        json.null();
    json.key("stat").begin_object().field("size", size_bytes).field("mtime", modified_s);
    if (modified_ns) json.field("mtime_ns", *modified_ns);
    return json.end_object().end_object().take();
}

bool LinkFile::matches(const FileStamp& stamp) const {
    if (stamp.size_bytes != size_bytes) return false;
    if (modified_ns) return *modified_ns == stamp.modified_ns;
    // JavaScript knows times only to the millisecond.
    constexpr double tolerance_s = 0.002;
    return std::abs(modified_s - seconds(stamp.modified_ns)) <= tolerance_s;
}

}  // namespace kp2p

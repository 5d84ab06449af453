#include "node/client/paths.hpp"

#include "proto/bytes.hpp"
#include "proto/utf8.hpp"

namespace kp2p::client {

Result<std::filesystem::path> absolute(const std::filesystem::path& path) {
    if (path.empty()) return make_error_code(std::errc::invalid_argument);
    std::error_code error;
    auto whole = std::filesystem::absolute(path, error);
    if (error) return error;
    return whole;
}

void add_path(proto::JsonWriter& json, const std::filesystem::path& path) {
    json.field("path", path.native());
    if (!proto::is_utf8(path.native())) json.field("path_hex", to_hex(as_bytes(path.native())));
}

}  // namespace kp2p::client

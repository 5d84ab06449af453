#include "proto/paths/relay_urls.hpp"

#include "proto/compact.hpp"
#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

constexpr std::uint64_t relays_type = 1;

}  // namespace

Encoded encode_relay_urls(const std::vector<std::string>& urls) {
    std::vector<ByteView> fitting;
    for (const std::string& url : urls)
        if (url.size() <= max_relay_url_bytes && fitting.size() < max_relay_urls)
            fitting.push_back(as_bytes(url));
    Writer writer;
    writer.uint(fitting.size());
    for (const ByteView url : fitting) writer.buffer(url);
    return {relays_type, writer.take()};
}

Result<std::vector<std::string>> decode_relay_urls(std::uint64_t type, ByteView payload) {
    if (type != relays_type) return Errc::unknown_type;
    Reader reader(payload);
    const std::size_t count = reader.count(1);
    if (count > max_relay_urls) return Errc::too_long;
    std::vector<std::string> urls;
    for (std::size_t i = 0; i < count; ++i) {
        const ByteView url = reader.buffer();
        if (url.size() > max_relay_url_bytes) return Errc::too_long;
        urls.emplace_back(as_text(url));
    }
    if (auto read = reader.finish(); !read) return read.error();
    return urls;
}

}  // namespace kp2p::proto

#include "proto/lookup/lookup.hpp"

#include <algorithm>

#include "proto/compact.hpp"

namespace kp2p::proto {
namespace {

constexpr std::uint8_t providing_complete_flag = 0x01;

void write(Writer& out, const Seeking& m) { out.fixed(m.request).fixed(m.file).u8(m.hops); }
void write(Writer& out, const Providing& m) {
    out.fixed(m.request).fixed(m.file).uint(m.size_bytes).fixed(m.node);
    out.u8(m.complete ? providing_complete_flag : 0);
}
void write(Writer& out, const Lacking& m) { out.fixed(m.request); }

Seeking read_seeking(Reader& in) {
    Seeking m;
    m.request = in.fixed<RequestId>();
    m.file = in.fixed<Sha1>();
    m.hops = std::min(in.u8(), max_hops);
    return m;
}

Providing read_providing(Reader& in) {
    Providing m;
    m.request = in.fixed<RequestId>();
    m.file = in.fixed<Sha1>();
    m.size_bytes = in.uint();
    m.node = in.fixed<NodeId>();
    m.complete = (in.u8() & providing_complete_flag) != 0;
    return m;
}

}  // namespace

Encoded encode(const LookupMessage& message) {
    Writer out;
    std::visit([&](const auto& m) { write(out, m); }, message);
    return {message.index(), out.take()};
}

Result<LookupMessage> decode_lookup(std::uint64_t type, ByteView payload) {
    Reader in(payload);
    LookupMessage message;
    switch (type) {
        case 0:
            message = read_seeking(in);
            break;
        case 1:
            message = read_providing(in);
            break;
        case 2:
            message = Lacking{in.fixed<RequestId>()};
            break;
        default:
            return Errc::unknown_type;
    }
    if (auto read = in.finish(); !read) return read.error();
    return message;
}

}  // namespace kp2p::proto

#include "proto/relay/blind_relay.hpp"

#include <limits>

#include "proto/compact.hpp"
#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

constexpr std::uint64_t pair_type = 0, unpair_type = 1;
constexpr std::uint8_t initiator_flag = 1;

}  // namespace

Encoded encode(const RelayMessage& message) {
    Writer writer;
    if (const auto* pair = std::get_if<RelayPair>(&message)) {
        writer.u8(pair->side == PairSide::initiator ? initiator_flag : 0);
        writer.raw(pair->token.view()).uint(pair->stream_id).uint(0);
        return {pair_type, writer.take()};
    }
    writer.u8(0).raw(std::get<RelayUnpair>(message).token.view());
    return {unpair_type, writer.take()};
}

Result<RelayMessage> decode_relay_message(std::uint64_t type, ByteView payload) {
    if (type != pair_type && type != unpair_type) return Errc::unknown_type;
    Reader reader(payload);
    const std::uint64_t flags = reader.uint();
    const auto token = reader.fixed<RelayToken>();
    if (type == unpair_type) {
        if (auto read = reader.finish(); !read) return read.error();
        return RelayMessage(RelayUnpair{token});
    }
    const std::uint64_t id = reader.uint();
    (void)reader.uint();
    if (auto read = reader.finish(); !read) return read.error();
    if (id > std::numeric_limits<std::uint32_t>::max()) return Errc::bad_value;
    const PairSide side = flags & initiator_flag ? PairSide::initiator : PairSide::responder;
    return RelayMessage(RelayPair{side, token, static_cast<std::uint32_t>(id)});
}

}  // namespace kp2p::proto

#include "proto/dht/wire/rpc.hpp"

#include <algorithm>

#include "proto/dht/wire/fields.hpp"

namespace kp2p::proto::dht {
namespace {

constexpr std::uint8_t request_type = 0x03, reply_type = 0x13;
constexpr std::uint64_t id_flag = 1, token_flag = 2, value_flag = 16;
constexpr std::uint64_t internal_flag = 4, target_flag = 8;  // of a request
constexpr std::uint64_t closer_flag = 4, error_flag = 8;     // of a reply
constexpr std::size_t addr4_bytes = 6;

template <class Message>
void write_head(Writer& writer, std::uint8_t type, std::uint64_t flags, const Message& message) {
    if (message.id) flags |= id_flag;
    if (message.token) flags |= token_flag;
    if (message.value) flags |= value_flag;
    writer.u8(type).uint(flags).u16(message.tid).addr4(message.to);
    if (message.id) writer.fixed(*message.id);
    if (message.token) writer.fixed(*message.token);
}

template <class Message>
std::uint64_t read_head(Reader& reader, Message& message) {
    const std::uint64_t flags = reader.uint();
    message.tid = reader.u16();
    message.to = reader.addr4();
    if (flags & id_flag) message.id = reader.fixed<DhtId>();
    if (flags & token_flag) message.token = reader.fixed<Token>();
    return flags;
}

Request read_request(Reader& reader) {
    Request request;
    const std::uint64_t flags = read_head(reader, request);
    const std::uint64_t command = reader.uint();
    if (flags & internal_flag)
        request.command = InternalCommand(command);
    else
        request.command = Command(command);
    if (flags & target_flag) request.target = reader.fixed<DhtId>();
    if (flags & value_flag) request.value = copy(reader.buffer());
    return request;
}

Reply read_reply(Reader& reader) {
    Reply reply;
    const std::uint64_t flags = read_head(reader, reply);
    if (flags & closer_flag) {
        const std::size_t count = reader.count(addr4_bytes);
        reply.closer_nodes.reserve(std::min(count, max_closer_nodes));
        for (std::size_t i = 0; i < count; ++i) {
            const Endpoint node = reader.addr4();
            if (i < max_closer_nodes) reply.closer_nodes.push_back(node);
        }
    }
    if (flags & error_flag) reply.error = reader.uint();
    if (flags & value_flag) reply.value = copy(reader.buffer());
    return reply;
}

}  // namespace

ByteVector encode(const Request& request) {
    Writer writer;
    const auto* internal = std::get_if<InternalCommand>(&request.command);
    std::uint64_t flags = 0;
    if (internal) flags |= internal_flag;
    if (request.target) flags |= target_flag;
    write_head(writer, request_type, flags, request);
    std::visit([&](auto command) { writer.uint(static_cast<std::uint64_t>(command)); },
               request.command);
    if (request.target) writer.fixed(*request.target);
    if (request.value) writer.buffer(*request.value);
    return writer.take();
}

ByteVector encode(const Reply& reply) {
    Writer writer;
    std::uint64_t flags = 0;
    if (!reply.closer_nodes.empty()) flags |= closer_flag;
    if (reply.error) flags |= error_flag;
    write_head(writer, reply_type, flags, reply);
    if (!reply.closer_nodes.empty()) {
        writer.uint(reply.closer_nodes.size());
        for (const Endpoint& node : reply.closer_nodes) writer.addr4(node);
    }
    if (reply.error) writer.uint(reply.error);
    if (reply.value) writer.buffer(*reply.value);
    return writer.take();
}

Result<std::variant<Request, Reply>> decode_rpc(ByteView datagram) {
    if (datagram.size() > max_datagram_bytes) return Errc::too_long;
    Reader reader(datagram);
    std::variant<Request, Reply> message;
    switch (reader.u8()) {
        case request_type:
            message = read_request(reader);
            break;
        case reply_type:
            message = read_reply(reader);
            break;
        default:
            return Errc::unknown_type;
    }
    if (auto finished = reader.finish(); !finished) return finished.error();
    return message;
}

std::optional<DhtId> verified_id(const std::optional<DhtId>& claimed, const Endpoint& from) {
    if (claimed && *claimed == id_of(from)) return claimed;
    return std::nullopt;
}

}  // namespace kp2p::proto::dht

// Field codecs that the message files of this folder share.
#pragma once

#include <utility>
#include <vector>

#include "proto/compact.hpp"

namespace kp2p::proto::dht {

inline ByteVector copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

inline void write_addresses(Writer& writer, const std::vector<Endpoint>& addresses) {
    writer.uint(addresses.size());
    for (const Endpoint& address : addresses) writer.addr4(address);
}

inline std::vector<Endpoint> read_addresses(Reader& reader) {
    std::vector<Endpoint> addresses(reader.count(6));
    for (Endpoint& address : addresses) address = reader.addr4();
    return addresses;
}

// The message unless something in it could not be read.
template <class Message>
Result<Message> finished(const Reader& reader, Message message) {
    if (auto read = reader.finish(); !read) return read.error();
    return message;
}

}  // namespace kp2p::proto::dht

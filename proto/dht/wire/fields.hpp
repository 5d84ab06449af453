// Field codecs that the message files of this folder share.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "proto/compact.hpp"

namespace kp2p::proto::dht {

inline ByteVector copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

// The IPv4 ones among them: no others fit.
inline void write_addresses(Writer& writer, const std::vector<Endpoint>& addresses) {
    const auto fits = [](const Endpoint& address) { return address.host.is_v4(); };
    writer.uint(
        static_cast<std::uint64_t>(std::count_if(addresses.begin(), addresses.end(), fits)));
    for (const Endpoint& address : addresses)
        if (fits(address)) writer.addr4(address);
}

inline std::vector<Endpoint> read_addresses(Reader& reader) {
    std::vector<Endpoint> addresses(reader.count(6));
    for (Endpoint& address : addresses) address = reader.addr4();
    return addresses;
}

inline void write_addresses6(Writer& writer, const std::vector<Endpoint>& addresses) {
    writer.uint(addresses.size());
    for (const Endpoint& address : addresses) writer.addr6(address);
}

inline std::vector<Endpoint> read_addresses6(Reader& reader) {
    std::vector<Endpoint> addresses(reader.count(18));
    for (Endpoint& address : addresses) address = reader.addr6();
    return addresses;
}

// The message unless something in it could not be read.
template <class Message>
Result<Message> finished(const Reader& reader, Message message) {
    if (auto read = reader.finish(); !read) return read.error();
    return message;
}

}  // namespace kp2p::proto::dht

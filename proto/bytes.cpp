#include "proto/bytes.hpp"

#include <sodium.h>

namespace kp2p {

std::string to_hex(ByteView bytes) {
    std::string text(bytes.size() * 2 + 1, '\0');  // the function ends it with a NUL
    sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
    text.pop_back();
    return text;
}

Result<ByteVector> from_hex(std::string_view text) {
    ByteVector bytes(text.size() / 2);
    std::size_t size = 0;
    if (sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size,
                       nullptr) != 0 ||
        size * 2 != text.size())
        return proto::Errc::bad_text;
    return bytes;
}

}  // namespace kp2p

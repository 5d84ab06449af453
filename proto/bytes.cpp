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
    if (text.size() % 2) return proto::Errc::bad_text;
    ByteVector bytes(text.size() / 2);
    if (bytes.empty()) return bytes;  // the function takes no null pointer
    if (sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, nullptr,
                       nullptr) != 0)
        return proto::Errc::bad_text;
    return bytes;
}

}  // namespace kp2p

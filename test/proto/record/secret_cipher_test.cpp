// libsodium itself is the other end.
#include "proto/record/secret_cipher.hpp"

#include <doctest/doctest.h>
#include <sodium.h>

namespace kp2p::proto {
namespace {

using State = crypto_secretstream_xchacha20poly1305_state;

struct Ends {
    CipherKey key;
    StreamHeader header;
    State push, pull;

    Ends() {
        for (std::size_t i = 0; i < CipherKey::size_bytes; ++i)
            key.data()[i] = static_cast<std::uint8_t>(7 * i);
        crypto_secretstream_xchacha20poly1305_init_push(&push, header.data(), key.data());
        crypto_secretstream_xchacha20poly1305_init_pull(&pull, header.data(), key.data());
    }
};

ByteVector text_of(std::size_t size) {
    ByteVector text(size);
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<std::uint8_t>(i * i >> 3);
    return text;
}

ByteVector seal(SecretCipher& cipher, ByteView text) {
    ByteVector frame(text.size() + SecretCipher::overhead_bytes);
    const std::array parts{text.first(text.size() / 3), text.subspan(text.size() / 3)};
    cipher.seal(parts, frame);
    return frame;
}

ByteVector push(State& state, ByteView text, std::uint8_t tag) {
    ByteVector frame(text.size() + SecretCipher::overhead_bytes);
    crypto_secretstream_xchacha20poly1305_push(&state, frame.data(), nullptr, text.data(),
                                               text.size(), nullptr, 0, tag);
    return frame;
}

std::vector<std::size_t> sizes() {
    std::vector<std::size_t> sizes;
    for (std::size_t size = 0; size < 300; ++size) sizes.push_back(size);
    for (std::size_t size : {16383u, 16384u, 16385u, 65543u, 1000003u}) sizes.push_back(size);
    return sizes;
}

TEST_CASE("libsodium opens what is sealed, whatever its size") {
    Ends ends;
    SecretCipher cipher(ends.key, ends.header);
    for (std::size_t size : sizes()) {
        CAPTURE(size);
        const ByteVector text = text_of(size), frame = seal(cipher, text);
        ByteVector opened(size);
        unsigned char tag = 0xff;
        REQUIRE(crypto_secretstream_xchacha20poly1305_pull(&ends.pull, opened.data(), nullptr, &tag,
                                                           frame.data(), frame.size(), nullptr,
                                                           0) == 0);
        CHECK(tag == crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
        CHECK(opened == text);
    }
}

TEST_CASE("what libsodium seals is opened, new keys under way included") {
    Ends ends;
    SecretCipher cipher(ends.key, ends.header);
    for (std::size_t size : sizes()) {
        CAPTURE(size);
        const ByteVector text = text_of(size);
        const bool rekey = size % 10 == 3;
        ByteVector frame =
            push(ends.push, text, rekey ? crypto_secretstream_xchacha20poly1305_TAG_REKEY : 0);
        const auto opened = cipher.open(frame);
        REQUIRE(opened);
        CHECK(ByteVector(opened->begin(), opened->end()) == text);
    }
}

TEST_CASE("nothing altered, cut, repeated or out of order is opened") {
    const auto opens = [](auto change) {
        Ends ends;
        SecretCipher cipher(ends.key, ends.header);
        std::vector<ByteVector> frames{push(ends.push, text_of(40), 0),
                                       push(ends.push, text_of(40), 0)};
        change(frames);
        for (ByteVector& frame : frames)
            if (!cipher.open(frame)) return false;
        return true;
    };
    CHECK(opens([](auto&) {}));
    CHECK(!opens([](auto& frames) { std::swap(frames[0], frames[1]); }));
    CHECK(!opens([](auto& frames) { frames[1] = frames[0]; }));
    for (std::size_t i = 0; i < 40 + SecretCipher::overhead_bytes; ++i) {
        CHECK(!opens([i](auto& frames) { frames[0][i] ^= 1; }));
        CHECK(!opens([i](auto& frames) { frames[0].resize(i); }));
    }
}

}  // namespace
}  // namespace kp2p::proto

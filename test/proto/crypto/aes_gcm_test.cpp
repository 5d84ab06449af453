// The answers of "The Galois/Counter Mode of Operation" (McGrew, Viega), test cases 13, 14, 16.
#include "proto/crypto/aes_gcm.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

struct Answer {
    const char *key, *nonce, *additional, *text, *frame;
};
const Answer answers[] = {{"0000000000000000000000000000000000000000000000000000000000000000",
                           "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
                          {"0000000000000000000000000000000000000000000000000000000000000000",
                           "000000000000000000000000", "", "00000000000000000000000000000000",
                           "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
                          {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
                           "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                           "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                           "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
                           "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                           "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                           "76fc6ece0f4e1768cddf8853bb2d551b"}};

AesGcm::Nonce nonce_of(const Answer& answer) {
    AesGcm::Nonce nonce{};
    const ByteVector bytes = *from_hex(answer.nonce);
    std::copy(bytes.begin(), bytes.end(), nonce.begin());
    return nonce;
}

std::vector<std::pair<Answer, AesGcm::By>> each_way() {
    std::vector<std::pair<Answer, AesGcm::By>> all;
    for (const Answer& answer : answers)
        for (const auto by : {AesGcm::By::the_best, AesGcm::By::openssl})
            all.push_back({answer, by});
    return all;
}

TEST_CASE("AES-GCM gives the published answers, however the text is cut") {
    for (const auto& [answer, by] : each_way()) {
        CAPTURE(answer.frame);
        const ByteVector text = *from_hex(answer.text), additional = *from_hex(answer.additional);
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            AesGcm cipher(*CipherKey::from_hex(answer.key), AesGcm::Use::seal, by);
            const std::array<ByteView, 2> parts{ByteView(text).first(cut),
                                                ByteView(text).subspan(cut)};
            ByteVector frame(text.size() + AesGcm::tag_bytes);
            cipher.seal(nonce_of(answer), additional, parts, frame);
            CHECK(to_hex(frame) == answer.frame);
        }
    }
}

TEST_CASE("AES-GCM opens what is whole, and nothing else") {
    for (const auto& [answer, by] : each_way()) {
        CAPTURE(answer.frame);
        AesGcm cipher(*CipherKey::from_hex(answer.key), AesGcm::Use::open, by);
        const ByteVector frame = *from_hex(answer.frame), additional = *from_hex(answer.additional);
        const auto open = [&](ByteVector bytes, ByteVector with) {
            const std::size_t size = bytes.size() - std::min(bytes.size(), AesGcm::tag_bytes);
            ByteVector apart(size);
            const auto opened = cipher.open(nonce_of(answer), with, bytes, apart);
            const std::span<std::uint8_t> in_place = std::span(bytes).first(size);
            CHECK(cipher.open(nonce_of(answer), with, bytes, in_place).error() == opened.error());
            if (!opened) return opened.error().message();
            CHECK(to_hex(in_place) == to_hex(apart));
            return to_hex(apart);
        };
        const std::string forged = make_error_code(Errc::bad_decryption).message();
        CHECK(open(frame, additional) == answer.text);
        for (std::size_t i = 0; i < frame.size(); ++i) {
            ByteVector changed = frame;
            changed[i] ^= 1;
            CHECK(open(changed, additional) == forged);
        }
        CHECK(open(frame, {1, 2, 3}) == forged);
        for (std::size_t size = AesGcm::tag_bytes; size < frame.size(); ++size)
            CHECK(open({frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)},
                       additional) == forged);
        CHECK(open(ByteVector(15), additional) == make_error_code(Errc::truncated).message());
        CHECK(open(frame, additional) == answer.text);
    }
}

// Of every length up to some strips of the quick way, and cut anywhere.
TEST_CASE("AES-GCM says the same in each way, whatever the lengths") {
    std::mt19937 random(1);
    const auto bytes = [&](std::size_t size) {
        ByteVector made(size);
        for (std::uint8_t& byte : made) byte = static_cast<std::uint8_t>(random());
        return made;
    };
    for (std::size_t turn = 0; turn < 800; ++turn) {
        const std::size_t size = turn < 600 ? turn : random() % 70000;
        CAPTURE(size);
        const ByteVector text = bytes(size), additional = bytes(random() % 40);
        const CipherKey key(ByteView(bytes(32)).first<32>());
        AesGcm::Nonce nonce;
        std::ranges::copy(bytes(nonce.size()), nonce.begin());
        const std::size_t cut = random() % (size + 1),
                          other_cut = cut + random() % (size - cut + 1);
        const std::array<ByteView, 4> parts{ByteView(text).first(cut),
                                            ByteView(text).subspan(cut, other_cut - cut),
                                            ByteView(), ByteView(text).subspan(other_cut)};
        ByteVector frame(size + AesGcm::tag_bytes), other(frame.size()), back(size);
        AesGcm(key, AesGcm::Use::seal).seal(nonce, additional, parts, frame);
        AesGcm(key, AesGcm::Use::seal, AesGcm::By::openssl).seal(nonce, additional, parts, other);
        CHECK(frame == other);
        CHECK(AesGcm(key, AesGcm::Use::open).open(nonce, additional, frame, back));
        CHECK(back == text);
        frame[random() % frame.size()] ^= 0x10;
        CHECK(AesGcm(key, AesGcm::Use::open).open(nonce, additional, frame, back).error() ==
              Errc::bad_decryption);
    }
}

}  // namespace
}  // namespace kp2p::proto

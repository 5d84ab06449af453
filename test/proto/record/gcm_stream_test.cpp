#include "proto/record/gcm_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "proto/crypto/hash.hpp"
#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

constexpr std::size_t record_overhead_bytes = 3 + AesGcm::tag_bytes;

NoiseKeys keys_of_sender() {
    CipherKey tx;
    tx.data()[0] = 7;
    return {tx, CipherKey(), HandshakeHash(), NodeId(), Role::initiator};
}
NoiseKeys keys_of_receiver() {
    NoiseKeys keys = keys_of_sender();
    std::swap(keys.tx, keys.rx);
    return keys;
}

ByteVector seal(GcmSealer& sealer, ByteView text) {
    BulkBytes out;
    sealer.seal({&text, 1}, out);
    return {out.begin(), out.end()};
}
ByteVector beginning(GcmSealer& sealer) {
    BulkBytes out;
    sealer.begin(out);
    return {out.begin(), out.end()};
}

void feed_gcm(GcmOpener& opener, ByteView bytes) {
    while (!bytes.empty()) {
        const auto room = opener.room();
        const std::size_t n = std::min(room.size(), bytes.size());
        std::copy_n(bytes.begin(), n, room.begin());
        opener.received(n);
        bytes = bytes.subspan(n);
    }
}

struct Heard {
    std::vector<std::string> messages;
    std::error_code error;
};
// What comes of these records, one after the other, in pieces of `step` bytes.
Heard hear(const std::vector<ByteVector>& records, std::size_t step = 1000) {
    GcmOpener opener(keys_of_receiver());
    opener.set_max_frame_bytes(1000);
    Heard heard;
    ByteVector stream;
    for (const ByteVector& record : records)
        stream.insert(stream.end(), record.begin(), record.end());
    for (ByteView rest = stream; !rest.empty() && !heard.error;) {
        const ByteView piece = rest.first(std::min(step, rest.size()));
        rest = rest.subspan(piece.size());
        feed_gcm(opener, piece);
        for (;;) {
            auto message = opener.next();
            if (!message) heard.error = message.error();
            if (!message || !*message) break;
            heard.messages.emplace_back(as_text(**message));
        }
    }
    return heard;
}

struct Script {
    GcmSealer sealer{keys_of_sender()};
    std::vector<ByteVector> records{beginning(sealer), seal(sealer, as_bytes("one")),
                                    seal(sealer, {}), seal(sealer, as_bytes("three"))};
};

TEST_CASE("a record has its length, and the answer of AES-GCM for its number") {
    Script script;
    const auto cipher = aes_gcm_openssl(keys_of_sender().tx);
    const ByteVector length{3 + 16, 0, 0};
    const ByteView text = as_bytes("one");
    ByteVector frame(text.size() + AesGcm::tag_bytes);
    cipher->seal({0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, length, {&text, 1}, frame);
    CHECK(to_hex(script.records[1]) == to_hex(length) + to_hex(frame));
    CHECK(script.records[0].size() == record_overhead_bytes);
}

TEST_CASE("messages arrive in any split, empty ones left out") {
    Script script;
    for (const std::size_t step : {1u, 2u, 7u, 1000u}) {
        const Heard heard = hear(script.records, step);
        CHECK(!heard.error);
        CHECK(heard.messages == std::vector<std::string>{"one", "three"});
    }
}

TEST_CASE("what is changed, repeated, left out, reordered or reflected ends the stream") {
    const Script script;
    const auto& r = script.records;
    const auto refused = [](const std::vector<ByteVector>& records, std::size_t before) {
        const Heard heard = hear(records);
        CHECK(heard.error == Errc::bad_decryption);
        CHECK(heard.messages.size() == before);
    };
    refused({r[2]}, 0);
    refused({r[0], r[0]}, 0);
    refused({r[0], r[2]}, 0);
    refused({r[0], r[1], r[1]}, 1);
    refused({r[0], r[1], r[3]}, 1);
    for (std::size_t i = 3; i < r[1].size(); ++i) {
        ByteVector changed = r[1];
        changed[i] ^= 0x80;
        refused({r[0], changed}, 0);
    }
    ByteVector shorter = r[3];
    shorter[0]--;
    refused({r[0], r[1], r[2], shorter}, 1);
    GcmSealer reflecting(keys_of_receiver());
    refused({beginning(reflecting)}, 0);
}

TEST_CASE("an error is final, and what is cut off gives nothing") {
    const Script script;
    GcmOpener opener(keys_of_receiver());
    ByteVector changed = script.records[0];
    changed.back() ^= 1;
    feed_gcm(opener, changed);
    CHECK(opener.next().error() == Errc::bad_decryption);
    feed_gcm(opener, script.records[0]);
    CHECK(!opener.next());
    for (std::size_t size = 0; size < script.records[3].size(); ++size) {
        ByteVector cut = script.records[3];
        cut.resize(size);
        const Heard heard = hear({script.records[0], script.records[1], script.records[2], cut});
        CHECK(!heard.error);
        CHECK(heard.messages == std::vector<std::string>{"one"});
    }
}

TEST_CASE("a length beyond the limit is refused before anything of it comes") {
    Script script;
    CHECK(hear({script.records[0], {0xe9, 3, 0}}).error == Errc::too_long);
    CHECK(!hear({script.records[0], {0xe8, 3, 0}}).error);
    // Of a side that has not shown that it has the keys, anything but an empty record.
    CHECK(hear({{17, 0, 0}}).error == Errc::too_long);
    CHECK(hear({{15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}).error == Errc::truncated);
}

TEST_CASE("a long message stays for as long as somebody keeps it, a short one cannot be kept") {
    GcmSealer sealer(keys_of_sender());
    GcmOpener opener(keys_of_receiver());
    feed_gcm(opener, beginning(sealer));
    struct Kept {
        ByteVector text;
        ByteView message;
        std::shared_ptr<const void> keeper;
    };
    std::vector<Kept> kept;
    for (const std::size_t size : {65536u, 5000u, 4096u, 70000u}) {
        ByteVector text(size, static_cast<std::uint8_t>(size % 251));
        feed_gcm(opener, seal(sealer, text));
        const auto message = opener.next();
        REQUIRE(message);
        REQUIRE(*message);
        kept.push_back({std::move(text), **message, opener.keep()});
    }
    feed_gcm(opener, seal(sealer, ByteVector(4095, 1)));
    REQUIRE(*opener.next());
    CHECK(!opener.keep());
    for (const Kept& each : kept) {
        CHECK(each.keeper);
        CHECK(std::ranges::equal(each.message, each.text));
    }
    ByteVector changed = seal(sealer, ByteVector(5000, 1));
    changed.back() ^= 1;
    feed_gcm(opener, changed);
    CHECK(opener.next().error() == Errc::bad_decryption);
}

TEST_CASE("each epoch has its own key, on both sides") {
    GcmSealer sealer(keys_of_sender());
    GcmOpener opener(keys_of_receiver());
    feed_gcm(opener, beginning(sealer));
    CHECK(*opener.opened());
    for (std::uint64_t record = 1; record < 2 * epoch_records + 2; ++record) {
        const std::string text = std::to_string(record);
        const ByteVector sealed = seal(sealer, as_bytes(text));
        feed_gcm(opener, sealed);
        const auto message = opener.next();
        REQUIRE(message);
        REQUIRE(*message);
        REQUIRE(as_text(**message) == text);
        if (record != epoch_records) continue;
        const Hash32 key =
            keyed_blake2b_256(keys_of_sender().tx.view(), as_bytes("kp2p tcp next key"));
        const auto next = aes_gcm_openssl(CipherKey(key.view()));
        ByteVector frame(text.size() + AesGcm::tag_bytes);
        const ByteView plain = as_bytes(text);
        next->seal({0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0}, ByteView(sealed).first(3), {&plain, 1},
                   frame);
        CHECK(to_hex(ByteView(sealed).subspan(3)) == to_hex(frame));
    }
}

}  // namespace
}  // namespace kp2p::proto

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "proto/lookup/channel.hpp"
#include "proto/lookup/lookup.hpp"
#include "proto/transfer/transfer.hpp"

using namespace kp2p;
using namespace kp2p::proto;

namespace {

// The lines "description   hex" of PROTOCOL.md's worked examples.
std::map<std::string, std::string> worked_examples() {
    std::ifstream file(KP2P_VECTORS "/../../proto/PROTOCOL.md");
    REQUIRE(file);
    std::map<std::string, std::string> examples;
    bool in_section = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## 8.")) in_section = true;
        const auto gap = line.find("  ");
        if (!in_section || gap == std::string::npos) continue;
        const auto hex = line.find_first_not_of(' ', gap);
        examples[line.substr(0, gap)] = line.substr(hex);
    }
    return examples;
}

RequestId request() {
    RequestId id;
    for (std::uint8_t i = 0; i < 16; ++i) id.data()[i] = static_cast<std::uint8_t>(0x10 + i);
    return id;
}
const Sha1 abc = *Sha1::from_hex("a9993e364706816aba3e25717850c26c9cd0d89d");
const Sha1Link iv = *Sha1Link::from_hex("67452301efcdab8998badcfe10325476c3d2e1f0");

NodeId sevens() {
    NodeId node;
    for (std::uint8_t& byte : node.mutable_view()) byte = 7;
    return node;
}

struct LookupRow {
    const char* name;
    LookupMessage message;
};
std::vector<LookupRow> lookup_rows() {
    return {
        {"seeking, hops 4", Seeking{request(), abc, 4}},
        {"providing, 3000000 bytes, complete", Providing{request(), abc, 3000000, sevens(), true}},
        {"lacking", Lacking{request()}}};
}

struct TransferRow {
    const char* name;
    TransferMessage message;
};
const ByteVector three{0xaa, 0xbb, 0xcc};
std::vector<TransferRow> transfer_rows() {
    return {
        {"open, id 1", Open{1, abc}},
        {"opened, id 1, 3000000 bytes, complete", Opened{1, 3000000, {}}},
        {"opened, id 1, 3000000 bytes, has chunks 1 and 2", Opened{1, 3000000, ByteVector{0x06}}},
        {"get, id 1, chunk 2", Get{1, 2}},
        {"data, id 1, chunk 0, \"abc\" with link 0",
         Data{1, 0, 0, BlockEncoding::plain, iv, as_bytes("abc")}},
        {"data, id 1, chunk 2, offset 65536, bytes aa bb cc",
         Data{1, 2, 65536, BlockEncoding::plain, {}, three}},
        {"have, id 1, chunk 300", Have{1, 300}},
        {"cancel, id 1, chunk 2", Cancel{1, 2}},
        {"canceled, id 1, chunk 2", Canceled{1, 2}},
        {"refused, id 1, not found", Refused{1, RefusalCode::not_found}},
        {"close, id 1", Close{1}},
        {"preparing, id 1", Preparing{1}},
        {"opened, id 1, 3000000 bytes, complete, the last chunk follows",
         Opened{1, 3000000, {}, false, true}},
        {"want last, id 1", WantLast{1}},
        {"unproven, id 1, chunk 300", Unproven{1, 300}},
        {"opened, id 1, 3000000 bytes, complete, gives files",
         Opened{1, 3000000, {}, false, false, true}},
        {"get files, id 1, \"abc\" twice", GetFiles{1, {abc, abc}}},
        {"file, id 1, the first, \"abc\"",
         WholeFile{1, 0, 3, BlockEncoding::plain, as_bytes("abc")}},
        {"file, id 1, the second, not in this way", WholeFile{1, 1, 0, {}, {}}}};
}

}  // namespace

TEST_CASE("the worked examples of PROTOCOL.md hold for channels") {
    const auto examples = worked_examples();
    auto key = derive_channel_key(*ChannelName::parse("our-lab"));
    REQUIRE(key);
    HandshakeHash h;
    for (std::uint8_t i = 0; i < 64; ++i) h.data()[i] = i;
    CHECK(key->hex() == examples.at("channel_key"));
    CHECK(channel_topic(*key).hex() == examples.at("topic"));
    CHECK(lookup_id(*key, h).hex() == examples.at("lookup_id"));
    CHECK(membership_proof(*key, h, Role::initiator).hex() == examples.at("proof(initiator)"));
    CHECK(membership_proof(*key, h, Role::responder).hex() == examples.at("proof(responder)"));
}

TEST_CASE("lookup messages are the bytes of PROTOCOL.md, both ways") {
    const auto examples = worked_examples();
    for (const LookupRow& row : lookup_rows()) {
        CAPTURE(row.name);
        const Encoded encoded = encode(row.message);
        CHECK(encoded.type == row.message.index());
        CHECK(to_hex(encoded.payload) == examples.at(row.name));
        auto back = decode_lookup(encoded.type, encoded.payload);
        REQUIRE(back);
        CHECK(*back == row.message);
        for (std::size_t cut = 0; cut < encoded.payload.size(); ++cut)
            CHECK(decode_lookup(encoded.type, ByteView(encoded.payload).first(cut)).error() ==
                  proto::Errc::truncated);
    }
    CHECK(decode_lookup(3, {}).error() == proto::Errc::unknown_type);
}

TEST_CASE("transfer messages are the bytes of PROTOCOL.md, both ways") {
    const auto examples = worked_examples();
    for (const TransferRow& row : transfer_rows()) {
        CAPTURE(row.name);
        const Encoded encoded = encode(row.message);
        CHECK(encoded.type == row.message.index());
        CHECK(to_hex(encoded.payload) == examples.at(row.name));
        auto back = decode_transfer(encoded.type, encoded.payload);
        REQUIRE(back);
        CHECK(back->index() == row.message.index());
        CHECK(to_hex(encode(*back).payload) == examples.at(row.name));
        for (std::size_t cut = 0; cut < encoded.payload.size(); ++cut) {
            const auto cut_short =
                decode_transfer(encoded.type, ByteView(encoded.payload).first(cut));
            const bool has_data = encoded.type == data_type ||
                                  (encoded.type == file_type && encoded.payload.size() > 3);
            CHECK(bool(cut_short) == (has_data && cut + 3 > encoded.payload.size()));
        }
    }
    CHECK(decode_transfer(16, {}).error() == proto::Errc::unknown_type);
}

TEST_CASE("transfer messages beyond their limits are refused") {
    struct Row {
        const char* name;
        TransferMessage message;
        proto::Errc error;
    };
    const ByteVector long_block(block_bytes + 1);
    const Row rows[] = {
        {"no bytes", Data{1, 0, 65536, BlockEncoding::plain, {}, {}}, proto::Errc::truncated},
        {"long block", Data{1, 0, 0, BlockEncoding::plain, iv, long_block}, proto::Errc::too_long},
        {"encoding", Data{1, 0, 0, static_cast<BlockEncoding>(2), iv, three},
         proto::Errc::bad_value},
        {"no files", GetFiles{1, {}}, proto::Errc::bad_value},
        {"many files", GetFiles{1, std::vector<Sha1>(max_files_at_once + 1)},
         proto::Errc::too_long},
        {"large file", WholeFile{1, 0, block_bytes + 1, BlockEncoding::plain, three},
         proto::Errc::too_long},
        {"empty file", WholeFile{1, 0, 3, BlockEncoding::plain, {}}, proto::Errc::truncated},
        {"have", Opened{1, 1, ByteVector(max_have_bytes + 1)}, proto::Errc::too_long},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const Encoded encoded = encode(row.message);
        CHECK(decode_transfer(encoded.type, encoded.payload).error() == row.error);
    }
}

TEST_CASE("hops above the most are read as the most") {
    auto back = decode_lookup(0, encode(Seeking{request(), abc, 200}).payload);
    REQUIRE(back);
    CHECK(std::get<Seeking>(*back).hops == max_hops);
}

TEST_CASE("a slice is asked for and comes in so many bytes, and none fewer") {
    const Encoded get = encode(GetSlice{1, 0x10000, 0x4000});
    CHECK(get.type == 10);
    CHECK(to_hex(get.payload) == "01fe00000100fd0040");
    Slice slice;
    slice.id = 1;
    slice.offset = 5;
    slice.bytes = as_bytes(std::string_view("abc"));
    const Encoded whole = encode(slice);
    CHECK(whole.type == slice_type);
    CHECK(to_hex(whole.payload) == "010500" + std::string(40, '0') + "616263");
    for (std::size_t size = 0; size <= 23; ++size)
        CHECK(!decode_transfer(slice_type, ByteView(whole.payload).first(size)));
    const ByteVector opened{1, 1, 3};  // complete, gives slices
    auto decoded = decode_transfer(1, opened);
    REQUIRE(decoded);
    CHECK(std::get<Opened>(*decoded).slices);
}

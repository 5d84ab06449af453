#include "proto/paths/relay_urls.hpp"

#include <doctest/doctest.h>

#include "proto/errc.hpp"

using namespace kp2p;
using namespace kp2p::proto;

TEST_CASE("relays have these bytes, and come back") {
    const std::vector<std::string> urls{"https://a#b", ""};
    const Encoded message = encode_relay_urls(urls);
    CHECK(message.type == 1);
    CHECK(to_hex(message.payload) ==
          "02"
          "0b68747470733a2f2f612362"
          "00");
    CHECK(*decode_relay_urls(1, message.payload) == urls);
    for (std::size_t size = 0; size < message.payload.size(); ++size)
        CHECK(decode_relay_urls(1, ByteView(message.payload).first(size)).error() ==
              kp2p::proto::Errc::truncated);
    ByteVector longer = message.payload;
    longer.push_back(7);
    CHECK(*decode_relay_urls(1, longer) == urls);
    CHECK(decode_relay_urls(0, message.payload).error() == kp2p::proto::Errc::unknown_type);
    CHECK(decode_relay_urls(1, ByteVector{0})->empty());
}

TEST_CASE("there is a limit to relays and to their length") {
    const std::string longest(max_relay_url_bytes, 'x');
    std::vector<std::string> many(max_relay_urls + 1, longest);
    many.front() += 'x';
    CHECK(*decode_relay_urls(1, encode_relay_urls(many).payload) ==
          std::vector<std::string>(max_relay_urls, longest));
    CHECK(decode_relay_urls(1, ByteVector{5, 0, 0, 0, 0, 0}).error() ==
          kp2p::proto::Errc::too_long);
    ByteVector long_url{1, 0xfd, 0x01, 0x02};  // 513 bytes
    long_url.resize(long_url.size() + 513);
    CHECK(decode_relay_urls(1, long_url).error() == kp2p::proto::Errc::too_long);
}

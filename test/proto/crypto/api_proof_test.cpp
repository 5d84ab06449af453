#include "proto/crypto/api_proof.hpp"

#include <doctest/doctest.h>

namespace kp2p::proto {
namespace {

// The expected values were made by Python's hmac module from the grammar in the header.
TEST_CASE("the proofs of the API are HMAC-SHA256 over role, port and both nonces") {
    ApiToken token;
    for (std::size_t i = 0; i < ApiToken::size_bytes; i++)
        token.data()[i] = static_cast<std::uint8_t>(i);
    ApiHello hello;
    hello.port = 20431;
    std::fill_n(hello.client.data(), ApiNonce::size_bytes, 0x11);
    std::fill_n(hello.server.data(), ApiNonce::size_bytes, 0x22);
    CHECK(server_proof(token, hello).hex() ==
          "b48489cd7dd03ec9ec7bc8a92bd945978d0f02f59a120c3130f2e9bdecff9031");
    CHECK(client_proof(token, hello).hex() ==
          "472bdfc3084758b0f4a1c4ea62952eb82a1af3c9bbaa251e807e55e36d6c29a4");
    hello.port = 20432;
    CHECK(server_proof(token, hello).hex() ==
          "5836478d40ecb7360308cd75c50f9ee988076f464b3b74a9c54529dbc9397206");
    CHECK(client_proof(token, hello).hex() ==
          "a395087f464439b047087eaaf27fd89b4ab663eb7ed81fbb2bf1b1f457eaf5bc");
    CHECK(same_proof(client_proof(token, hello), client_proof(token, hello)));
    CHECK_FALSE(same_proof(client_proof(token, hello), server_proof(token, hello)));
}

}  // namespace
}  // namespace kp2p::proto

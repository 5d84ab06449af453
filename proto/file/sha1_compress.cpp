// OpenSSL 3 deprecates SHA1_*; this asks for the interface of 1.1, which has it. It is the only one
// that gives and takes the state.
#define OPENSSL_API_COMPAT 0x10100000L

#include "proto/file/sha1_compress.hpp"

#include <openssl/sha.h>

#include <vector>

namespace kp2p::proto {
namespace {

void openssl_one(Sha1State& state, const std::uint8_t* blocks, std::size_t count) {
    SHA_CTX context;
    SHA1_Init(&context);
    SHA_LONG* const words[] = {&context.h0, &context.h1, &context.h2, &context.h3, &context.h4};
    for (std::size_t i = 0; i < state.size(); ++i) *words[i] = state[i];
    SHA1_Update(&context, blocks, count * sha1_block_bytes);
    for (std::size_t i = 0; i < state.size(); ++i) state[i] = *words[i];
}

void openssl_two(Sha1State& a, const std::uint8_t* blocks_a, Sha1State& b,
                 const std::uint8_t* blocks_b, std::size_t count) {
    openssl_one(a, blocks_a, count);
    openssl_one(b, blocks_b, count);
}

void openssl_three(Sha1State& a, Sha1State& b, Sha1State& c, const std::uint8_t* blocks,
                   std::size_t count) {
    for (Sha1State* state : {&a, &b, &c}) openssl_one(*state, blocks, count);
}

}  // namespace

std::span<const Sha1Compressor> sha1_compressors() {
    static const std::vector<Sha1Compressor> all = [] {
        std::vector<Sha1Compressor> found;
        for (const auto* own : {sha1_compressor_x86(), sha1_compressor_arm()})
            if (own) found.push_back(*own);
        found.push_back({"OpenSSL", openssl_one, openssl_two, openssl_three});
        return found;
    }();
    return all;
}

}  // namespace kp2p::proto

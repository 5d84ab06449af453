// OpenSSL 3 deprecates SHA1_*; this asks for the interface of 1.1, which has it.
#define OPENSSL_API_COMPAT 0x10100000L

#include "proto/file/sha1.hpp"

#include <openssl/sha.h>

#include <cassert>
#include <cstring>

namespace kp2p::proto {
namespace {

using State = std::array<std::uint32_t, 24>;
static_assert(sizeof(SHA_CTX) == sizeof(State));

SHA_CTX load(const State& from) {
    SHA_CTX context;
    std::memcpy(&context, from.data(), sizeof context);
    return context;
}

void save(const SHA_CTX& context, State& to) { std::memcpy(to.data(), &context, sizeof context); }

std::uint32_t word_at(const std::uint8_t* at) {
    return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
           at[3];
}

}  // namespace

Sha1Hasher::Sha1Hasher() {
    SHA_CTX context;
    SHA1_Init(&context);
    save(context, state_);
}

Sha1Hasher::Sha1Hasher(const Sha1Link& link, std::uint64_t done_bytes) {
    assert(done_bytes % SHA_CBLOCK == 0);
    SHA_CTX context;
    SHA1_Init(&context);
    SHA_LONG* const words[] = {&context.h0, &context.h1, &context.h2, &context.h3, &context.h4};
    for (std::size_t i = 0; i < 5; ++i) *words[i] = word_at(link.data() + 4 * i);
    const std::uint64_t done_bits = done_bytes * 8;
    context.Nl = static_cast<SHA_LONG>(done_bits);
    context.Nh = static_cast<SHA_LONG>(done_bits >> 32);
    save(context, state_);
}

void Sha1Hasher::update(ByteView bytes) {
    SHA_CTX context = load(state_);
    SHA1_Update(&context, bytes.data(), bytes.size());
    save(context, state_);
}

Sha1Link Sha1Hasher::link() const {
    const SHA_CTX context = load(state_);
    assert(context.num == 0);
    Sha1Link link;
    const SHA_LONG words[] = {context.h0, context.h1, context.h2, context.h3, context.h4};
    for (std::size_t i = 0; i < Sha1Link::size_bytes; ++i)
        link.data()[i] = static_cast<std::uint8_t>(words[i / 4] >> (24 - 8 * (i % 4)));
    return link;
}

Sha1 Sha1Hasher::finish() {
    SHA_CTX context = load(state_);
    Sha1 sha1;
    SHA1_Final(sha1.data(), &context);
    return sha1;
}

Sha1 sha1_of(ByteView bytes) {
    Sha1Hasher hasher;
    hasher.update(bytes);
    return hasher.finish();
}

}  // namespace kp2p::proto

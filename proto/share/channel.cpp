#include "proto/share/channel.hpp"

#include <sodium.h>

#include "proto/crypto/hash.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// The length of the UTF-8 sequence that `text` begins with; 0 if it begins with none, or with a
// control character.
std::size_t character_bytes(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return lead < 0x20 || lead == 0x7f ? 0 : 1;
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const unsigned second = byte(1);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;
    if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
    if (lead == 0xc2 && second < 0xa0) return 0;  // C1 control characters
    return length;
}

}  // namespace

Result<ChannelName> ChannelName::parse(std::string_view text) {
    if (text.empty() || text.size() > max_bytes) return Errc::usage;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t length = character_bytes(rest);
        if (length == 0) return Errc::usage;
        rest.remove_prefix(length);
    }
    return ChannelName(text);
}

}  // namespace kp2p

namespace kp2p::proto {
namespace {

constexpr char salt[] = "kp2p channel key";
static_assert(sizeof salt - 1 == crypto_pwhash_SALTBYTES);

}  // namespace

Result<ChannelKey> derive_channel_key(const kp2p::ChannelName& name) {
    ChannelKey key;
    const int failed = crypto_pwhash(
        key.data(), ChannelKey::size_bytes, name.text().data(), name.text().size(),
        reinterpret_cast<const unsigned char*>(salt), crypto_pwhash_OPSLIMIT_INTERACTIVE,
        crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
    if (failed) return std::make_error_code(std::errc::not_enough_memory);
    return key;
}

Topic channel_topic(const ChannelKey& key) {
    return Topic(keyed_blake2b_256(key.view(), as_bytes("kp2p topic")).view());
}

LookupId lookup_id(const ChannelKey& key, const HandshakeHash& handshake) {
    return LookupId(
        keyed_blake2b_256(key.view(), as_bytes("kp2p lookup"), handshake.view()).view());
}

MembershipProof membership_proof(const ChannelKey& key, const HandshakeHash& handshake, Role role) {
    const std::uint8_t side = role == Role::initiator ? 0 : 1;
    const Hash32 proof = keyed_blake2b_256(key.view(), as_bytes("kp2p member"), handshake.view(),
                                           ByteView(&side, 1));
    return MembershipProof(proof.view());
}

bool proves_membership(const MembershipProof& expected, ByteView shown) {
    return shown.size() == MembershipProof::size_bytes &&
           sodium_memcmp(expected.data(), shown.data(), shown.size()) == 0;
}

}  // namespace kp2p::proto

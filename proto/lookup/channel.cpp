#include "proto/lookup/channel.hpp"

#include <sodium.h>

#include "proto/crypto/hash.hpp"
#include "proto/outcome.hpp"
#include "proto/text.hpp"
#include "proto/utf8.hpp"

namespace kp2p {
namespace {

bool is_control(char32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

}  // namespace

Result<ChannelName> ChannelName::parse(std::string_view text) {
    text = proto::without_blanks_around(text);
    if (text.empty() || text.size() > max_bytes) return Errc::usage;
    if (text.find(invitation_scheme) != text.npos) return Errc::usage;
    for (std::string_view rest = text; !rest.empty();) {
        const auto code = proto::take_code_point(rest);
        if (!code || is_control(*code)) return Errc::usage;
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

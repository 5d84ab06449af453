#include "proto/crypto/noise.hpp"

#include <sodium/utils.h>

#include <cassert>

namespace kp2p::proto {
namespace {

constexpr std::size_t max_message_bytes = 65535;
constexpr std::size_t key_bytes = NodeId::size_bytes;

// Messages as letters: e and s send a key; the others mix a Diffie-Hellman in: E is ee, S is ss,
// i is es (initiator's ephemeral with responder's static), r is se.
struct Pattern {
    std::string_view name;
    std::array<std::string_view, 3> messages;
    bool knows_responder;
};
constexpr std::array<Pattern, 4> patterns{
    Pattern{"Noise_NN_Ed25519_ChaChaPoly_BLAKE2b", {"e", "eE", ""}, false},
    Pattern{"Noise_XX_Ed25519_ChaChaPoly_BLAKE2b", {"e", "eEsi", "sr"}, false},
    Pattern{"Noise_XK_Ed25519_ChaChaPoly_BLAKE2b", {"ei", "eE", "sr"}, true},
    Pattern{"Noise_IK_Ed25519_ChaChaPoly_BLAKE2b", {"eisS", "eEr", ""}, true},
};

const Pattern& of(NoisePattern pattern) { return patterns[static_cast<std::size_t>(pattern)]; }

}  // namespace

Noise::Noise(const NoiseOptions& options)
    : pattern_(options.pattern),
      role_(options.role),
      local_(options.local),
      ephemeral_(options.ephemeral),
      remote_(options.remote),
      state_(of(options.pattern).name, options.prologue) {
    if (!of(pattern_).knows_responder) return;
    assert(role_ == Role::responder || remote_);
    const NodeId& responder = role_ == Role::initiator ? *remote_ : local_.public_key();
    state_.mix_hash(responder.view());
}

std::string_view Noise::next_message() const {
    const auto& messages = of(pattern_).messages;
    return messages_ < messages.size() ? messages[messages_] : std::string_view();
}

bool Noise::done() const { return next_message().empty(); }

bool Noise::may(Role sender) const {
    return !done() && (messages_ % 2 == 0) == (sender == Role::initiator);
}

Result<void> Noise::mix_secret(char token) {
    const bool initiator = role_ == Role::initiator;
    const bool own_static = token == 'S' || token == (initiator ? 'r' : 'i');
    const bool remote_static = token == 'S' || token == (initiator ? 'i' : 'r');
    const auto& remote = remote_static ? remote_ : remote_ephemeral_;
    assert(remote);
    auto secret = (own_static ? local_ : ephemeral_).shared_secret(*remote);
    if (!secret) return secret.error();
    state_.mix_key(secret->view());
    sodium_memzero(secret->data(), secret->view().size());
    return ok;
}

Result<ByteVector> Noise::write(ByteView payload) {
    if (!may(role_)) return Errc::bad_state;
    if (payload.size() > max_message_bytes - 3 * key_bytes) return Errc::too_long;
    ByteVector message;
    for (const char token : next_message()) {
        if (token == 'e') {
            const auto key = ephemeral_.public_key().view();
            message.insert(message.end(), key.begin(), key.end());
            state_.mix_hash(key);
        } else if (token == 's') {
            state_.encrypt_and_hash(local_.public_key().view(), message);
        } else if (auto mixed = mix_secret(token); !mixed) {
            return mixed.error();
        }
    }
    state_.encrypt_and_hash(payload, message);
    messages_++;
    return message;
}

Result<NodeId> Noise::take_key(ByteView& rest) {
    const std::size_t size = key_bytes + state_.tag_bytes();
    if (rest.size() < size) return Errc::truncated;
    auto plain = state_.decrypt_and_hash(rest.first(size));
    if (!plain) return plain.error();
    rest = rest.subspan(size);
    return NodeId::from(*plain);
}

Result<ByteVector> Noise::parse(ByteView rest) {
    for (const char token : next_message()) {
        if (token == 'e') {
            if (rest.size() < key_bytes) return Errc::truncated;
            remote_ephemeral_ = NodeId(rest.first<key_bytes>());
            state_.mix_hash(remote_ephemeral_->view());
            rest = rest.subspan(key_bytes);
        } else if (token == 's') {
            auto key = take_key(rest);
            if (!key) return key.error();
            remote_ = *key;
        } else if (auto mixed = mix_secret(token); !mixed) {
            return mixed.error();
        }
    }
    messages_++;
    return state_.decrypt_and_hash(rest);
}

Result<ByteVector> Noise::read(ByteView message) {
    if (!may(role_ == Role::initiator ? Role::responder : Role::initiator)) return Errc::bad_state;
    if (message.size() > max_message_bytes) return Errc::too_long;
    Noise copy = *this;
    auto payload = copy.parse(message);
    if (payload) *this = std::move(copy);
    return payload;
}

NoiseKeys Noise::keys() const {
    assert(done());
    HkdfPair pair = state_.split();
    const CipherKey first(pair.first.view().first<32>()), second(pair.second.view().first<32>());
    sodium_memzero(&pair, sizeof pair);
    const bool initiator = role_ == Role::initiator;
    return {.tx = initiator ? first : second,
            .rx = initiator ? second : first,
            .hash = HandshakeHash(state_.hash().view()),
            .remote = remote_.value_or(NodeId()),
            .role = role_};
}

Hash32 holepunch_secret(const HandshakeHash& hash) {
    return keyed_blake2b_256(hash.view(), dht_namespace_of(dht_namespace::peer_holepunch).view());
}

}  // namespace kp2p::proto

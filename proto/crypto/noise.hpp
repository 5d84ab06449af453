// Noise: one side of a Noise handshake on Ed25519 keys; HyperDHT uses pattern IK.
// Shape: the initiator writes first, then each side reads and writes in turn until done(); then
// keys(). write() and read() out of turn are Errc::bad_state. A read that fails leaves the
// handshake as it was, so that a forged message cannot spoil it for the true one.
// Messages are at most 65535 bytes. The patterns' tokens:
//   nn  e / e ee             xx  e / e ee s es / s se
//   xk  <- s; e es / e ee / s se      ik  <- s; e es s ss / e ee se
// Source: the Noise Protocol Framework; npm noise-handshake 4.2.0, noise-curve-ed 2.1.0.
#pragma once

#include "proto/crypto/hash.hpp"
#include "proto/crypto/key_pair.hpp"
#include "proto/crypto/noise_state.hpp"

namespace kp2p::proto {

enum class Role { initiator, responder };  // of a connection: who began it
enum class NoisePattern { nn, xx, xk, ik };

// What a handshake yields, and a secret stream needs.
struct NoiseKeys {
    CipherKey tx, rx;
    HandshakeHash hash;  // equal on both sides and unique to the connection
    NodeId remote;       // proven, save in pattern nn
    Role role;
};

// The key under which HyperDHT encrypts its hole punching.
Hash32 holepunch_secret(const HandshakeHash& hash);

struct NoiseOptions {
    NoisePattern pattern = NoisePattern::ik;
    Role role;
    KeyPair local;                 // our static identity
    KeyPair ephemeral;             // from a fresh random seed, used for this handshake alone
    ByteView prologue;             // must be the same on both sides
    std::optional<NodeId> remote;  // an initiator of xk and ik knows whom it talks to
};

class Noise {
  public:
    explicit Noise(const NoiseOptions& options);

    Result<ByteVector> write(ByteView payload);
    Result<ByteVector> read(ByteView message);  // the payload
    bool done() const;
    // The other's static key: from the start, or as soon as a message brought it.
    const std::optional<NodeId>& remote() const { return remote_; }
    NoiseKeys keys() const;  // only when done()
    const SymmetricState& state() const { return state_; }

  private:
    std::string_view next_message() const;
    bool may(Role sender) const;
    Result<ByteVector> parse(ByteView message);
    Result<void> mix_secret(char token);
    Result<NodeId> take_key(ByteView& rest);

    NoisePattern pattern_;
    Role role_;
    KeyPair local_, ephemeral_;
    std::optional<NodeId> remote_, remote_ephemeral_;
    SymmetricState state_;
    std::size_t messages_ = 0;  // written and read so far
};

}  // namespace kp2p::proto

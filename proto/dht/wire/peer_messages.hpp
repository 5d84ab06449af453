// Values of the commands that let two peers meet, and what travels inside them.
// Source: npm hyperdht 6.34.0 (lib/messages.js).
//   handshake := flags mode:uint noise:buffer [peer:addr4 if 1] [relay:addr4 if 2]
//   holepunch := flags mode:uint id:uint payload:buffer [peer:addr4 if 1]
// The same flags and small numbers are written in one byte: none may reach 0xfd.
#pragma once

#include <optional>
#include <vector>

#include "proto/dht/wire/id.hpp"

namespace kp2p::proto::dht {

enum class Mode : std::uint64_t {
    from_client = 0,
    from_server = 1,
    from_relay = 2,
    from_second_relay = 3,
    reply = 4,
};

struct PeerHandshake {
    Mode mode = Mode::from_client;
    ByteVector noise;              // one whole Noise message
    std::optional<Endpoint> peer;  // the client's address; in a reply the server's
    std::optional<Endpoint> relay;

    friend bool operator==(const PeerHandshake&, const PeerHandshake&) = default;
    ByteVector encode() const;
    static Result<PeerHandshake> decode(ByteView bytes);
};

struct PeerHolepunch {
    Mode mode = Mode::from_client;
    std::uint64_t id = 0;  // the handshake's slot at the server
    ByteVector payload;    // a sealed HolepunchPayload
    std::optional<Endpoint> peer;

    friend bool operator==(const PeerHolepunch&, const PeerHolepunch&) = default;
    ByteVector encode() const;
    static Result<PeerHolepunch> decode(ByteView bytes);
};

enum class PeerError : std::uint64_t { none = 0, aborted = 1, version_mismatch = 2, try_later = 3 };
enum class Firewall : std::uint64_t { unknown = 0, open = 1, consistent = 2, random = 3 };

// Payload of both Noise messages:
//   version:uint(1) flags error:uint firewall:uint
//   [id:uint array<{relay:addr4 peer:addr4}> if 1] [array<addr4> if 2] [array<addr6> if 4]
//   [version:uint(1) features:uint id:uint seq:uint if 8] [version:uint(1) if 16]
//   [version:uint(1) flags:uint(0) key:32 token:32 if 32] [array<addr4> if 64]
// Of another version nothing but the version is read.
struct NoisePayload {
    struct Relay {
        Endpoint relay, peer;  // a DHT node; the server as that node sees it
        friend bool operator==(const Relay&, const Relay&) = default;
    };
    struct Holepunch {
        std::uint64_t id = 0;
        std::vector<Relay> relays;
        friend bool operator==(const Holepunch&, const Holepunch&) = default;
    };
    struct Udx {
        std::uint64_t version = 1;
        bool reusable_socket = false;  // feature 1
        std::uint64_t id = 0;
        std::uint64_t seq = 0;
        // Feature 64, which only kp2p knows: UDX packets larger than the reference sends are
        // taken.
        bool large_datagrams = false;
        friend bool operator==(const Udx&, const Udx&) = default;
    };
    struct RelayThrough {
        std::uint64_t version = 1;
        NodeId key;
        Token token;
        friend bool operator==(const RelayThrough&, const RelayThrough&) = default;
    };

    std::uint64_t version = 1;
    PeerError error = PeerError::none;
    Firewall firewall = Firewall::unknown;
    std::optional<Holepunch> holepunch;
    std::vector<Endpoint> addresses4;
    std::vector<Endpoint> addresses6;
    std::optional<Udx> udx;
    std::optional<std::uint64_t> secret_stream_version;
    std::optional<RelayThrough> relay_through;
    std::optional<std::vector<Endpoint>> relay_addresses;

    friend bool operator==(const NoisePayload&, const NoisePayload&) = default;
    ByteVector encode() const;
    static Result<NoisePayload> decode(ByteView bytes);
};

// What the two sides of a hole punch tell each other:
//   flags error:uint firewall:uint round:uint [array<addr4> if 4] [addr4 if 8] [32 if 16] [32 if
//   32]
// Flags 1 and 2 are `connected` and `punching`.
struct HolepunchPayload {
    PeerError error = PeerError::none;
    Firewall firewall = Firewall::unknown;
    std::uint64_t round = 0;
    bool connected = false;
    bool punching = false;
    std::optional<std::vector<Endpoint>> addresses;
    std::optional<Endpoint> remote_address;
    std::optional<Token> token;
    std::optional<Token> remote_token;  // echo of the token that the other side sent

    friend bool operator==(const HolepunchPayload&, const HolepunchPayload&) = default;
    ByteVector encode() const;
    static Result<HolepunchPayload> decode(ByteView bytes);
};

}  // namespace kp2p::proto::dht

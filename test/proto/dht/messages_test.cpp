#include "proto/dht/wire/messages.hpp"

#include <map>

#include "proto/crypto/hash.hpp"
#include "proto/crypto/noise.hpp"
#include "proto/dht/wire/address.hpp"
#include "proto/dht/wire/peer_messages.hpp"
#include "proto/dht/wire/secure_payload.hpp"
#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace kp2p::test;

namespace {

PeerRecord peer(Json v) { return {id<NodeId>(v, "publicKey"), endpoints(v, "relayAddresses")}; }

void read(Json v, PeerRecord& message) { message = peer(v); }

void read(Json v, PeerHandshake& message) {
    message = {Mode(number(v, "mode")), hex(v, "noise"), maybe_endpoint(v, "peerAddress"),
               maybe_endpoint(v, "relayAddress")};
}

void read(Json v, PeerHolepunch& message) {
    message = {Mode(number(v, "mode")), number(v, "id"), hex(v, "payload"),
               maybe_endpoint(v, "peerAddress")};
}

void read(Json v, Announce& message) {
    if (!is_null(v, "peer")) message.peer = peer(v["peer"]);
    message.refresh = maybe_id<Refresh>(v, "refresh");
    message.signature = maybe_id<proto::Signature>(v, "signature");
    message.bump = number_or_0(v, "bump");
}

void read(Json v, LookupReply& message) {
    for (Json p : array_of(v["peers"]))
        message.peers.push_back(p.is_string() ? *PeerRecord::decode(hex(p)) : peer(p));
    message.bump = number(v, "bump");
}

void read(Json v, MutablePut& message) {
    message = {id<NodeId>(v, "publicKey"), number(v, "seq"), hex(v, "value"),
               id<proto::Signature>(v, "signature")};
}

void read(Json v, MutableReply& message) {
    message = {number(v, "seq"), hex(v, "value"), id<proto::Signature>(v, "signature")};
}

void read(Json v, PluginRequest& message) {
    message = {text(v, "plugin"), number(v, "version"), number(v, "command"),
               maybe_hex(v, "value")};
}

void read(Json v, NoisePayload& message) {
    message.version = is_null(v, "version") ? 1 : number(v, "version");
    message.error = PeerError(number(v, "error"));
    message.firewall = Firewall(number(v, "firewall"));
    if (!is_null(v, "holepunch")) {
        message.holepunch =
            NoisePayload::Holepunch{.id = number(v["holepunch"], "id"), .relays = {}};
        for (Json relay : array_of(v["holepunch"]["relays"]))
            message.holepunch->relays.push_back(
                {endpoint(relay, "relayAddress"), endpoint(relay, "peerAddress")});
    }
    message.addresses4 = endpoints(v, "addresses4");
    if (!is_null(v, "addresses6"))
        for (Json address : array_of(v["addresses6"]))
            message.addresses6.push_back(endpoint(address));
    if (!is_null(v, "udx")) {
        Json udx = v["udx"];
        message.udx = {1, flag(udx, "reusableSocket"), number(udx, "id"), number(udx, "seq")};
    }
    if (!is_null(v, "secretStream")) message.secret_stream_version = 1;
    if (!is_null(v, "relayThrough")) {
        Json relay = v["relayThrough"];
        message.relay_through = {1, id<NodeId>(relay, "publicKey"), id<Token>(relay, "token")};
    }
    if (!is_null(v, "relayAddresses")) message.relay_addresses = endpoints(v, "relayAddresses");
}

void read(Json v, HolepunchPayload& message) {
    message.error = PeerError(number(v, "error"));
    message.firewall = Firewall(number(v, "firewall"));
    message.round = number(v, "round");
    message.connected = flag(v, "connected");
    message.punching = flag(v, "punching");
    if (!is_null(v, "addresses")) message.addresses = endpoints(v, "addresses");
    message.remote_address = maybe_endpoint(v, "remoteAddress");
    message.token = maybe_id<Token>(v, "token");
    message.remote_token = maybe_id<Token>(v, "remoteToken");
}

template <class Message>
void check(Json v) {
    Json in = v["inputs"], expected = v["expected"];
    const bool decode_only = !is_null(v, "decode_only");
    const ByteVector bytes = decode_only ? hex(in, "hex") : hex(expected, "hex");
    Message decoded_as;
    read(expected["decoded"], decoded_as);
    const auto decoded = Message::decode(bytes);
    REQUIRE(decoded);
    CHECK(*decoded == decoded_as);
    if (decode_only) return;
    Message message;
    read(in["value"], message);
    CHECK(to_hex(message.encode()) == to_hex(bytes));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
        if (const auto shorter = Message::decode(ByteView(bytes).first(cut)))
            CHECK(!(*shorter == decoded_as && cut + 1 < bytes.size()));
}

void check_mutable_signable(Json v) {
    Json in = v["inputs"]["value"];
    CHECK(to_hex(encode_mutable_signable(number(in, "seq"), hex(in, "value"))) ==
          to_hex(hex(v["expected"], "hex")));
}

}  // namespace

TEST_CASE("payloads have the reference's bytes in both directions") {
    const std::map<std::string, void (*)(Json)> checks = {
        {"peer", check<PeerRecord>},
        {"announce", check<Announce>},
        {"lookup_reply", check<LookupReply>},
        {"mutable_put", check<MutablePut>},
        {"mutable_get_reply", check<MutableReply>},
        {"mutable_signable", check_mutable_signable},
        {"peer_handshake", check<PeerHandshake>},
        {"peer_holepunch", check<PeerHolepunch>},
        {"noise_payload", check<NoisePayload>},
        {"holepunch_payload", check<HolepunchPayload>},
        {"plugin_request", check<PluginRequest>},
    };
    for (Json v : rows("structs")) {
        CAPTURE(name(v));
        const auto found = checks.find(text(v["inputs"], "struct"));
        REQUIRE(found != checks.end());
        found->second(v);
    }
}

TEST_CASE("hole punch payloads open and seal as the reference's") {
    for (Json v : rows("secure_payload")) {
        CAPTURE(name(v));
        Json in = v["inputs"];
        const auto key = id<HolepunchSecret>(in, "key");
        if (is_null(v["expected"], "hex")) {
            CHECK(!open(key, hex(in, "hex")));
            continue;
        }
        ByteVector sealed = hex(v["expected"], "hex");
        HolepunchPayload expected;
        read(v["expected"]["decoded"], expected);
        const auto opened = open(key, sealed);
        REQUIRE(opened);
        CHECK(*opened == expected);
        CHECK(to_hex(opened->encode()) == text(in, "plaintext"));
        CHECK(to_hex(seal(key, id<SecretboxNonce>(in, "nonce"), expected)) == to_hex(sealed));
        sealed.back() ^= 1;
        CHECK(open(key, sealed).error() == proto::Errc::bad_decryption);
        for (std::size_t cut = 0; cut < sealed.size(); ++cut)
            CHECK(!open(key, ByteView(sealed).first(cut)));
    }
}

TEST_CASE("what the transcripts seal opens to what they say") {
    std::size_t count = 0;
    for (Json transcript : rows("transcripts")) {
        CAPTURE(name(transcript));
        if (is_null(transcript, "session") || is_null(transcript["session"], "holepunchSecret"))
            continue;
        const auto key = id<HolepunchSecret>(transcript["session"], "holepunchSecret");
        for (Json sealed : array_of(transcript["sealed"])) {
            if (text(sealed, "kind") == "noise") continue;
            HolepunchPayload expected;
            read(sealed["struct"], expected);
            const auto opened = open(key, hex(sealed, "cipher"));
            REQUIRE(opened);
            CHECK(*opened == expected);
            ++count;
        }
    }
    CHECK(count > 4);
}

TEST_CASE("the handshakes of the transcripts come from their seeds") {
    using namespace kp2p::proto;
    const auto vectors = rows("transcripts");
    for (Json transcript : vectors) {
        CAPTURE(name(transcript));
        const auto pair = [&](const char* which) {
            return KeyPair::from_seed(id<Seed>(transcript["seeds"], which));
        };
        const KeyPair server = pair("server_static");
        const ByteView prologue = dht_namespace_of(dht_namespace::peer_handshake).view();
        Noise sides[] = {Noise({.role = Role::initiator,
                                .local = pair("client_static"),
                                .ephemeral = pair("client_ephemeral"),
                                .prologue = prologue,
                                .remote = server.public_key()}),
                         Noise({.role = Role::responder,
                                .local = server,
                                .ephemeral = pair("server_ephemeral"),
                                .prologue = prologue,
                                .remote = std::nullopt})};
        std::size_t from = 0;
        for (Json sealed : array_of(transcript["sealed"])) {
            if (text(sealed, "kind") != "noise") continue;
            REQUIRE(from < 2);
            NoisePayload payload;
            read(sealed["struct"], payload);
            const auto message = sides[from].write(payload.encode());
            REQUIRE(message);
            CHECK(to_hex(*message) == text(sealed, "cipher"));
            const auto plain = sides[1 - from++].read(*message);
            REQUIRE(plain);
            const auto decoded = NoisePayload::decode(*plain);
            REQUIRE(decoded);
            CHECK(*decoded == payload);
        }
        REQUIRE(sides[0].done());
        CHECK(sides[0].keys().hash.hex() == text(transcript["session"], "hash"));
    }
    CHECK(vectors.size() == 5);
}

TEST_CASE("address tokens are the reference's") {
    for (Json v : rows("address_tokens")) {
        Json in = v["inputs"];
        const Endpoint host = *Endpoint::parse(text(in, "host") + ":1");
        CHECK(address_token(id<AddressSecret>(in, "local_secret"), host) ==
              id<Token>(v["expected"], "token"));
    }
}

TEST_CASE("address blobs are the reference's") {
    for (Json v : rows("hyperdht_address")) {
        CAPTURE(name(v));
        const bool decode_only = !is_null(v, "decode_only");
        Json value = decode_only ? v["expected"] : v["inputs"];
        HyperdhtAddress address;
        address.key = id<NodeId>(value, "key");
        if (!is_null(value, "nodes")) address.relays = endpoints(value, "nodes");
        const ByteVector bytes = hex(decode_only ? v["inputs"] : v["expected"], "hex");
        const auto decoded = HyperdhtAddress::decode(bytes);
        REQUIRE(decoded);
        CHECK(*decoded == address);
        if (!decode_only) CHECK(to_hex(address.encode()) == to_hex(bytes));
    }
}

TEST_CASE("IPv6 addresses have the reference's bytes in both directions") {
    std::size_t count = 0;
    for (Json v : rows("compact_encoding")) {
        CAPTURE(name(v));
        const std::string type = text(v["inputs"], "type");
        std::string expected = text(v["expected"], "hex");
        NoisePayload message;
        if (type == "ipv6_address") {
            message.addresses6.push_back(endpoint(v["inputs"]["value"]));
            expected.insert(0, "01");
        } else if (type == "array<ipv6_address>") {
            for (Json item : array_of(v["inputs"]["value"]))
                message.addresses6.push_back(endpoint(item));
        } else {
            continue;
        }
        ++count;
        const ByteVector bytes = message.encode();
        CHECK(to_hex(bytes).ends_with(expected));  // nothing follows them
        auto decoded = NoisePayload::decode(bytes);
        REQUIRE(decoded);
        CHECK(*decoded == message);
    }
    CHECK(count == 4);
}

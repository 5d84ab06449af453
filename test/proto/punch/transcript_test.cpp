// Replays hole punches that the reference recorded: our client against its server, and our server
// against its client.
#include "proto/punch/client.hpp"
#include "proto/punch/server.hpp"
#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace kp2p::proto::punch;
using proto::dht::HolepunchPayload;

namespace {

constexpr Time recorded = Time(std::chrono::hours(1));
const proto::dht::AddressSecret own_secret;

struct Transcript {
    std::vector<HolepunchPayload> said;  // client and server in turn
    Endpoint client, server, server_default, relay;
    std::vector<proto::dht::NatClassifier::Sample> client_samples, server_samples;
};

// The address of an actor whose name ends so.
Endpoint actor(Json v, std::string_view end) {
    const auto actors = v["actors"].get_object().value();
    for (auto field : actors) {
        if (std::string_view(field.value.get_string().value()).find(end) == std::string::npos)
            continue;
        return *Endpoint::parse(field.key);
    }
    return {};
}

Transcript transcript(Json v) {
    Transcript t;
    const auto key = id<proto::dht::HolepunchSecret>(v["session"].value(), "holepunchSecret");
    for (Json sealed : array_of(v["sealed"])) {
        if (text(sealed, "kind") != "holepunch") continue;
        auto payload = proto::dht::open(key, hex(sealed, "cipher"));
        REQUIRE(payload);
        t.said.push_back(std::move(*payload));
    }
    t.client = actor(v, "C.pool");
    t.server = actor(v, "S.pool");
    t.server_default = actor(v, "S.client");
    t.relay = actor(v, "N1.server");
    for (Json datagram : array_of(v["datagrams"])) {
        if (text(datagram, "kind") != "reply") continue;
        const Endpoint from = endpoint(datagram, "from"), to = endpoint(datagram, "to");
        auto reply = proto::dht::decode_rpc(hex(datagram, "hex"));
        REQUIRE(reply);
        const Endpoint seen = std::get<proto::dht::Reply>(*reply).to;
        if (to == t.client) t.client_samples.push_back({seen, from});
        if (to == t.server) t.server_samples.push_back({seen, from});
    }
    return t;
}

// Tokens are made of secrets that the recording does not have.
HolepunchPayload without_tokens(HolepunchPayload payload) {
    payload.token.reset();
    payload.remote_token.reset();
    return payload;
}

template <class Action, class Machine>
Action next(Machine& machine) {
    auto action = machine.next_action();
    REQUIRE(action);
    const Action* wanted = std::get_if<Action>(&*action);
    REQUIRE(wanted);
    return *wanted;
}

void replay_client(const Transcript& t) {
    Budget budget(recorded);
    Client client(recorded, {.budget = budget,
                             .secret = own_secret,
                             .server = t.server,
                             .relay = t.relay,
                             .said_relay = {t.relay, t.server_default}});
    CHECK(next<Probe>(client) == Probe{0, t.server, Probe::Range::near});
    auto asks = next<ClientAsks>(client);
    CHECK(asks.relay == t.relay);
    CHECK(asks.peer == t.server_default);
    HolepunchPayload first = t.said[0];
    first.remote_address = t.server;  // one was recorded without
    CHECK(asks.payload == first);
    CHECK(next<Admit>(client).from == t.server);  // the reference does not
    client.replied(recorded, {t.said[1], t.server, t.client});
    CHECK(!client.next_action());  // it looks at its own NAT
    for (const auto& sample : t.client_samples) client.sampled(recorded, sample);
    asks = next<ClientAsks>(client);
    CHECK(asks.relay == t.relay);
    CHECK(asks.peer == t.server);
    CHECK(asks.payload.remote_token == t.said[1].token);
    if (t.said.size() < 4) return;
    CHECK(without_tokens(asks.payload) == without_tokens(t.said[2]));
    HolepunchPayload echo = t.said[3];
    echo.remote_token = asks.payload.token;
    client.replied(recorded, {echo, t.server, t.client});
    CHECK(next<Probe>(client) == Probe{0, t.server, Probe::Range::far});
    client.probed(recorded, 0, *Endpoint::parse("9.9.9.9:9"));
    CHECK(!client.next_action());  // a stranger's
    client.probed(recorded, 0, t.server);
    CHECK(next<Found>(client).remote == t.server);
}

void replay_server(const Transcript& t) {
    Budget budget(recorded);
    Server server(recorded, {.budget = budget, .secret = own_secret});
    server.received(recorded, {.ticket = 7,
                               .payload = t.said[0],
                               .client = t.client,
                               .relay = t.relay,
                               .ours = true,
                               .to = t.server_default});
    CHECK(!server.next_action());
    for (const auto& sample : t.server_samples) server.sampled(recorded, sample);
    if (t.said[0].remote_address)
        CHECK(next<Probe>(server) == Probe{0, t.client, Probe::Range::far});
    auto answers = next<ServerAnswers>(server);
    CHECK(answers.ticket == 7);
    CHECK(answers.from == ServerAnswers::From::punching_socket);
    CHECK(without_tokens(answers.payload) == without_tokens(t.said[1]));
    CHECK(answers.payload.token == proto::dht::address_token(own_secret, t.client));
    if (t.said.size() < 4) return;
    HolepunchPayload second = t.said[2];
    second.remote_token = answers.payload.token;
    server.received(recorded, {.ticket = 8,
                               .payload = second,
                               .client = t.client,
                               .relay = t.relay,
                               .ours = true,
                               .on_ours = true,
                               .to = t.server});
    answers = next<ServerAnswers>(server);
    CHECK(without_tokens(answers.payload) == without_tokens(t.said[3]));
    CHECK(answers.payload.remote_token == t.said[2].token);
    CHECK(next<Probe>(server) == Probe{0, t.client, Probe::Range::far});
    CHECK(!server.next_action());
    server.probed(recorded, 0, t.client);
    CHECK(next<Probe>(server) == Probe{0, t.client, Probe::Range::far});
}

}  // namespace

TEST_CASE("our client and server punch as the reference was recorded to do") {
    int replayed = 0;
    for (Json v : rows("transcripts")) {
        if (name(v).find("holepunch") == std::string::npos) continue;
        CAPTURE(name(v));
        const Transcript t = transcript(v);
        replay_client(t);
        replay_server(t);
        replayed++;
    }
    CHECK(replayed == 2);
}

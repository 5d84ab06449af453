// Replays the reference's own conversations against our node.
#include "proto/dht/node/node.hpp"
#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace kp2p::test;

namespace {

constexpr Time start = Time(std::chrono::hours(1));

std::array<TokenSecret, 2> secrets(Json v) {
    const auto list = array_of(v["secrets"]);
    return {*TokenSecret::from(hex(list.at(0).value())),
            *TokenSecret::from(hex(list.at(1).value()))};
}

Node::Setup setup(const std::array<TokenSecret, 2>& secrets) {
    Node::Setup setup;
    setup.server.token_secrets = secrets;
    setup.random_id = id_of(Endpoint::loopback(40001));
    return setup;
}

void replay(Json script, Node& node, SocketId on) {
    for (Json v : array_of(script["vectors"])) {
        CAPTURE(name(v));
        node.receive(start, on, endpoint(v["inputs"], "from"), hex(v["inputs"], "hex"));
        for (Json expected : array_of(v["expected"]["datagrams"])) {
            const auto sent = node.next_send();
            REQUIRE(sent);
            CHECK(sent->from == on);
            CHECK(sent->to == endpoint(expected, "to"));
            CHECK(to_hex(sent->bytes) == text(expected, "hex"));
        }
        CHECK(!node.next_send());
    }
}

}  // namespace

TEST_CASE("a persistent node answers as the reference does") {
    Json script = group("node_script");
    Node node(start, setup(secrets(script)));
    node.set_reach(Reach::open);
    node.become_persistent(endpoint(script, "self"));
    CHECK(node.table().self() == id<DhtId>(script, "self_id"));
    replay(script, node, SocketId::server);
}

TEST_CASE("an ephemeral node answers as the reference does") {
    Node node(start, setup({}));
    replay(group("ephemeral_script"), node, SocketId::client);
}

TEST_CASE("replies carry the reference's bytes") {
    for (Json v : rows("rpc_replies")) {
        Json in = v["inputs"], expected = v["expected"];
        const std::string which = name(v);
        CAPTURE(which);
        Node node(start, setup(secrets(in)));
        node.set_reach(Reach::open);
        if (!flag(in, "self_ephemeral")) node.become_persistent(endpoint(in, "self"));
        for (const Endpoint& address : endpoints(in, "table_nodes")) node.table().add(address, 1);
        const auto on = text(in, "received_on") == "server" ? SocketId::server : SocketId::client;
        node.receive(start, on, endpoint(in, "from"), hex(in, "request_hex"));
        const auto sent = node.next_send();
        // The reference made some of these with a handler of the vector's own; where ours answers
        // the same request by itself, it must be the same bytes.
        if (in["reply"].is_string() || which.starts_with("ping reply") ||
            which.starts_with("find_node") || which.starts_with("unknown command")) {
            REQUIRE(sent);
            CHECK(to_hex(sent->bytes) == text(expected, "hex"));
        }
        Reply reply = std::get<Reply>(*decode_rpc(hex(expected, "hex")));
        CHECK(to_hex(encode(reply)) == text(expected, "hex"));
        if (!reply.closer_nodes.empty())
            CHECK(reply.closer_nodes ==
                  node.table().closest(
                      *std::get<Request>(*decode_rpc(hex(in, "request_hex"))).target, 20));
    }
}

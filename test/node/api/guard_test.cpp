#include "node/api/guard.hpp"

#include <doctest/doctest.h>

using namespace kp2p;

TEST_CASE("only requests that are ours pass the guard") {
    const Guard guard(*proto::ApiToken::from_hex(std::string(64, 'a')), 4000);
    const RequestHead good{.host = {"127.0.0.1:4000"}, .takes_body = false};
    RequestHead post = good;
    post.takes_body = true;
    post.content_length = {"2"};
    post.content_type = {"application/json"};
    struct Row {
        const char* name;
        RequestHead head;
        int status;  // 0: may pass
    };
    std::vector<Row> rows;
    const auto row = [&rows](const char* name, RequestHead head, int status, auto change) {
        change(head);
        rows.push_back({name, std::move(head), status});
    };
    row("get", good, 0, [](auto&) {});
    row("post", post, 0, [](auto&) {});
    row("localhost", good, 0, [](auto& h) { h.host = {"localhost:4000"}; });
    row("shouted", post, 0, [](auto& h) {
        h.host = {"LocalHost:4000"};
        h.content_type = {"Application/JSON"};
    });
    row("own origin", good, 0, [](auto& h) { h.origin = {"http://127.0.0.1:4000"}; });
    row("charset", post, 0, [](auto& h) { h.content_type = {"application/json; charset=utf-8"}; });
    row("no host", good, 403, [](auto& h) { h.host = {}; });
    row("foreign host", good, 403, [](auto& h) { h.host = {"evil.example:4000"}; });
    row("host without port", good, 403, [](auto& h) { h.host = {"127.0.0.1"}; });
    row("other port", good, 403, [](auto& h) { h.host = {"127.0.0.1:4001"}; });
    row("two hosts", good, 403, [](auto& h) { h.host.push_back("evil.example"); });
    row("foreign origin", good, 403, [](auto& h) { h.origin = {"http://evil.example"}; });
    row("null origin", good, 403, [](auto& h) { h.origin = {"null"}; });
    row("https origin", good, 403, [](auto& h) { h.origin = {"https://127.0.0.1:4000"}; });
    row("empty origin", good, 403, [](auto& h) { h.origin = {""}; });
    row("second origin", good, 403, [](auto& h) {
        h.origin = {"http://127.0.0.1:4000", "http://evil.example"};
    });
    row("no length", post, 411, [](auto& h) { h.content_length = {}; });
    row("bad length", post, 411, [](auto& h) { h.content_length = {"-1"}; });
    row("two lengths", post, 411, [](auto& h) { h.content_length = {"1", "2"}; });
    row("too long", post, 413, [](auto& h) { h.content_length = {"65537"}; });
    row("form", post, 415, [](auto& h) { h.content_type = {"text/plain"}; });
    row("no type", post, 415, [](auto& h) { h.content_type = {}; });
    row("no body", post, 0, [](auto& h) { h.content_length = {"0"}, h.content_type = {}; });
    row("encoded", post, 415, [](auto& h) { h.encoded = true; });
    row("chunked", post, 415, [](auto& h) { h.chunked = true; });
    row("get with a body", good, 415, [](auto& h) { h.content_length = {"2"}; });
    for (const Row& r : rows) {
        CAPTURE(r.name);
        auto refusal = guard.check_sender(r.head, Way::tcp);
        if (!refusal) refusal = guard.check_body(r.head, BodyKind::json);
        CHECK((refusal ? refusal->status : 0) == r.status);
    }
}

TEST_CASE("over the Unix socket any host is ours, and still no web page may ask") {
    const Guard guard(proto::ApiToken(), 4000);
    CHECK(!guard.check_sender({.host = {"kp2p"}}, Way::local));
    CHECK(guard.check_sender({.host = {}}, Way::local)->status == 403);
    CHECK(guard.check_sender({.host = {"a", "b"}}, Way::local)->status == 403);
    const RequestHead page{.host = {"kp2p"}, .origin = {"http://evil.example"}};
    CHECK(guard.check_sender(page, Way::local)->status == 403);
}

TEST_CASE("bytes come with their length or in chunks, any number of any type") {
    const Guard guard(proto::ApiToken(), 4000);
    const auto status = [&guard](RequestHead head) {
        head.takes_body = true;
        const auto refusal = guard.check_body(head, BodyKind::bytes);
        return refusal ? refusal->status : 0;
    };
    CHECK(status({.content_length = {"99999999999"}}) == 0);
    CHECK(status({.chunked = true}) == 0);
    CHECK(status({}) == 411);
    CHECK(status({.content_length = {"1", "2"}}) == 411);
    CHECK(status({.encoded = true}) == 415);
}

TEST_CASE("only a proof of this connection, this port and the client's role shows the token") {
    proto::ApiToken token;
    std::fill_n(token.data(), proto::ApiToken::size_bytes, 7);
    const Guard guard(token, 4000);
    proto::ApiNonce client, server, other;
    std::fill_n(client.data(), proto::ApiNonce::size_bytes, 1);
    std::fill_n(server.data(), proto::ApiNonce::size_bytes, 2);
    const auto hello = guard.hello(client, server);
    CHECK(hello.port == 4000);
    CHECK(guard.proof(hello) == proto::server_proof(token, hello));
    const auto proves = [&](const std::string& said) {
        return guard.is_proven({.authorization = {said}}, hello);
    };
    const std::string good = "KP2P " + proto::client_proof(token, hello).hex();
    proto::ApiHello relayed = hello;
    relayed.port = 4001;
    CHECK(proves(good));
    CHECK_FALSE(guard.is_proven({.authorization = {good}}, std::nullopt));
    CHECK_FALSE(guard.is_proven({.authorization = {good}}, guard.hello(client, other)));
    CHECK_FALSE(guard.is_proven({.authorization = {good, good}}, hello));
    CHECK_FALSE(guard.is_proven({}, hello));
    CHECK_FALSE(proves("KP2P " + proto::client_proof(token, relayed).hex()));
    CHECK_FALSE(proves("KP2P " + proto::client_proof(proto::ApiToken(), hello).hex()));
    CHECK_FALSE(proves("KP2P " + guard.proof(hello).hex()));
    CHECK_FALSE(proves(good + "0"));
    CHECK_FALSE(proves("KP2P "));
    CHECK_FALSE(proves("Bearer " + token.hex()));
    CHECK_FALSE(proves(good.substr(5)));
}

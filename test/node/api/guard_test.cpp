#include "node/api/guard.hpp"

#include <doctest/doctest.h>

using namespace kp2p;

TEST_CASE("only requests that are ours pass the guard") {
    const std::string token(64, 'a');
    const Guard guard(token, 4000);
    const RequestHead good{
        .host = {"127.0.0.1:4000"}, .authorization = {"Bearer " + token}, .takes_body = false};
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
    row("no token", good, 401, [](auto& h) { h.authorization = {}; });
    row("empty token", good, 401, [](auto& h) { h.authorization = {"Bearer "}; });
    row("wrong token", good, 401, [](auto& h) { h.authorization[0].back() = 'b'; });
    row("longer token", good, 401, [](auto& h) { h.authorization[0] += 'a'; });
    row("two tokens", good, 401, [](auto& h) { h.authorization.push_back(h.authorization[0]); });
    row("no length", post, 411, [](auto& h) { h.content_length = {}; });
    row("bad length", post, 411, [](auto& h) { h.content_length = {"-1"}; });
    row("two lengths", post, 411, [](auto& h) { h.content_length = {"1", "2"}; });
    row("too long", post, 413, [](auto& h) { h.content_length = {"65537"}; });
    row("form", post, 415, [](auto& h) { h.content_type = {"text/plain"}; });
    row("no type", post, 415, [](auto& h) { h.content_type = {}; });
    row("no body", post, 0, [](auto& h) { h.content_length = {"0"}, h.content_type = {}; });
    row("encoded", post, 415, [](auto& h) { h.encoded = true; });
    for (const Row& r : rows) {
        CAPTURE(r.name);
        const auto refusal = guard.check(r.head);
        CHECK((refusal ? refusal->status : 0) == r.status);
    }
}

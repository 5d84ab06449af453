#include "node/net/nat64.hpp"

#include "node/async/clock.hpp"
#include "test/run.hpp"

using namespace kp2p;

namespace {

Host host(const char* text) { return *Host::parse(text); }

struct None {  // translated, before and after
    None() { use_nat64(std::nullopt); }
    ~None() { use_nat64(std::nullopt); }
};

Task<> look(std::vector<Host> own, std::vector<Host> shown) {
    SteadyClock clock;
    auto resolve = [shown](const std::string& name) -> Result<std::vector<Host>> {
        if (name != "ipv4only.arpa") return make_error_code(asio::error::host_not_found);
        return shown;
    };
    (void)co_await look_for_nat64(clock, std::move(own), resolve);
}

}  // namespace

TEST_CASE("the prefix of a network's NAT64 is found where there is IPv6 alone") {
    struct Row {
        const char* name;
        std::vector<Host> own, shown;
        std::optional<Host> prefix = {};
    };
    const Row rows[] = {
        {"the usual one", {host("2a45:7::2")}, {host("64:ff9b::c000:aa")}, host("64:ff9b::")},
        {"one of its own, beside IPv4",
         {host("2a45:7::2")},
         {host("192.0.0.170"), host("2a45:64::c000:ab")},
         host("2a45:64::")},
        {"IPv4 is there", {host("2a45:7::2"), host("10.0.0.2")}, {host("64:ff9b::c000:aa")}},
        {"nothing is there", {}, {host("64:ff9b::c000:aa")}},
        {"no address of the name", {host("2a45:7::2")}, {host("64:ff9b::c000:1")}},
        {"IPv4 alone", {host("2a45:7::2")}, {host("192.0.0.170")}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const None none;
        test::run(look(row.own, row.shown));
        CHECK(nat64_prefix() == row.prefix);
    }
}

TEST_CASE("what is for IPv4 goes to the NAT64 and comes from there, and nothing else") {
    const None none;
    CHECK(beyond_nat64(host("45.7.1.2")) == host("45.7.1.2"));
    use_nat64(host("64:ff9b::"));
    CHECK(beyond_nat64(host("45.7.1.2")) == host("64:ff9b::2d07:102"));
    CHECK(before_nat64(host("64:ff9b::2d07:102")) == host("45.7.1.2"));
    for (const char* text : {"10.0.0.1", "127.0.0.1", "0.0.0.0", "100.64.0.1", "2a45:7::2", "::1"})
        CHECK(beyond_nat64(host(text)) == host(text));
    for (const char* text : {"2a45:7::2", "64:ff9b:1::2d07:102", "45.7.1.2"})
        CHECK(before_nat64(host(text)) == host(text));
    test::run(look({host("10.0.0.2")}, {}));  // IPv4 has come
    CHECK(!nat64_prefix());
}

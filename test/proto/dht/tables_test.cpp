// The small machines of the DHT against the reference's numbers.
#include <algorithm>

#include "proto/crypto/hash.hpp"
#include "proto/dht/node/adaptive_timeout.hpp"
#include "proto/dht/node/congestion.hpp"
#include "proto/dht/node/nat_classifier.hpp"
#include "proto/dht/node/nat_sampler.hpp"
#include "proto/dht/node/rate_limit.hpp"
#include "proto/dht/table/routing_table.hpp"
#include "proto/dht/table/tokens.hpp"
#include "proto/dht/wire/address.hpp"
#include "proto/dht/wire/signatures.hpp"
#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

Endpoint host(const std::string& text) { return *Endpoint::parse(text + ":0"); }

std::vector<Endpoint> hosts(Json v, const char* key) {
    std::vector<Endpoint> list;
    for (Json item : array_of(v[key])) list.push_back(host(std::string(item.get_string().value())));
    return list;
}

}  // namespace

TEST_CASE("node ids and targets are the reference's") {
    for (Json v : rows("node_id")) {
        CAPTURE(name(v));
        CHECK(id_of(endpoint(v["inputs"])) == id<DhtId>(v["expected"], "id"));
    }
    for (Json v : rows("key_pairs"))
        CHECK(target_of(id<NodeId>(v["expected"], "publicKey")) ==
              id<DhtId>(v["expected"], "target"));
    for (Json v : rows("immutable"))
        CHECK(target_of_value(hex(v["inputs"], "value")) == id<DhtId>(v["expected"], "target"));
}

TEST_CASE("XOR distance orders ids as the reference does") {
    for (Json v : rows("xor_order")) {
        const auto target = id<DhtId>(v["inputs"], "target");
        std::vector<DhtId> ids;
        for (Json item : array_of(v["inputs"]["ids"])) ids.push_back(*DhtId::from(hex(item)));
        std::sort(ids.begin(), ids.end(), [&](const DhtId& a, const DhtId& b) {
            return compare_distance(target, a, b) < 0;
        });
        std::size_t i = 0;
        for (Json item : array_of(v["expected"]["order"]))
            CHECK(ids[i++] == *DhtId::from(hex(item)));
    }
}

TEST_CASE("the routing table fills its rows and finds the closest as the reference does") {
    for (Json v : rows("routing_table")) {
        CAPTURE(name(v));
        Json in = v["inputs"], expected = v["expected"];
        RoutingTable table(id<DhtId>(in, "self_id"));
        std::vector<Endpoint> rejected;
        for (const Endpoint& node : endpoints(in, "nodes_in_insert_order"))
            if (!table.add(node, 1)) rejected.push_back(node);
        CHECK(rejected == endpoints(expected, "rejected_full_row"));
        CHECK(table.size() == number(expected, "size"));
        CHECK(table.closest(id<DhtId>(in, "target"), number(in, "k")) ==
              endpoints(expected, "closest"));
    }
}

TEST_CASE("a routing table forgets, reorders and rebuilds") {
    RoutingTable table(id_of(Endpoint::loopback(1)));
    for (std::uint16_t port = 2; port < 42; ++port) table.add(Endpoint::loopback(port), port);
    const std::size_t size = table.size();
    CHECK(table.oldest(1).front()->address == Endpoint::loopback(2));
    table.heard(id_of(Endpoint::loopback(2)));
    CHECK(table.latest(1).front()->address == Endpoint::loopback(2));
    CHECK(table.latest(1, 1).front()->address != Endpoint::loopback(2));
    table.remove(id_of(Endpoint::loopback(2)));
    CHECK(table.size() == size - 1);
    CHECK(!table.find(id_of(Endpoint::loopback(2))));
    table.remove(id_of(Endpoint::loopback(2)));
    table.rebuild(id_of(Endpoint::loopback(3)));
    CHECK(!table.find(id_of(Endpoint::loopback(3))));
    CHECK(table.closest(id_of(Endpoint::loopback(3)), 100).size() == table.size());
    for (const TableNode* node : table.oldest(100)) CHECK(node->added == node->address.port);
}

TEST_CASE("tokens are the reference's, rotate, and live one to two rotations") {
    const auto vectors = rows("tokens");
    for (Json v : vectors) {
        CAPTURE(name(v));
        if (is_null(v["inputs"], "secret")) continue;
        Tokens tokens(at(0ms), {TokenSecret(), id<TokenSecret>(v["inputs"], "secret")});
        CHECK(tokens.issue(at(0ms), host(text(v["inputs"], "host"))) ==
              id<Token>(v["expected"], "token"));
    }
    Json rotation = vectors.at(2).value();
    const auto secrets = [&](const char* side) {
        const auto list = array_of(rotation[side]["secrets"]);
        return std::array{*TokenSecret::from(hex(list.at(0).value())),
                          *TokenSecret::from(hex(list.at(1).value()))};
    };
    Tokens tokens(at(0ms), secrets("inputs"));
    const Token token = tokens.issue(at(7499ms), host("10.0.0.1"));
    CHECK(tokens.secrets() == secrets("inputs"));
    CHECK(tokens.accepts(at(7500ms), host("10.0.0.1"), token));
    CHECK(tokens.secrets() == secrets("expected"));
    CHECK(!tokens.accepts(at(7500ms), host("10.0.0.2"), token));
    CHECK(tokens.accepts(at(14999ms), host("10.0.0.1"), token));
    CHECK(!tokens.accepts(at(15000ms), host("10.0.0.1"), token));
    const Token late = tokens.issue(at(100h), host("10.0.0.1"));
    CHECK(tokens.accepts(at(100h), host("10.0.0.1"), late));
}

TEST_CASE("the address sampler concludes what the reference does") {
    for (Json v : rows("nat_sampler")) {
        CAPTURE(name(v));
        NatSampler sampler;
        const auto after = array_of(v["expected"]["after"]);
        std::size_t i = 0;
        for (const Endpoint& sample : endpoints(v["inputs"], "samples")) {
            CAPTURE(i);
            sampler.add(sample);
            const auto expected = array_of(after.at(i++));
            std::optional<Endpoint> address;
            if (!expected.at(0).value().is_null()) {
                address = host(std::string(expected.at(0).value().get_string().value()));
                address->port =
                    static_cast<std::uint16_t>(expected.at(1).value().get_uint64().value());
            }
            CHECK(sampler.address() == address);
        }
    }
}

TEST_CASE("the NAT classifier concludes what the reference does") {
    for (Json v : rows("holepunch_nat")) {
        CAPTURE(name(v));
        NatClassifier nat(flag(v["inputs"], "dht_firewalled") ? Reach::behind_nat : Reach::open);
        const auto check = [&](Json expected) {
            CHECK(nat.firewall() == Firewall(number(expected, "firewall")));
            CHECK(nat.addresses().has_value() == !is_null(expected, "addresses"));
            if (nat.addresses()) CHECK(*nat.addresses() == endpoints(expected, "addresses"));
        };
        check(v["expected"]["initial"]);
        const auto after = array_of(v["expected"]["after"]);
        std::size_t i = 0;
        for (Json sample : array_of(v["inputs"]["samples"])) {
            CAPTURE(i);
            const auto pair = sample.get_array().value();
            nat.add({endpoint(pair.at(0).value()), endpoint(pair.at(1).value())});
            Json expected = after.at(i++).value();
            CHECK(nat.sampled() == number(expected, "sampled"));
            check(expected);
        }
    }
}

TEST_CASE("a frozen classification stays") {
    NatClassifier nat(Reach::behind_nat);
    for (std::uint16_t i = 0; i < 3; ++i) nat.add({Endpoint::loopback(7), Endpoint::loopback(i)});
    nat.freeze();
    for (std::uint16_t i = 3; i < 9; ++i) nat.add({Endpoint::loopback(i), Endpoint::loopback(i)});
    CHECK(nat.firewall() == Firewall::consistent);
    CHECK(nat.decided());
}

TEST_CASE("where there are one or two DHT nodes, most of them are believed") {
    struct Row {
        const char* name;
        std::vector<std::uint16_t> ports;
        Firewall firewall;
    };
    const Row rows[] = {{"nobody", {}, Firewall::unknown},
                        {"one", {7}, Firewall::consistent},
                        {"two that agree", {7, 7}, Firewall::consistent},
                        {"two that do not", {7, 8}, Firewall::random},
                        {"two of three", {7, 8, 7}, Firewall::consistent}};
    for (const Row& row : rows) {
        for (const std::size_t before : {row.ports.size(), std::size_t{0}}) {  // it is exhausted
            CAPTURE(std::string(row.name));
            CAPTURE(before);
            NatClassifier nat(Reach::behind_nat);
            for (std::uint16_t i = 0; i < row.ports.size(); ++i) {
                if (i == before) nat.exhaust();
                nat.add({Endpoint::loopback(row.ports[i]), Endpoint::loopback(i)});
            }
            if (before == row.ports.size()) nat.exhaust();
            CHECK(nat.decided() == (before == row.ports.size() || !row.ports.empty()));
            CHECK(nat.firewall() == row.firewall);
            CHECK(nat.addresses().has_value() == (row.firewall != Firewall::unknown));
        }
    }
}

TEST_CASE("LAN addresses are matched and classified as the reference does") {
    for (Json v : rows("match_address")) {
        CAPTURE(name(v));
        const auto mine = hosts(v["inputs"], "mine"), remote = hosts(v["inputs"], "remote");
        const auto match = match_address({mine, remote});
        CHECK(match.has_value() == !is_null(v["expected"], "match"));
        if (match) CHECK(match->host.text() == text(v["expected"], "match"));
    }
    for (Json v : rows("address_classes")) {
        CAPTURE(name(v));
        const Endpoint address = host(text(v["inputs"], "host"));
        CHECK(is_private(address) == flag(v["expected"], "private"));
        CHECK(is_reserved(address) == flag(v["expected"], "reserved"));
        CHECK(is_bogon(address) == flag(v["expected"], "bogon"));
    }
}

TEST_CASE("adaptive timeouts are the reference's") {
    for (Json v : rows("adaptive_timeout")) {
        CAPTURE(name(v));
        AdaptiveTimeout timeout;
        for (Json sample : array_of(v["inputs"]["samples"]))
            timeout.sample(std::chrono::milliseconds(sample.get_uint64().value()));
        unsigned attempt = 1;
        for (Json expected : array_of(v["expected"]["timeouts"]))
            CHECK(timeout.timeout(attempt++, 0ms).count() ==
                  static_cast<std::int64_t>(expected.get_uint64().value()));
    }
}

TEST_CASE("the congestion window bounds a slot and four slots") {
    CongestionWindow window(at(0ms));
    for (unsigned i = 0; i < CongestionWindow::slot_limit; ++i) {
        CHECK(!window.full(at(10ms)));
        window.sent(at(10ms));
    }
    CHECK(window.full(at(10ms)));
    CHECK(!window.full(at(750ms)));
    for (unsigned i = 0; i < CongestionWindow::slot_limit; ++i) window.sent(at(750ms));
    CHECK(window.full(at(1500ms)));  // 160 in all, none in this slot
    CHECK(window.full(at(2999ms)));
    CHECK(!window.full(at(3000ms)));  // the first slot's are forgotten
    CHECK(!window.full(at(1h)));
    window.sent(at(1h));
    window.ended(at(1h));
    window.ended(at(1h));
    CHECK(!window.full(at(1h)));
}

TEST_CASE("signatures are the reference's, and bind what they sign") {
    for (Json v : rows("signatures")) {
        CAPTURE(name(v));
        Json in = v["inputs"], expected = v["expected"];
        const auto keys = proto::KeyPair::from_seed(id<proto::Seed>(in, "seed"));
        const auto signature = id<proto::Signature>(expected, "signature");
        if (is_null(in, "peer")) {
            const MutablePut put = sign_mutable(keys, number(in, "seq"), hex(in, "value"));
            CHECK(mutable_signable(put.seq, put.value).hex() == text(expected, "signable"));
            CHECK(put.signature == signature);
            CHECK(to_hex(put.encode()) == text(expected, "value_hex"));
            CHECK(verify(put));
            MutablePut other = put;
            ++other.seq;
            CHECK(!verify(other));
            continue;
        }
        const auto kind =
            name(v).starts_with("unannounce") ? AnnounceKind::unannounce : AnnounceKind::announce;
        AnnounceScope scope{id<DhtId>(in, "target"), id<DhtId>(in, "node_id"),
                            id<Token>(in, "token")};
        Announce announce;
        announce.peer = {id<NodeId>(in["peer"], "publicKey"),
                         endpoints(in["peer"], "relayAddresses")};
        announce.refresh = maybe_id<Refresh>(in, "refresh");
        announce.bump = number_or_0(in, "bump");
        CHECK(announce_signable(kind, scope, announce).hex() == text(expected, "signable"));
        sign(kind, scope, keys, announce);
        CHECK(announce.signature == signature);
        CHECK(to_hex(announce.encode()) == text(expected, "value_hex"));
        CHECK(verify(kind, scope, announce));
        scope.token = Token();
        CHECK(!verify(kind, scope, announce));
    }
}

TEST_CASE("a refresh token is known by its hash") {
    for (Json v : rows("refresh_chain")) {
        Json expected = v["expected"];
        const auto first = id<Refresh>(expected, "first_refresh");
        CHECK(hash_of(first) == id<Refresh>(expected, "announced_refresh"));
        CHECK(hash_of(id<Refresh>(expected, "second_refresh")) == first);
    }
}

TEST_CASE("a source that asks too often is refused, others are not") {
    RateLimit limit(at(0ms), {10, 3});
    const Endpoint one = Endpoint::loopback(1), other = host("10.0.0.1");
    for (int i = 0; i < 3; ++i) CHECK(limit.allow(at(0ms), one));
    CHECK(!limit.allow(at(0ms), Endpoint::loopback(2)));
    CHECK(limit.allow(at(0ms), other));
    CHECK(limit.allow(at(100ms), one));
    CHECK(!limit.allow(at(100ms), one));
}

// Both machines of a hole punch, their NATs, plans and the budget, with made-up times.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "proto/punch/client.hpp"
#include "proto/punch/server.hpp"

using namespace kp2p;
using namespace kp2p::proto::punch;
using namespace std::chrono_literals;
using proto::Role;
using proto::dht::HolepunchPayload;
using proto::dht::PeerError;

namespace {

constexpr Time start = Time(std::chrono::hours(1));

Endpoint at(const char* text) { return *Endpoint::parse(text); }

OwnNat seen_at(std::initializer_list<int> ports) {
    OwnNat nat(proto::dht::Reach::behind_nat);
    int referrer = 1;
    for (const int port : ports)
        nat.add({{{1, 1, 1, 1}, static_cast<std::uint16_t>(port)},
                 {{9, 9, 9, 9}, static_cast<std::uint16_t>(referrer++)}});
    return nat;
}

TEST_CASE("a NAT that hands out one port after another is told from one that draws them") {
    struct Row {
        const char* name;
        std::initializer_list<int> ports;
        Firewall firewall;
        int last;  // 0: none
    };
    const Row rows[] = {
        {"the same port", {5, 5, 5, 5}, Firewall::consistent, 0},
        {"one after another", {100, 101, 102, 103}, Firewall::random, 103},
        {"answers in disorder", {103, 100, 102, 101}, Firewall::random, 103},
        {"others in between", {100, 110, 112, 130}, Firewall::random, 130},
        {"drawn", {100, 40000, 112, 7}, Firewall::random, 0},
        {"at the end of all ports", {65530, 65531, 65532, 65533}, Firewall::random, 0},
        {"too few", {100, 101}, Firewall::unknown, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const OwnNat nat = seen_at(row.ports);
        CHECK(nat.kind().firewall == row.firewall);
        CHECK(nat.kind().last_port.value_or(0) == row.last);
        // The other side reads it back from what we tell.
        RemoteNat remote(Firewall::unknown);
        HolepunchPayload said;
        tell(said, nat, remote);
        remote.update(said, std::nullopt);
        CHECK(remote.kind() == nat.kind());
    }
}

TEST_CASE("to who keeps its ports one that hands out one after another names those to come") {
    RemoteNat as_we_do(Firewall::unknown);
    HolepunchPayload foretelling;
    tell(foretelling, seen_at({6, 7, 8, 9}), as_we_do);
    as_we_do.update(foretelling, std::nullopt);
    RemoteNat as_we_do_unsaid(Firewall::random);
    as_we_do_unsaid.seen(at("7.7.7.7:700"));
    as_we_do_unsaid.seen(at("7.7.7.7:702"));
    struct Row {
        const char* name;
        RemoteNat theirs;
        std::uint16_t first;  // 0: none
        std::size_t named;
    };
    const Row rows[] = {
        {"not known yet", RemoteNat(Firewall::unknown), 104, RemoteNat::foretold_ports},
        {"keeps them", RemoteNat(Firewall::consistent), 104, RemoteNat::foretold_ports},
        {"hands them out as we do", as_we_do, 104, RemoteNat::foretold_ports},
        {"and does not say so", as_we_do_unsaid, 128, 1},
        {"draws them", RemoteNat(Firewall::random), 0, 1},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        HolepunchPayload said;
        tell(said, seen_at({100, 101, 102, 103}), row.theirs);
        REQUIRE(said.addresses);
        CHECK(said.firewall == (row.first > 0 ? Firewall::consistent : Firewall::random));
        CHECK(said.addresses->size() == row.named);
        CHECK(said.addresses->front() == Endpoint{{1, 1, 1, 1}, row.first});
    }
}

TEST_CASE("of one that does not say that its ports follow each other, two that were seen show it") {
    struct Row {
        const char* name;
        std::vector<const char*> seen;
        Firewall said;
        int last;  // 0: none
    };
    const Row rows[] = {
        {"one after another", {"1.1.1.1:20001", "1.1.1.1:20007"}, Firewall::random, 20007},
        {"the other way round", {"1.1.1.1:20007", "1.1.1.1:20001"}, Firewall::random, 20007},
        {"the same one twice", {"1.1.1.1:20001", "1.1.1.1:20001"}, Firewall::random, 0},
        {"drawn", {"1.1.1.1:20001", "1.1.1.1:40007"}, Firewall::random, 0},
        {"of two hosts", {"1.1.1.1:20001", "2.1.1.1:20007"}, Firewall::random, 0},
        {"of one that keeps its ports",
         {"1.1.1.1:20001", "1.1.1.1:20007"},
         Firewall::consistent,
         0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        RemoteNat remote(row.said);
        for (const char* address : row.seen) remote.seen(at(address));
        CHECK(remote.foreseen().last_port.value_or(0) == row.last);
        CHECK(!remote.kind().last_port);
    }
}

TEST_CASE("an address counts as proven by its echo, for its host alone") {
    RemoteNat remote(Firewall::unknown);
    HolepunchPayload said;
    said.firewall = Firewall::consistent;
    said.addresses = {at("1.1.1.1:5"), at("2.2.2.2:6")};
    remote.update(said, std::nullopt);
    CHECK(!remote.verified());
    remote.update(said, at("2.2.2.2:999"));
    CHECK(remote.verified() == at("2.2.2.2:6"));
    remote.update(said, std::nullopt);  // once proven, it stays so
    CHECK(remote.verified() == at("2.2.2.2:6"));
    said.addresses = std::vector<Endpoint>(100, at("3.3.3.3:3"));
    remote.update(said, std::nullopt);
    CHECK(remote.targets().size() == RemoteNat::max_targets);
}

Plan::Setup setup_of(NatKind ours, NatKind theirs, bool verified = true) {
    return {.role = proto::Role::initiator,
            .ours = ours,
            .theirs = theirs,
            .targets = {{at("7.7.7.7:700"), verified}},
            .seed = 1};
}

constexpr NatKind consistent{Firewall::consistent, std::nullopt};
constexpr NatKind random_ports{Firewall::random, std::nullopt};
constexpr NatKind unknown{Firewall::unknown, std::nullopt};
NatKind sequential(std::uint16_t last) { return {Firewall::random, last}; }

TEST_CASE("which way through depends on both NATs") {
    struct Row {
        const char* name;
        NatKind ours, theirs;
        bool verified;
        std::optional<Way> way;
    };
    const Row rows[] = {
        {"both consistent", consistent, consistent, true, Way::direct},
        {"and unproven", consistent, consistent, false, Way::direct},
        {"they random", consistent, random_ports, true, Way::spray},
        {"they random, unproven", consistent, random_ports, false, std::nullopt},
        {"they sequential", consistent, sequential(9), true, Way::foresee},
        {"we random", random_ports, consistent, true, Way::birthday},
        {"we random, they unproven", random_ports, consistent, false, std::nullopt},
        {"both sequential", sequential(8), sequential(9), true, Way::meet},
        {"both random", random_ports, random_ports, true, std::nullopt},
        {"random and sequential", random_ports, sequential(9), true, std::nullopt},
        {"they unknown", consistent, unknown, true, std::nullopt},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const auto plan = Plan::make(start, setup_of(row.ours, row.theirs, row.verified));
        CHECK(plan.has_value() == row.way.has_value());
        if (plan && row.way) CHECK(plan->way() == *row.way);
    }
}

struct Sent {
    std::size_t probes = 0, sockets = 0;
    std::set<Endpoint> to;
    Time last{};
};
Sent run_out(Plan plan) {
    Sent sent;
    while (const auto due = plan.deadline()) {
        CHECK(*due >= sent.last);
        const Probe probe = plan.next();
        sent.probes++;
        sent.sockets = std::max(sent.sockets, probe.socket + 1);
        sent.to.insert(probe.to);
        sent.last = *due;
    }
    CHECK(plan.ends() >= sent.last);
    return sent;
}

TEST_CASE("plans end, and send no more than a known number of probes to one host") {
    const auto direct = run_out(*Plan::make(start, setup_of(consistent, consistent)));
    CHECK(direct.probes == 8);
    CHECK(direct.last - start < 5s);
    const auto unproven = run_out(*Plan::make(start, setup_of(consistent, consistent, false)));
    CHECK(unproven.probes == 2);
    const auto spray = run_out(*Plan::make(start, setup_of(consistent, random_ports)));
    CHECK(spray.probes == 1750);
    CHECK(spray.last - start < 7s);
    CHECK(spray.sockets == 1);
    const auto birthday = run_out(*Plan::make(start, setup_of(random_ports, consistent)));
    CHECK(birthday.sockets == Plan::max_sockets);
    CHECK(birthday.to.size() == 1);
    CHECK(birthday.last - start < 15s);
    const auto foresee = run_out(*Plan::make(start, setup_of(consistent, sequential(2000))));
    for (std::uint16_t port = 1995; port <= 2050; port++)
        CHECK(foresee.to.contains({{7, 7, 7, 7}, port}));
    const auto meet = run_out(*Plan::make(start, setup_of(sequential(3000), sequential(2000))));
    CHECK(meet.sockets == Plan::meeting_sockets);
    CHECK(meet.to == std::set<Endpoint>{at("7.7.7.7:2025")});
}

TEST_CASE("the budget holds for all punches together, and is given back") {
    Budget budget(start);
    const NodeId one{}, two = *NodeId::from_hex(std::string(64, '2'));
    std::vector<Budget::Permit> permits;
    for (std::size_t i = 0; i < Budget::max_punches_of_peer; i++) {
        permits.push_back(budget.punch(one, Role::responder));
        CHECK(permits.back());
    }
    CHECK(!budget.punch(one, Role::responder));
    CHECK(budget.full(one, Role::responder));
    CHECK(budget.punch(one, Role::initiator));
    CHECK(budget.punch(two, Role::responder));
    permits.pop_back();
    CHECK(budget.punch(one, Role::responder));

    std::vector<Budget::Permit> heavy;
    for (std::size_t i = 0; i < Budget::max_heavy; i++) heavy.push_back(budget.heavy());
    CHECK(!budget.heavy());
    heavy.clear();
    CHECK(budget.heavy());

    std::vector<Punching> punchings;
    for (std::size_t i = 0; i < Budget::max_heavy; i++) {
        punchings.emplace_back(budget);
        CHECK(!punchings.back().begin(start, setup_of(random_ports, consistent)));
    }
    std::size_t sent = 0;
    for (Time now = start; now < start + 1s; now += 1ms)
        for (Punching& punching : punchings)
            while (punching.next(now)) sent++;
    CHECK(sent > Budget::probes.burst);
    CHECK(sent <= Budget::probes.burst + Budget::probes.per_second);
}

TEST_CASE("clients leave some of the budget to our own dials") {
    Budget budget(start);
    std::map<Role, std::vector<Budget::Permit>> permits;
    for (const Role role : {Role::responder, Role::initiator}) {
        for (std::uint8_t i = 0; !budget.full(role); i++) {
            const std::uint8_t peer[NodeId::size_bytes] = {i};
            permits[role].push_back(budget.punch(*NodeId::from(peer), role));
            REQUIRE(permits[role].back());
        }
    }
    CHECK(permits[Role::responder].size() == Budget::max_served);
    CHECK(permits[Role::initiator].size() == Budget::max_punches - Budget::max_served);
}

TEST_CASE("plans that follow each other send no more than a known number of probes") {
    Budget budget(start);
    Punching punching(budget);
    std::size_t sent = 0;
    for (int ms = 0; ms < 40'000; ms++) {
        const Time now = start + std::chrono::milliseconds(ms);
        if (ms % 500 == 0) {
            const auto port = static_cast<std::uint16_t>(2000 + ms / 500);
            const auto why = punching.begin(now, setup_of(consistent, sequential(port)));
            CHECK((!why || (*why == Failure::no_hole && sent == Punching::max_probes)));
        }
        while (punching.next(now)) sent++;
    }
    CHECK(sent == Punching::max_probes);
    CHECK(punching.over(start + 40s));
}

Client::Setup client_setup(Budget& budget) {
    return {.budget = budget,
            .server = at("7.7.7.7:700"),
            .relay = at("5.5.5.5:5"),
            .said_relay = {at("5.5.5.5:5"), at("7.7.7.7:7")}};
}

std::optional<Failure> failure_of(Client& client) {
    std::optional<Failure> failure;
    while (const auto action = client.next_action())
        if (const auto* failed = std::get_if<Failed>(&*action)) failure = failed->why;
    return failure;
}

void sample(Client& client, bool same_port) {
    for (std::uint16_t i = 0; i < 4; i++)
        client.sampled(start,
                       {{{1, 1, 1, 1}, static_cast<std::uint16_t>(same_port ? 9 : 9000 * i + 9)},
                        {{9, 9, 9, 9}, static_cast<std::uint16_t>(i + 1)}});
}

Client::Reply reply_of(Firewall firewall) {
    HolepunchPayload payload;
    payload.firewall = firewall;
    payload.addresses = {at("7.7.7.7:700")};
    payload.token = proto::dht::Token();
    return {payload, at("7.7.7.7:700"), at("1.1.1.1:9")};
}

TEST_CASE("a client says why it gives up") {
    Budget budget(start);
    SUBCASE("no answer") {
        Client client(start, client_setup(budget));
        client.unanswered(start);
        CHECK(failure_of(client) == Failure::not_answered);
    }
    SUBCASE("refused") {
        Client client(start, client_setup(budget));
        auto reply = reply_of(Firewall::consistent);
        reply.payload.error = PeerError::aborted;
        client.replied(start, reply);
        CHECK(failure_of(client) == Failure::refused);
    }
    SUBCASE("both random, after it has tried other sockets") {
        Client client(start, client_setup(budget));
        client.replied(start, reply_of(Firewall::random));
        for (int reopened = 0; reopened < 4; reopened++) sample(client, false);
        CHECK(failure_of(client) == Failure::both_random);
    }
    SUBCASE("a server that never knows its NAT") {
        Client client(start, client_setup(budget));
        sample(client, true);
        client.replied(start, reply_of(Firewall::unknown));
        CHECK(client.deadline() == start + 1s);
        client.expire(start + 1s);
        client.replied(start + 1s, reply_of(Firewall::unknown));
        client.expire(start + 2s);
        CHECK(failure_of(client) == Failure::nat_unknown);
    }
}

void sample_sequential(auto& side) {
    for (std::uint16_t i = 0; i < 4; i++)
        side.sampled(start, {{{1, 1, 1, 1}, static_cast<std::uint16_t>(100 + i)},
                             {{9, 9, 9, 9}, static_cast<std::uint16_t>(i + 1)}});
}

TEST_CASE("a hyperdht whose ports follow each other is met, though it takes them for random ones") {
    Budget budget(start);
    HolepunchPayload said;  // by it
    said.firewall = Firewall::random;
    said.addresses = {at("7.7.7.7:0")};
    SUBCASE("as a server") {
        auto setup = client_setup(budget);
        setup.said_relay.peer = at("7.7.7.7:690");
        Client client(start, setup);
        sample_sequential(client);
        said.token = proto::dht::Token();
        client.replied(start, {said, at("7.7.7.7:700"), at("1.1.1.1:104")});
        std::optional<ClientAsks> asks;
        while (const auto action = client.next_action())
            if (const auto* a = std::get_if<ClientAsks>(&*action)) asks = *a;
        REQUIRE(asks);
        CHECK(asks->payload.punching);
        CHECK(asks->payload.firewall == Firewall::consistent);
        CHECK(asks->payload.addresses == std::vector{at("1.1.1.1:129")});
        said.punching = true;
        said.remote_token = proto::dht::address_token({}, at("7.7.7.7:700"));
        client.replied(start, {said, at("7.7.7.7:700"), at("1.1.1.1:104")});
        CHECK(client.way() == Way::meet);
    }
    SUBCASE("as a client") {
        const proto::dht::AddressSecret secret{};
        const Endpoint client = at("7.7.7.7:700");
        Server server(start,
                      {.budget = budget, .secret = secret, .greeted_from = at("7.7.7.7:690")});
        sample_sequential(server);
        said.punching = true;
        said.remote_token = proto::dht::address_token(secret, client);
        server.received(
            start, {.payload = said, .client = client, .relay = at("5.5.5.5:5"), .ours = true});
        CHECK(server.way() == Way::meet);
        std::optional<ServerAnswers> answers;
        while (const auto action = server.next_action())
            if (const auto* a = std::get_if<ServerAnswers>(&*action)) answers = *a;
        REQUIRE(answers);
        CHECK(answers->payload.punching);
        CHECK(answers->payload.addresses == std::vector{at("1.1.1.1:128")});
    }
}

TEST_CASE("what fails is followed by something else, which is remembered") {
    Budget budget(start);
    Client client(start, client_setup(budget));
    sample(client, true);
    client.replied(start, reply_of(Firewall::consistent));
    auto reply = reply_of(Firewall::consistent);
    reply.payload.punching = true;
    reply.payload.remote_token = proto::dht::address_token({}, at("7.7.7.7:700"));
    client.replied(start, reply);
    CHECK(client.way() == Way::direct);
    Time now = start;
    while (client.next_action()) continue;
    std::optional<ClientAsks> asks;
    while (!asks && client.deadline() && now < start + 10s) {
        now = *client.deadline();
        client.expire(now);
        while (const auto action = client.next_action())
            if (const auto* a = std::get_if<ClientAsks>(&*action)) asks = *a;
    }
    REQUIRE(asks);
    CHECK(asks->payload.firewall == Firewall::random);
    client.replied(now, reply);
    CHECK(client.way() == Way::birthday);
    CHECK(client.course() == Client::Course::random);
    client.probed(now, 17, at("7.7.7.7:700"));
    std::optional<Found> found;
    while (const auto action = client.next_action())
        if (const auto* f = std::get_if<Found>(&*action)) found = *f;
    REQUIRE(found);
    CHECK(found->socket == 17);
}

TEST_CASE("one whose NAT draws ports knocks at once, and not for ever") {
    Budget budget(start);
    auto setup = client_setup(budget);
    const auto knocks = [](Client& client) {
        std::size_t count = 0;
        while (const auto action = client.next_action()) {
            const auto* knock = std::get_if<Knock>(&*action);
            if (knock) count += knock->to == at("7.7.7.7:700");
        }
        return count;
    };
    SUBCASE("not one whose NAT does not, which lets in the server's") {
        Client client(start, setup);
        std::vector<Endpoint> admitted;
        while (const auto action = client.next_action()) {
            CHECK(!std::get_if<Knock>(&*action));
            if (const auto* admit = std::get_if<Admit>(&*action)) admitted.push_back(admit->from);
        }
        CHECK(admitted == std::vector{at("7.7.7.7:700")});
        CHECK(!client.deadline());
    }
    setup.draws_ports = true;
    Client client(start, setup);
    CHECK(knocks(client) == 1);
    SUBCASE("until there is an answer, and a few times") {
        std::size_t more = 0;
        for (Time now = start; client.deadline() && now < start + 10s; more += knocks(client)) {
            now = *client.deadline();
            client.expire(now);
        }
        CHECK(more == 5);
    }
    SUBCASE("in vain at one that draws them too") {
        client.replied(start, reply_of(Firewall::random));
        CHECK(!client.deadline());
    }
    SUBCASE("what is echoed is the way") {
        client.probed(start, 0, at("7.7.7.7:700"));
        const auto found = client.next_action();
        REQUIRE(found);
        CHECK(std::get_if<Found>(&*found));
        CHECK(!client.deadline());
    }
}

TEST_CASE("a server lets its NAT know whom it was greeted by") {
    Budget budget(start);
    Server silent(start, {.budget = budget});
    CHECK(!silent.next_action());
    Server server(start, {.budget = budget, .greeted_from = at("8.8.8.8:8")});
    const auto action = server.next_action();
    REQUIRE(action);
    const auto* probe = std::get_if<Probe>(&*action);
    REQUIRE(probe);
    CHECK(*probe == Probe{0, at("8.8.8.8:8"), Probe::Range::near});
    CHECK(!server.next_action());
}

TEST_CASE("a server whose NAT draws ports knocks where it was greeted from") {
    Budget budget(start);
    const Endpoint client = at("8.8.8.8:8");
    Server::Setup setup{.budget = budget, .greeted_from = client, .draws_ports = true};
    const auto knocks = [](Server& server, Time until) {
        std::vector<Endpoint> at;
        for (;;) {
            while (const auto action = server.next_action())
                if (const auto* knock = std::get_if<Knock>(&*action)) at.push_back(knock->to);
            const auto due = server.deadline();
            if (!due || *due > until) return at;
            server.expire(*due);
        }
    };
    SUBCASE("a few times") {
        Server server(start, setup);
        CHECK(knocks(server, start + 10s) == std::vector(Knocks::most, client));
    }
    SUBCASE("not at a NAT that draws them too") {
        setup.said_firewall = Firewall::random;
        Server server(start, setup);
        CHECK(knocks(server, start + 10s).empty());
    }
    SUBCASE("until the client punches") {
        Server server(start, setup);
        CHECK(knocks(server, start).size() == 1);
        HolepunchPayload said;
        said.punching = true;
        server.received(start, {.payload = said, .client = client, .relay = at("5.5.5.5:5")});
        CHECK(knocks(server, start + 10s).empty());
    }
}

TEST_CASE("a server holds few messages, and echoes few probes") {
    Budget budget(start);
    Server server(start, {.budget = budget});
    HolepunchPayload said;
    for (std::uint64_t i = 0; i < 100; i++)
        server.received(
            start,
            {.ticket = i, .payload = said, .client = at("8.8.8.8:8"), .relay = at("5.5.5.5:5")});
    std::size_t answers = 0, echoes = 0;
    for (std::uint16_t i = 1; i <= 4; i++)
        server.sampled(start, {at("1.1.1.1:9"), {{9, 9, 9, 9}, i}});
    while (const auto action = server.next_action())
        answers += std::get_if<ServerAnswers>(&*action) != nullptr;
    CHECK(answers == Server::max_waiting);
    for (int i = 0; i < 1000; i++) server.probed(start, 0, at("8.8.8.8:8"));
    while (server.next_action()) echoes++;
    CHECK(echoes <= Server::echoes.burst);
}

TEST_CASE("a server that is stopped gives back what it had of the budget") {
    Budget budget(start);
    std::vector<Budget::Permit> others;
    for (std::size_t i = 1; i < Budget::max_heavy; i++) others.push_back(budget.heavy());
    const proto::dht::AddressSecret secret{};
    Server server(start, {.budget = budget, .secret = secret});
    for (std::uint16_t i = 1; i <= 4; i++)
        server.sampled(start, {at("1.1.1.1:9"), {{9, 9, 9, 9}, i}});
    const Endpoint client = at("8.8.8.8:8");
    HolepunchPayload said;
    said.firewall = Firewall::random;
    said.punching = true;
    said.addresses = {client};
    said.remote_token = proto::dht::address_token(secret, client);
    server.received(start,
                    {.payload = said, .client = client, .relay = at("5.5.5.5:5"), .ours = true});
    CHECK(server.way() == Way::spray);
    CHECK(!budget.heavy());
    server.stop();
    CHECK(budget.heavy());
    CHECK(!server.next_action());
    CHECK(!server.deadline());
}

}  // namespace

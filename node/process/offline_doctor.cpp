#include "node/process/offline_doctor.hpp"

#include "node/async/random.hpp"
#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/interfaces.hpp"
#include "node/process/bootstrap.hpp"
#include "node/process/own_address.hpp"
#include "node/process/ports.hpp"
#include "node/report/dht_facts.hpp"
#include "node/settings/storage_mounts.hpp"
#include "node/threads/pool.hpp"
#include "node/udx/udp_port.hpp"
#include "node/udx/udx_context.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::seconds dht_patience{5};  // for DHT nodes to answer

Task<> ask_dht(Facts& facts, Dht& dht, Clock& clock) {
    (void)co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(dht.run());
        auto entered = co_await with_timeout(clock, dht_patience, dht.bootstrap());
        (void)entered;  // what is known then tells
        note_dht(facts, dht);
        all.cancel();
    });
}

void look_at_network(Facts& facts, const Settings& settings) {
    asio::io_context loop{1};
    SteadyClock clock;
    SystemRandom random;
    ThreadPool pool(1);
    Runtime runtime{loop.get_executor(), clock, random, pool,
                    [](const char*, const std::string&) {}};
    facts.wall = clock.wall_now();
    const Host host = host_to_bind(settings.host, runtime.executor);
    const PortWish wish{host, settings.port};
    auto ports = open_ports(runtime.executor, clock, wish, facts.port_trouble);
    std::unique_ptr<UdpSocket> server;
    if (ports) {
        facts.udp = ports->udp->local();
        facts.tcp = ports->tcp->local();
        server = std::move(ports->udp);
    } else if (auto any = UdpSocket::open(runtime.executor, {host, 0})) {
        server = *std::move(any);
    }
    auto client = UdpSocket::open(runtime.executor, {host, 0});
    facts.no_sockets = !server || !client;
    if (facts.no_sockets) return;
    UdxContext udx(runtime.executor, clock, 0);  // carries no streams
    UdpPort server_port(std::move(server), udx), client_port(*std::move(client), udx);
    DhtSetup setup;
    setup.persistence = Persistence::ephemeral;
    setup.bootstrap = bootstrap_nodes(settings);
    Dht dht(runtime, server_port, client_port, std::move(setup));
    std::exception_ptr thrown;
    asio::co_spawn(loop, ask_dht(facts, dht, clock), [&](std::exception_ptr e) { thrown = e; });
    loop.run();
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace

Checks examine_without_daemon(const Settings& settings, const std::string& trouble) {
    Facts facts;
    facts.config = trouble;
    facts.first = is_first(settings);
    facts.interfaces = interface_hosts();
    facts.way_out = way_out_name();
    facts.storage = look_at_storage(settings.storage_dir);
    if (auto away = StorageMounts(settings.config_dir).why_away(settings.storage_dir))
        facts.storage.trouble = *std::move(away);
    look_at_network(facts, settings);
    return examine(facts);
}

}  // namespace kp2p

#include "node/process/daemon.hpp"

#include <algorithm>
#include <asio/signal_set.hpp>
#include <csignal>
#include <thread>

#include "node/api/api.hpp"
#include "node/async/long_threads.hpp"
#include "node/async/memory.hpp"
#include "node/async/offload.hpp"
#include "node/async/runtime.hpp"
#include "node/async/timeout.hpp"
#include "node/async/waking_clock.hpp"
#include "node/discover/dns_sd.hpp"
#include "node/log/log.hpp"
#include "node/mapping/gateway_thread.hpp"
#include "node/node.hpp"
#include "node/process/bootstrap.hpp"
#include "node/process/channel_keeper.hpp"
#include "node/process/descriptors.hpp"
#include "node/process/known_relays.hpp"
#include "node/process/live_settings.hpp"
#include "node/process/notify.hpp"
#include "node/process/own_address.hpp"
#include "node/process/ports.hpp"
#include "node/process/process_end.hpp"
#include "node/process/status_json.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

// How long the network may take to answer before commands are let at a node without it.
constexpr std::chrono::seconds entry_patience = 5s;
// When the memory is given back that only starting, and joining, needed.
constexpr std::chrono::seconds memory_of_start = 10s;
// What a killed node may lose of the DHT nodes it knows.
constexpr int keep_minutes = 5;

// As nohup has it, which means that the node is to go on.
bool is_ignored(int signal) {
    struct sigaction action = {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// What the log and the ready line may take to be read by who reads them, at the end.
constexpr std::chrono::milliseconds last_words_limit = 200ms;

// What can fail, opened before anything runs.
struct OpenedParts {
    std::unique_ptr<ConfigDir> config;
    std::optional<proto::KeyPair> keys;
    std::vector<ChannelName> channels;
    ChannelKeys channel_keys;
    std::optional<Store> store;
    Host host;                          // where sockets are bound
    Ports ports;                        // that others know
    std::unique_ptr<UdpSocket> client;  // with any other
    KnownRelays relays;
    std::unique_ptr<HttpServer> http;
    DhtSetup dht;
};

Result<OpenedParts> open_parts(Runtime& runtime, const Settings& settings, std::string& why) {
    OpenedParts parts;
    const auto flush = settings.no_flush ? Store::Flush::never : Store::Flush::always;
    auto store = Store::open(settings.storage_dir, flush);
    if (!store) {
        why = storage_trouble();
        return store.error();
    }
    auto config = ConfigDir::open(settings.config_dir, runtime.random, why);
    if (!config) return config.error();
    parts.config = *std::move(config);
    auto seed = parts.config->key_seed(why);
    if (!seed) return seed.error();
    auto token = parts.config->new_api_token(why);
    if (!token) return token.error();
    auto channels = parts.config->channels(why);
    if (!channels) return channels.error();
    std::vector<ChannelName> wanted = *channels;
    wanted.insert(wanted.end(), settings.channels.begin(), settings.channels.end());
    parts.channel_keys = parts.config->channel_keys(wanted);
    parts.host = host_to_bind(settings.host, runtime.executor);
    auto ports = open_ports(runtime.executor, runtime.clock, {parts.host, settings.port}, why);
    if (!ports) return ports.error();
    auto client = UdpSocket::open(runtime.executor, {parts.host, 0});
    if (!client) return client.error();
    auto relays = KnownRelays::open(runtime, settings, parts.host, *parts.config, why);
    if (!relays) return relays.error();
    auto http = open_api(runtime, settings, *parts.config, *token, why);
    if (!http) return http.error();
    parts.keys = proto::KeyPair::from_seed(*seed);
    parts.channels = *std::move(channels);
    parts.store = *std::move(store);
    parts.ports = *std::move(ports);
    parts.client = *std::move(client);
    parts.relays = *std::move(relays);
    parts.http = *std::move(http);
    parts.dht.bootstrap = bootstrap_nodes(settings);
    parts.dht.known_nodes = parts.config->known_nodes();
    if (is_first(settings)) {
        // It asks itself as well: where it is the only one, it would announce itself nowhere.
        const Endpoint own = own_address(parts.ports.udp->local(), runtime.executor);
        parts.dht.public_address = own;
        parts.dht.bootstrap.push_back({own, {}, own.port});
    }
    if (const auto kept = parts.config->keep_storage(parts.store->root()); !kept)
        log(LogLevel::error, "daemon", "cannot keep storage: " + kept.error().message());
    if (const auto kept = parts.config->keep_remembered(settings.to_remember); !kept)
        log(LogLevel::error, "daemon", "cannot remember: " + kept.error().message());
    return parts;
}

std::unique_ptr<PortMapper> port_mapper(Runtime& runtime, const Settings& settings) {
    if (settings.no_port_mapping || (settings.host && settings.host->is_loopback())) return nullptr;
    return std::make_unique<GatewayThread>(runtime, machine_gateway());
}

std::unique_ptr<LanService> lan_service(Runtime& runtime, const Settings& settings) {
    if (settings.no_lan || (settings.host && settings.host->is_loopback())) return nullptr;
    auto service = dns_sd_service(runtime.pool);
    if (!service) runtime.log("lan", "nobody is looked for in the LAN: built without DNS-SD");
    return service;
}

class Daemon {
  public:
    Daemon(Runtime& runtime, OpenedParts parts, const Settings& settings,
           asio::signal_set& signals);
    Task<> run(const std::function<void(const Ready&)>& ready);
    void doubt() { node_.doubt(); }

  private:
    Task<> stop_on_signal();
    void stop_soon();  // when the request that asked for it is answered
    void stop();
    Task<> say_goodbye();
    Task<> start_up(const std::function<void(const Ready&)>& ready);
    Task<> serve_api();
    Task<> keep_loop();
    Task<> keep_nodes();
    void say_what_lacks() const;
    Task<std::string> status();
    Task<std::string> metrics(const ApiParts::Loads& loads);
    Task<std::string> doctor();

    Runtime& runtime_;
    asio::signal_set& signals_;
    const Settings& settings_;
    OpenedParts parts_;
    LongThreads long_threads_;
    Node node_;
    ChannelKeeper channels_;
    LiveSettings live_;
    Api api_;
    Tasks* tasks_ = nullptr;  // while run() is
    bool stopping_ = false;
};

Daemon::Daemon(Runtime& runtime, OpenedParts parts, const Settings& settings,
               asio::signal_set& signals)
    : runtime_(runtime),
      signals_(signals),
      settings_(settings),
      parts_(std::move(parts)),
      long_threads_(runtime),
      node_(
          NodeParts{.runtime = runtime,
                    .server = with_tunnel(std::move(parts_.ports.udp), parts_.relays.tunnels.get()),
                    .client = with_tunnel(std::move(parts_.client), parts_.relays.tunnels.get()),
                    .store = *std::move(parts_.store),
                    .keys = *std::move(parts_.keys),
                    .dht = std::move(parts_.dht),
                    .tcp = std::move(parts_.ports.tcp),
                    .peers = settings.peers,
                    .open_socket = socket_opener(runtime, parts_.host, parts_.relays.tunnels.get()),
                    .tunnels = parts_.relays.tunnels.get(),
                    .probe = std::move(parts_.relays.probe),
                    .relay_urls = parts_.relays.to_tell,
                    .heard_relays =
                        [this](const std::vector<std::string>& urls) {
                            if (parts_.relays.learnt) parts_.relays.learnt->hear(urls);
                        },
                    .relay = settings.relay,
                    .lan = lan_service(runtime, settings),
                    .mapper = port_mapper(runtime, settings),
                    .interfaces = machine_interfaces(runtime.executor, runtime.clock),
                    .label = settings.label}),
      channels_(runtime, node_.share(), *parts_.config, parts_.channels,
                std::move(parts_.channel_keys)),
      live_(runtime, settings, node_.share(), node_.store(), *parts_.config),
      api_(
          *parts_.http,
          ApiParts{.runtime = runtime,
                   .share = node_.share(),
                   .store = node_.store(),
                   .long_threads = long_threads_,
                   .foreign = node_.foreign(),
                   .channels = [this] { return channels_.wanted(); },
                   .join = [this](auto name) { return channels_.join(name); },
                   .leave = [this](auto name) { return channels_.leave(name); },
                   .status = [this] { return status(); },
                   .doctor = [this] { return doctor(); },
                   .trials = [this](NodeId node,
                                    OnTrial tell) { return node_.try_ways(node, std::move(tell)); },
                   .label_of = [this](auto& node) { return node_.label_of(node); },
                   .stop = [this] { stop_soon(); },
                   .metrics = [this](const auto& loads) { return metrics(loads); },
                   .open_metrics = settings.metrics,
                   .settings = [this] { return live_.json(); },
                   .set =
                       [this](auto texts, std::string& complaint) {
                           return live_.set(std::move(texts), channels_.wanted(), complaint);
                       }}) {}

Task<> Daemon::run(const std::function<void(const Ready&)>& ready) {
    auto body = [&](Tasks& tasks) -> Task<> {
        tasks_ = &tasks;
        tasks.spawn(stop_on_signal());
        tasks.spawn(node_.run());
        tasks.spawn(channels_.start(settings_.channels));  // before a command may ask for a file
        tasks.spawn(serve_api());
        tasks.spawn(keep_loop());
        if (parts_.relays.learnt) tasks.spawn(parts_.relays.learnt->keep_loop());
        tasks.spawn(keep_service_manager_informed(runtime_.clock,
                                                  [this] { return status_line(node_.brief()); }));
        tasks.spawn(start_up(ready));
        co_return;
    };
    (void)co_await with_tasks(body);  // it ends by cancellation
    tasks_ = nullptr;
    log(LogLevel::info, "daemon", "stopped");
}

Task<> Daemon::stop_on_signal() {
    const bool to_file = !settings_.log_file.empty();
    const bool stays = to_file || has_service_manager();  // which has no terminal that could go
    if (stays || !is_ignored(SIGHUP)) signals_.add(SIGHUP);
    int signal = 0;
    do {
        auto [error, number] = co_await signals_.async_wait(use_result);
        if (error) co_return;
        signal = number;
        if (to_file && signal == SIGHUP) reopen_log();
    } while (stays && signal == SIGHUP);
    log(LogLevel::info, "daemon", "stopping, by signal " + std::to_string(signal));
    stop();
}

void Daemon::stop_soon() {
    log(LogLevel::info, "daemon", "stopping, as asked over the API");
    asio::post(runtime_.executor, [this] {
        if (tasks_) stop();
    });
}

void Daemon::stop() {
    if (std::exchange(stopping_, true)) return;
    notify_service_manager("STOPPING=1");
    end_process_within(node_.farewell_limit() + stop_limit);
    tasks_->spawn(keep_nodes());
    tasks_->spawn(say_goodbye());
}

Task<> Daemon::say_goodbye() {
    co_await node_.farewell();
    tasks_->cancel();
}

Task<> Daemon::serve_api() {
    (void)co_await parts_.http->serve();  // it ends by cancellation
}

Task<> Daemon::start_up(const std::function<void(const Ready&)>& ready) {
    auto keep = [&config = *parts_.config, port = parts_.http->port()] {
        return config.keep_api_port(port);
    };
    const auto kept = co_await offload(runtime_.pool, keep);
    if (!kept) log(LogLevel::error, "daemon", "cannot keep api-port: " + kept.error().message());
    auto entered = co_await with_timeout(runtime_.clock, entry_patience, node_.entered());
    if (!entered && entered.error() != Errc::timed_out) co_return;
    if (!node_.in_network() && !is_first(settings_)) say_what_lacks();
    notify_service_manager("READY=1");
    const Ready what{node_.id(), node_.local(), parts_.http->port()};
    auto say = [ready, what]() -> Result<void> {  // who reads it may not be there
        flush_log(last_words_limit);
        ready(what);
        return ok;
    };
    (void)co_await node_.foreign().call("/dev/stdout", say);
}

void Daemon::say_what_lacks() const {
    const std::size_t nodes = node_.dht_nodes();
    const auto trouble = node_.network_trouble();
    if (trouble && trouble->code == Finding::Code::no_bootstrap) {  // as it was asked for
        log(LogLevel::info, "dht", log_text_of(*trouble));
        return;
    }
    std::string lacking = "no DHT node has answered yet";
    if (trouble) lacking = log_text_of(*trouble);
    if (!trouble && nodes > 0)
        lacking = "the DHT is not entered yet, though nodes of it have answered: " +
                  std::to_string(nodes);
    log(LogLevel::warning, "dht", lacking + "; trying on");
}

Task<> Daemon::keep_loop() {
    auto started = co_await runtime_.clock.sleep_for(memory_of_start);
    if (!started) co_return;
    auto give_all = [] { return give_freed_memory_back(), give_code_back(), ok; };
    (void)co_await offload(runtime_.pool, give_all);
    auto give_freed = [] { return give_freed_memory_back(), ok; };  // of whatever flood there was
    for (int minutes = 1;; ++minutes) {
        auto slept = co_await runtime_.clock.sleep_for(60s);
        if (!slept) co_return;
        (void)co_await offload(runtime_.pool, give_freed);
        if (minutes % keep_minutes == 0) co_await keep_nodes();
    }
}

Task<> Daemon::keep_nodes() {
    std::vector<Endpoint> nodes = node_.known_nodes();
    if (nodes.empty()) co_return;  // what an earlier run knew is better than nothing
    auto write = [&config = *parts_.config, &nodes] { return config.keep_known_nodes(nodes); };
    auto kept = co_await offload(runtime_.pool, write);
    if (!kept)
        log(LogLevel::warning, "daemon", "cannot keep known nodes: " + kept.error().message());
}

Task<std::string> Daemon::status() {
    const NodeStatus now = co_await node_.status();
    co_return status_json(now, runtime_.clock.now(), parts_.http->port());
}

Task<std::string> Daemon::metrics(const ApiParts::Loads& loads) {
    const NodeStatus now = co_await node_.status();
    const Store::Usage usage = co_await node_.usage();
    const MetricsFacts facts{
        now, usage, live_.quota_bytes(), node_.share().rates(), live_.channel_rates(), loads};
    co_return metrics_text(facts);
}

Task<std::string> Daemon::doctor() {
    NodeHealth health = co_await node_.health();
    health.facts.first = is_first(settings_);
    co_return doctor_json(health, runtime_.clock.now());
}

// The node goes with this frame, so that nothing of it is left to wait for when the loop looks.
Task<> run_all(WakingClock& clock, Runtime& runtime, OpenedParts parts, const Settings& settings,
               asio::signal_set& signals, const std::function<void(const Ready&)>& ready) {
    Daemon daemon(runtime, std::move(parts), settings, signals);
    (void)co_await with_tasks([&](Tasks& tasks) -> Task<> {
        clock.on_gap([&daemon] { daemon.doubt(); });
        tasks.spawn(clock.run());
        co_await daemon.run(ready);
        tasks.cancel();
    });
}

}  // namespace

Result<void> run_daemon(const Settings& settings, const std::function<void(const Ready&)>& ready,
                        std::string& why) {
    keep_freed_memory();
    const auto logs = set_up_log({settings.log_levels, settings.log_format, settings.log_file});
    if (!logs) {
        why = settings.log_file.string();
        return logs.error();
    }
    if (auto allowed = allow_many_descriptors(why); !allowed) return allowed.error();
    SteadyClock machine_clock;
    WakingClock clock(machine_clock);
    SystemRandom random;
    asio::io_context loop{1};
    ThreadPool pool(std::max(2u, std::thread::hardware_concurrency()));
    Runtime runtime{
        loop.get_executor(),
        clock,
        random,
        pool,
        [](const char* room, const std::string& line) { log(LogLevel::info, room, line); },
        [](const char* room, const std::string& line) { log(LogLevel::debug, room, line); }};
    auto parts = open_parts(runtime, settings, why);
    if (!parts) return parts.error();
    asio::signal_set signals(loop, SIGINT, SIGTERM);
    asio::co_spawn(loop, run_all(clock, runtime, *std::move(parts), settings, signals, ready),
                   [](std::exception_ptr thrown) {
                       if (thrown) std::rethrow_exception(thrown);
                   });
    loop.run();
    flush_log(last_words_limit);
    return ok;
}

}  // namespace kp2p

#include "node/process/local_api.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <asio/local/stream_protocol.hpp>

#include "node/api/api.hpp"
#include "node/async/foreign_calls.hpp"
#include "node/async/long_threads.hpp"
#include "node/share/channels/peers.hpp"
#include "node/share/share.hpp"
#include "node/store/store.hpp"
#include "node/threads/pool.hpp"

namespace kp2p {
namespace {

// There is no network.
class NoPeers final : public Peers {
  public:
    void join(const Topic&) override {}
    void leave(const Topic&) override {}
    bool settling(const Topic&) const override { return false; }
    bool looked_up_again(const Topic&, Clock::Time) override { return true; }
    Task<Result<std::shared_ptr<Connection>>> connect(NodeId) override {
        co_return Errc::cannot_connect;
    }
    std::shared_ptr<Connection> best(const NodeId&) const override { return nullptr; }
    std::vector<Finding> why_not(const NodeId&) const override { return {}; }
    std::vector<Finding> why_none(const Topic&) const override { return {}; }
};

Task<Result<void>> no_daemon() { co_return Errc::no_daemon; }
Task<std::string> nothing() { co_return "{}"; }

}  // namespace

// The parts of a daemon that need no network.
struct LocalApi::Machine {
    explicit Machine(Store opened) : store(std::move(opened)) {}

    SteadyClock clock;
    SystemRandom random;
    asio::io_context loop{1};
    ThreadPool pool{2};
    Runtime runtime{loop.get_executor(), clock, random, pool,
                    [](const char*, const std::string&) {}};
    Store store;
    NoPeers peers;
    ForeignCalls foreign{runtime};
    LongThreads long_threads{runtime};
    Share share{
        {.runtime = runtime, .store = store, .peers = peers, .foreign = foreign, .own = NodeId()}};
};

LocalApi::LocalApi(std::unique_ptr<Machine> machine) : machine_(std::move(machine)) {}
LocalApi::~LocalApi() = default;

Result<std::unique_ptr<LocalApi>> LocalApi::open(const std::filesystem::path& storage) {
    auto store = Store::open(storage);
    if (!store) return store.error();
    auto machine = std::make_unique<Machine>(*std::move(store));
    return std::unique_ptr<LocalApi>(new LocalApi(std::move(machine)));
}

void LocalApi::serve(int descriptor) {
    Machine& machine = *machine_;
    const asio::generic::stream_protocol kind(asio::local::stream_protocol{});
    Wire::Socket socket(machine.loop);  // closes it whatever is thrown
    std::error_code refused;
    socket.assign(kind, descriptor, refused);
    if (refused) {
        ::close(descriptor);
        return;
    }
    HttpServer server(machine.runtime);
    const Api api(server, ApiParts{.runtime = machine.runtime,
                                   .share = machine.share,
                                   .store = machine.store,
                                   .long_threads = machine.long_threads,
                                   .foreign = machine.foreign,
                                   .channels = [] { return std::vector<ChannelName>(); },
                                   .join = [](ChannelName) { return no_daemon(); },
                                   .leave = [](ChannelName) { return no_daemon(); },
                                   .status = nothing,
                                   .doctor = nothing,
                                   .trials = [](NodeId, OnTrial) { return no_daemon(); },
                                   .label_of = [](const NodeId&) { return std::string(); },
                                   .stop = [] {}});
    std::exception_ptr thrown;
    bool served = false;
    asio::co_spawn(machine.loop, server.serve(std::move(socket)), [&](std::exception_ptr e) {
        thrown = e;
        served = true;
        machine.loop.stop();  // whatever is kept for a while: nobody asks any more
    });
    try {
        machine.loop.restart();
        machine.loop.run();
    } catch (...) {  // the socket lives on where nothing runs any more
        if (!served) ::shutdown(descriptor, SHUT_RDWR);
        throw;
    }
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace kp2p

#include "test/sim/host.hpp"

namespace kp2p::test {

SimHost::SimHost(Sim& sim, SimDisk& disk, std::uint32_t number, DhtSetup setup, MemoryDoors* doors)
    : sim_(sim),
      runtime_(sim.runtime()),
      number_(number),
      address_(host_of(number)),
      setup_(std::move(setup)),
      disk_(disk),
      storage_("/sim/" + std::to_string(number)),
      doors_(doors),
      place_{{address_.host}, address_.host},
      carried_(sim.loop().get_executor()),
      ended_(sim.loop().get_executor()) {
    disk_.make(storage_);
    runtime_.log = [this](const char* room, const std::string& line) {
        log_.push_back(std::to_string(sim_.clock().passed().count()) + " " + room + ": " + line);
    };
}

NodeParts SimHost::parts() {
    const SocketPool::Open open_socket = [this]() -> Result<std::unique_ptr<Datagrams>> {
        return sim_.open({address_.host, static_cast<std::uint16_t>(51000 + sockets_opened_++)});
    };
    return {.runtime = runtime_,
            .server = sim_.open(address_),
            .client = sim_.open({address_.host, 50000}),
            .store = *Store::open(storage_),
            .keys = proto::KeyPair::from_seed(seed_of(number_)),
            .dht = setup_,
            .tcp = doors_ ? doors_->open(address_) : nullptr,
            .peers = peers_,
            .open_socket = punches_ ? open_socket : SocketPool::Open(),
            .interfaces = std::make_unique<InterfaceWatch>(
                sim_.clock(), [this] { return place_; }, [this] { return carried_.wait(); })};
}

void SimHost::start(Tasks& all) {
    sim_.revive(address_);
    disk_.go_on(storage_);
    all.spawn(live());
}

Task<> SimHost::live() {
    node_.emplace(parts());
    auto body = [this](Tasks& tasks) -> Task<> {
        life_ = &tasks;
        tasks.spawn(node_->run());
        co_return;
    };
    (void)co_await with_tasks(body);
    life_ = nullptr;
    node_.reset();
    ended_.notify_all();
}

Task<> SimHost::kill(Death death) {
    sim_.kill(address_);
    disk_.stop(storage_);
    life_->cancel();
    while (node_) (void)co_await ended_.wait();
    if (death == Death::of_power) disk_.lose_unflushed(storage_);
}

}  // namespace kp2p::test

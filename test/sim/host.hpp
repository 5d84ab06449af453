// SimHost: a computer in a simulated world with a whole node on it. Its key and its storage stay
// when the node is killed, and the next one finds them.
//   SimHost host(sim, disk, 3, setup);
//   host.start(all);  host.spawn(work());  co_await host.kill(Death::of_process);
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node/async/tasks.hpp"
#include "node/node.hpp"
#include "test/node/dht/simulated_dht.hpp"
#include "test/node/transport/memory_doors.hpp"
#include "test/sim/disk.hpp"
#include "test/sim/sim.hpp"

namespace kp2p::test {

enum class Death { of_process, of_power };

class SimHost {
  public:
    // `doors`: what it has of TCP; null: nothing.
    SimHost(Sim& sim, SimDisk& disk, std::uint32_t number, DhtSetup setup,
            MemoryDoors* doors = nullptr);
    SimHost(const SimHost&) = delete;

    // As --peer does, before it starts.
    void name(FixedPeer peer) { peers_.push_back(std::move(peer)); }
    // It punches holes, which takes sockets; before it starts.
    void punch() { punches_ = true; }
    // Its interface has this address from now on; what leads there is the simulation's.
    void carry(const Host& to) {
        place_ = {{to}, to};
        carried_.notify_all();
    }
    // It runs in `all` until it is killed, or `all` is cancelled.
    void start(Tasks& all);
    // What the node is asked to do, which ends with it.
    void spawn(Task<> work) { life_->spawn(std::move(work)); }
    // At once, as by kill -9 or a power cut: nothing is said and nothing is written any more.
    Task<> kill(Death death);

    Node& node() { return *node_; }
    const Endpoint& address() const { return address_; }
    const std::filesystem::path& storage() const { return storage_; }
    const std::vector<std::string>& log() const { return log_; }  // of all its lives, with the time

  private:
    Task<> live();
    NodeParts parts();

    Sim& sim_;
    Runtime runtime_;
    std::uint32_t number_;
    Endpoint address_;
    DhtSetup setup_;
    SimDisk& disk_;
    std::filesystem::path storage_;
    MemoryDoors* doors_;
    std::vector<FixedPeer> peers_;
    bool punches_ = false;
    std::uint16_t sockets_opened_ = 0;
    Whereabouts place_;
    Event carried_;
    std::optional<Node> node_;
    Tasks* life_ = nullptr;  // of the node that runs
    Event ended_;
    std::vector<std::string> log_;
};

}  // namespace kp2p::test

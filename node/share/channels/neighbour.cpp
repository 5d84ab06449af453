#include "node/share/channels/neighbour.hpp"

#include <utility>

namespace kp2p {
Neighbour::Neighbour(const ShareParts& parts, Finder& finder, Inventory& inventory,
                     const ChannelList& channels, Event& changed,
                     std::shared_ptr<Connection> connection)
    : parts_(parts),
      changed_(changed),
      connection_(std::move(connection)),
      since_(parts.runtime.clock.now()),
      unproven_(parts.runtime.clock.alarm(parts.runtime.executor, [this] { close_unproven(); })),
      lookup_(
          {parts.runtime, finder, inventory, channels}, connection_,
          {[this] { channels_changed(); }, [this](const std::string& what) { complain(what); }}),
      transfer_(parts.runtime, inventory, connection_,
                [this](const std::string& what) { complain(what); }) {}

Task<> Neighbour::serve() {
    auto body = [this](Tasks& all) -> Task<> {
        transfer_.start(all);
        lookup_.start(all);
        auto started = co_await connection_->started();
        since_ = parts_.runtime.clock.now();
        if (started) unproven_->set(since_ + proof_span);
        auto ended = co_await connection_->closed();
        (void)ended;  // however it ended, there is nothing left to serve
        all.cancel();
    };
    auto served = co_await with_tasks(body);
    (void)served;
    lookup_.stop();
    transfer_.stop();
}

void Neighbour::channels_changed() {
    const bool was_proven = std::exchange(was_proven_, proven());
    if (proven()) {
        connection_->trust();
        unproven_->clear();
    } else if (was_proven) {
        unproven_->set(parts_.runtime.clock.now() + proof_span);
    }
    transfer_.allow(lookup_.channels());
    changed_.notify_all();
}

void Neighbour::close_unproven() {
    if (!connection_->is_held()) return connection_->close();
    unproven_->set(parts_.runtime.clock.now() + proof_span);
}

// Once a connection, lest it fill the log.
void Neighbour::complain(const std::string& what) {
    if (!std::exchange(complained_, true))
        parts_.runtime.log("share", "node " + node().hex() + " " + what);
}

}  // namespace kp2p

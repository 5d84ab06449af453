#include "node/share/neighbour.hpp"

#include <utility>

namespace kp2p {
namespace {

constexpr std::chrono::seconds tick_span{1};

}  // namespace

Neighbour::Neighbour(const ShareParts& parts, Finder& finder, Shelf& shelf,
                     const ChannelList& channels, Event& changed,
                     std::shared_ptr<Connection> connection)
    : parts_(parts),
      finder_(finder),
      changed_(changed),
      connection_(std::move(connection)),
      lookup_(
          {parts.runtime, finder, shelf, channels}, connection_,
          {[this] { channels_changed(); }, [this](const std::string& what) { complain(what); }}),
      transfer_(parts.runtime, shelf, connection_,
                [this](const std::string& what) { complain(what); }) {}

Task<> Neighbour::serve() {
    auto body = [this](Tasks& all) -> Task<> {
        transfer_.start(all);
        lookup_.start(all);
        all.spawn(guard());
        auto ended = co_await connection_->closed();
        (void)ended;  // however it ended, there is nothing left to serve
        all.cancel();
    };
    auto served = co_await with_tasks(body);
    (void)served;
    lookup_.stop();
    transfer_.stop();
}

Task<> Neighbour::guard() {
    auto proven_at = parts_.runtime.clock.now();
    for (;;) {
        auto slept = co_await parts_.runtime.clock.sleep_for(tick_span);
        if (!slept) co_return;
        finder_.expire();
        const auto now = parts_.runtime.clock.now();
        if (proven()) proven_at = now;
        if (now - proven_at >= proof_span) connection_->close();
        transfer_.rest();
    }
}

void Neighbour::channels_changed() {
    if (proven()) connection_->trust();
    transfer_.allow(proven());
    changed_.notify_all();
}

// Once a connection, lest it fill the log.
void Neighbour::complain(const std::string& what) {
    if (!std::exchange(complained_, true))
        parts_.runtime.log("share", "node " + node().hex() + " " + what);
}

}  // namespace kp2p

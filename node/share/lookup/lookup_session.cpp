#include "node/share/lookup/lookup_session.hpp"

#include <algorithm>
#include <utility>

#include "node/transport/outbox.hpp"

namespace kp2p {
namespace {

ByteVector bytes_of(ByteView view) { return {view.begin(), view.end()}; }

proto::Role other(proto::Role role) {
    return role == proto::Role::initiator ? proto::Role::responder : proto::Role::initiator;
}

}  // namespace

LookupSession::LookupSession(Parts parts, std::shared_ptr<Connection> connection, Owner owner)
    : parts_(parts), connection_(std::move(connection)), owner_(std::move(owner)) {}

LookupSession::~LookupSession() { connection_->on_open(proto::lookup_protocol, {}); }

void LookupSession::start(Tasks& tasks) {
    tasks_ = &tasks;
    connection_->on_open(proto::lookup_protocol,
                         [this](const proto::RemoteOpen& open) { return opened(open); });
    for (const auto& [name, channel] : parts_.channels) joined(channel);
}

bool LookupSession::proven() const {
    return std::any_of(lookups_.begin(), lookups_.end(),
                       [](const auto& entry) { return entry.second.proven; });
}

std::set<Topic> LookupSession::topics() const {
    std::set<Topic> topics;
    for (const auto& [number, lookup] : lookups_)
        if (lookup.proven) topics.insert(lookup.channel->topic);
    return topics;
}

std::set<ChannelName> LookupSession::channels() const {
    std::set<ChannelName> names;
    for (const auto& [number, lookup] : lookups_)
        if (lookup.proven) names.insert(lookup.channel->name);
    return names;
}

bool LookupSession::owes() const {
    return std::any_of(lookups_.begin(), lookups_.end(), [](const auto& entry) {
        return entry.second.edge && entry.second.edge->owes();
    });
}

bool LookupSession::awaited() const {
    return std::any_of(lookups_.begin(), lookups_.end(), [](const auto& entry) {
        return !entry.second.mux && !entry.second.leaving;
    });
}

void LookupSession::left(proto::ChannelTag tag) {
    for (auto& [number, lookup] : lookups_) {
        if (lookup.channel->tag != tag) continue;
        lookup.leaving = true;
        lookup.proven = false;
        if (lookup.mux) lookup.mux->close();
    }
    owner_.changed();
}

bool LookupSession::opened(const proto::RemoteOpen& open) {
    for (const auto& [name, channel] : parts_.channels) {
        const LookupId id = proto::lookup_id(channel->key, connection_->handshake_hash());
        if (!std::ranges::equal(id.view(), open.name.id)) continue;
        joined(channel);
        return true;
    }
    return false;
}

void LookupSession::joined(ChannelRef channel) {
    if (!tasks_) return;
    for (auto& [number, lookup] : lookups_) {
        if (lookup.channel != channel || lookup.leaving) continue;
        if (!lookup.mux) lookup.again = true;
        if (!lookup.mux || !lookup.mux->is_closed()) return;
    }
    const std::uint64_t number = next_++;
    lookups_[number].channel = std::move(channel);
    tasks_->spawn(run(number));
}

Task<> LookupSession::run(std::uint64_t number) {
    const HandshakeHash& handshake = connection_->handshake_hash();
    const ChannelRef channel = lookups_.at(number).channel;
    const proto::Role role = connection_->role();
    for (;;) {
        lookups_.at(number).again = false;
        ByteVector id = bytes_of(proto::lookup_id(channel->key, handshake).view());
        ByteVector proof = bytes_of(proto::membership_proof(channel->key, handshake, role).view());
        auto opened =
            co_await connection_->open(proto::lookup_protocol, std::move(id), std::move(proof));
        Lookup& lookup = lookups_.at(number);
        if (!opened && opened.error() == Errc::refused && lookup.again && !lookup.leaving) continue;
        if (!opened || lookup.leaving) break;
        lookup.mux = *opened;
        const auto expected = proto::membership_proof(channel->key, handshake, other(role));
        if (!proto::proves_membership(expected, lookup.mux->remote_handshake())) {
            owner_.complain("opened a channel of which it does not know the name");
            break;
        }
        co_await talk(number);
        break;
    }
    lookups_.erase(number);
    owner_.changed();
}

Task<> LookupSession::talk(std::uint64_t number) {
    const ChannelRef channel = lookups_.at(number).channel;
    const std::shared_ptr<MuxChannel> mux = lookups_.at(number).mux;
    lookups_.at(number).proven = true;
    owner_.changed();
    Outbox outbox(parts_.runtime.executor);
    auto send = [this, &outbox](const proto::LookupMessage& message) {
        if (!outbox.put(encode(message))) connection_->close();  // it does not read
    };
    auto ask_storage = [this](std::uint64_t ticket, const Sha1& file) {
        tasks_->spawn(look(ticket, file));
    };
    const proto::Flood::End end{channel->tag, connection_->remote()};
    Finder::Edge edge(parts_.finder, end, send, ask_storage);
    lookups_.at(number).edge = &edge;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(outbox.pour(mux));
        for (;;) {
            auto got = co_await mux->receive();
            if (!got) break;
            auto message = proto::decode_lookup(got->type, got->payload);
            if (message) edge.receive(*message);
            if (!message && message.error() != proto::Errc::unknown_type) break;
        }
        all.cancel();
    };
    auto talked = co_await with_tasks(body);
    (void)talked;
    mux->close();
    lookups_.at(number).edge = nullptr;
    lookups_.at(number).proven = false;
}

Task<> LookupSession::look(std::uint64_t ticket, Sha1 file) {
    auto local = co_await parts_.inventory.look(file);
    parts_.finder.looked(ticket, local);
}

}  // namespace kp2p

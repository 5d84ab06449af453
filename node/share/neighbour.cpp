#include "node/share/neighbour.hpp"

#include <algorithm>
#include <utility>

#include "node/async/memory.hpp"
#include "node/async/offload.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::seconds tick_span{1};
constexpr std::chrono::seconds still_span{60};  // in which files that are used would have moved
constexpr std::uint64_t worth_giving_back_bytes = 4 << 20;

ByteVector bytes_of(ByteView view) { return {view.begin(), view.end()}; }

proto::Role other(proto::Role role) {
    return role == proto::Role::initiator ? proto::Role::responder : proto::Role::initiator;
}

}  // namespace

Neighbour::Neighbour(const ShareParts& parts, Finder& finder, Shelf& shelf,
                     const ChannelList& channels, Event& changed,
                     std::shared_ptr<Connection> connection)
    : parts_(parts),
      finder_(finder),
      shelf_(shelf),
      channels_(channels),
      changed_(changed),
      connection_(std::move(connection)),
      proof_(parts.runtime.executor),
      transfer_out_(parts.runtime.executor) {}

Neighbour::~Neighbour() {
    connection_->on_open(proto::lookup_protocol, {});
    connection_->on_open(proto::transfer_protocol, {});
    lose_files(&FileUser::lost);
}

Task<> Neighbour::serve() {
    auto body = [this](Tasks& all) -> Task<> {
        tasks_ = &all;
        connection_->on_open(proto::lookup_protocol,
                             [this](const proto::RemoteOpen& open) { return lookup_opened(open); });
        connection_->on_open(proto::transfer_protocol,
                             [this](const proto::RemoteOpen&) { return transfer_opened(); });
        for (const auto& [name, channel] : channels_) start_lookup(channel);
        all.spawn(guard());
        auto ended = co_await connection_->closed();
        (void)ended;  // however it ended, there is nothing left to serve
        all.cancel();
    };
    auto served = co_await with_tasks(body);
    (void)served;
    tasks_ = nullptr;
}

Task<> Neighbour::guard() {
    auto proven_at = parts_.runtime.clock.now();
    std::uint64_t last_moved = 0, rested_at = 0;
    for (;;) {
        auto slept = co_await parts_.runtime.clock.sleep_for(tick_span);
        if (!slept) co_return;
        finder_.expire();
        const auto now = parts_.runtime.clock.now();
        if (proven()) proven_at = now;
        if (now - proven_at >= proof_span) connection_->close();
        if (moved_bytes_ != last_moved) active_at_ = now;
        if (moved_bytes_ - rested_at >= worth_giving_back_bytes && moved_bytes_ == last_moved) {
            rested_at = moved_bytes_;
            auto give_back = [] { return give_freed_memory_back(), ok; };
            co_await offload(parts_.runtime.pool, give_back);
        }
        last_moved = moved_bytes_;
    }
}

bool Neighbour::proven() const {
    return std::any_of(lookups_.begin(), lookups_.end(),
                       [](const auto& entry) { return entry.second.proven; });
}

Use Neighbour::use() const {
    Use use;
    for (const auto& [number, lookup] : lookups_)
        if (lookup.proven) use.topics.insert(lookup.channel->topic);
    const bool gives = giver_ && giver_->has_files();
    const bool moves = parts_.runtime.clock.now() - active_at_ < still_span;
    if (!users_.empty() || (gives && moves)) {
        use.work = Work::busy;
    } else if (gives) {
        use.work = Work::quiet;
    }
    return use;
}

void Neighbour::put(Outbox& outbox, proto::Encoded message) {
    if (!outbox.put(std::move(message))) connection_->close();  // it does not read
}

// Once a connection, lest it fill the log.
void Neighbour::complain(const std::string& what) {
    if (!std::exchange(complained_, true))
        parts_.runtime.log("share", "node " + node().hex() + " " + what);
}

// ---- lookup channels ----

void Neighbour::joined(ChannelRef channel) { start_lookup(std::move(channel)); }

void Neighbour::left(proto::ChannelTag tag) {
    for (auto& [number, lookup] : lookups_) {
        if (lookup.channel->tag != tag) continue;
        lookup.leaving = true;
        lookup.proven = false;
        if (lookup.mux) lookup.mux->close();
    }
    disproved();
}

// Without a common channel nothing is given any more.
void Neighbour::disproved() {
    if (!proven() && transfer_mux_) transfer_mux_->close();
    changed_.notify_all();
}

bool Neighbour::lookup_opened(const proto::RemoteOpen& open) {
    for (const auto& [name, channel] : channels_) {
        const LookupId id = proto::lookup_id(channel->key, connection_->handshake_hash());
        if (!std::ranges::equal(id.view(), open.name.id)) continue;
        start_lookup(channel);
        return true;
    }
    return false;
}

void Neighbour::start_lookup(ChannelRef channel) {
    if (!tasks_) return;
    for (auto& [number, lookup] : lookups_) {
        if (lookup.channel != channel || lookup.leaving) continue;
        if (!lookup.mux) lookup.again = true;
        if (!lookup.mux || !lookup.mux->is_closed()) return;
    }
    const std::uint64_t number = next_lookup_++;
    lookups_[number].channel = std::move(channel);
    tasks_->spawn(lookup_session(number));
}

Task<> Neighbour::lookup_session(std::uint64_t number) {
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
            complain("opened a channel of which it does not know the name");
            break;
        }
        co_await lookup_talk(number);
        break;
    }
    lookups_.erase(number);
}

Task<> Neighbour::lookup_talk(std::uint64_t number) {
    const ChannelRef channel = lookups_.at(number).channel;
    const std::shared_ptr<MuxChannel> mux = lookups_.at(number).mux;
    lookups_.at(number).proven = true;
    connection_->trust();
    proof_.notify_all();
    changed_.notify_all();
    Outbox outbox(parts_.runtime.executor);
    auto send = [this, &outbox](const proto::LookupMessage& message) {
        put(outbox, encode(message));
    };
    auto ask_storage = [this](std::uint64_t ticket, const Sha1& file) {
        tasks_->spawn(look(ticket, file));
    };
    const proto::Flood::End end{channel->tag, node()};
    Finder::Link link(finder_, end, send, ask_storage);
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(outbox.pour(mux));
        for (;;) {
            auto got = co_await mux->receive();
            if (!got) break;
            auto message = proto::decode_lookup(got->type, got->payload);
            if (message) link.receive(*message);
            if (!message && message.error() != proto::Errc::unknown_type) break;
        }
        all.cancel();
    };
    auto talked = co_await with_tasks(body);
    (void)talked;
    mux->close();
    lookups_.at(number).proven = false;
    disproved();
}

Task<> Neighbour::look(std::uint64_t ticket, Sha1 file) {
    auto local = co_await shelf_.look(file);
    finder_.looked(ticket, local);
}

// ---- the transfer channel ----

bool Neighbour::transfer_opened() {
    if (!tasks_) return false;
    transfer_again_ = transferring_;
    start_transfer();
    return true;
}

void Neighbour::start_transfer() {
    if (transferring_ || !tasks_) return;
    transferring_ = true;
    tasks_->spawn(transfer_session());
}

Task<> Neighbour::transfer_session() {
    for (;;) {
        while (!proven()) {  // the guard ends the connection if that never happens
            auto proof = co_await proof_.wait();
            if (!proof) co_return;
        }
        transfer_again_ = false;
        auto opened =
            co_await connection_->open(proto::transfer_protocol, ByteVector(), ByteVector());
        if (!opened && opened.error() != Errc::refused) break;
        if (opened) {
            transfer_mux_ = *opened;
            co_await transfer_talk(*opened);
            transfer_mux_.reset();
            transfer_out_.clear();
            lose_files(&FileUser::lost);
        }
        if (!transfer_again_) break;
    }
    transferring_ = false;
    transfer_out_.clear();
    lose_files(&FileUser::lost);
}

Task<> Neighbour::transfer_talk(std::shared_ptr<MuxChannel> mux) {
    auto send = [this](proto::Encoded message) { put(transfer_out_, std::move(message)); };
    Giver giver(parts_.runtime, shelf_, send, moved_bytes_);
    const struct Giving {
        const Giver*& giver;
        ~Giving() { giver = nullptr; }
    } giving{giver_ = &giver};
    auto body = [&](Tasks& all) -> Task<> {
        giver.work_in(all);
        all.spawn(transfer_out_.pour(mux));
        all.spawn(giver.give_loop(mux));
        all.spawn(giver.give_loop(mux));
        for (;;) {
            auto got = co_await mux->receive();
            if (!got) break;
            auto received = receive_transfer(giver, std::move(*got));
            if (!received) break;
        }
        all.cancel();
    };
    auto talked = co_await with_tasks(body);
    (void)talked;
    mux->close();
}

Result<void> Neighbour::receive_transfer(Giver& giver, MuxMessage message) {
    active_at_ = parts_.runtime.clock.now();
    auto decoded = proto::decode_transfer(message.type, message.payload);
    if (!decoded && decoded.error() == proto::Errc::unknown_type) return ok;
    auto received = decoded ? giver.receive(*decoded) : Result<void>(decoded.error());
    if (!received) {
        complain("sent a message that makes no sense");
        lose_files(&FileUser::garbage);
        return received;
    }
    const auto user_of = [&](proto::FileId id) -> FileUser* {
        const auto user = users_.find(id);
        return user == users_.end() ? nullptr : user->second;
    };
    if (const auto* data = std::get_if<proto::Data>(&*decoded)) {
        moved_bytes_ += message.payload.size();
        if (FileUser* user = user_of(data->id)) {
            gave_at_ = parts_.runtime.clock.now();
            user->data(*data, std::move(message.payload));
        }
    } else if (const auto* preparing = std::get_if<proto::Preparing>(&*decoded)) {
        if (FileUser* user = user_of(preparing->id)) user->preparing();
    } else if (auto* opened = std::get_if<proto::Opened>(&*decoded)) {
        if (FileUser* user = user_of(opened->id)) user->opened(std::move(*opened));
    } else if (const auto* have = std::get_if<proto::Have>(&*decoded)) {
        if (FileUser* user = user_of(have->id)) user->have(have->index);
    } else if (const auto* canceled = std::get_if<proto::Canceled>(&*decoded)) {
        if (FileUser* user = user_of(canceled->id)) user->canceled(canceled->index);
    } else if (const auto* refused = std::get_if<proto::Refused>(&*decoded)) {
        FileUser* user = user_of(refused->id);
        users_.erase(refused->id);
        if (user) user->refused(refused->code);
    }
    return ok;
}

// ---- files opened at the neighbour ----

Result<proto::FileId> Neighbour::open_file(const Sha1& file, FileUser& user) {
    start_transfer();
    if (!transferring_) return Errc::closed;
    const proto::FileId id = next_file_++;
    users_.emplace(id, &user);
    put(transfer_out_, encode(proto::Open{id, file}));
    return id;
}

void Neighbour::close_file(proto::FileId id) {
    if (users_.erase(id)) put(transfer_out_, encode(proto::Close{id}));
}

void Neighbour::ask(proto::FileId id, proto::ChunkIndex index) {
    put(transfer_out_, encode(proto::Get{id, index}));
}

void Neighbour::call_off(proto::FileId id, proto::ChunkIndex index) {
    put(transfer_out_, encode(proto::Cancel{id, index}));
}

void Neighbour::lose_files(void (FileUser::*how)()) {
    for (const auto& [id, user] : std::exchange(users_, {})) (user->*how)();
}

}  // namespace kp2p

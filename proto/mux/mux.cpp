#include "proto/mux/mux.hpp"

#include <cassert>

namespace kp2p::proto {
namespace {

enum Control : std::uint64_t { control_batch, control_open, control_reject, control_close };

constexpr std::size_t message_overhead_bytes = 512;

std::size_t number(ChannelId id) { return static_cast<std::size_t>(id); }
std::size_t number(RemoteChannelId id) { return static_cast<std::size_t>(id); }

}  // namespace

// ---- state ----

Mux::Local& Mux::local(ChannelId channel) {
    assert(number(channel) - 1 < locals_.size());
    return locals_[number(channel) - 1];
}

Mux::Remote* Mux::remote(RemoteChannelId remote) {
    return number(remote) - 1 < remotes_.size() ? &remotes_[number(remote) - 1] : nullptr;
}

ChannelId Mux::new_local(MuxName name) {
    if (free_.empty()) {
        locals_.emplace_back();
        free_.push_back(ChannelId(locals_.size()));
    }
    const ChannelId channel = free_.back();
    free_.pop_back();
    local(channel) = {Local::State::opening, std::move(name), orders_++, RemoteChannelId()};
    return channel;
}

void Mux::free_local(ChannelId channel) {
    local(channel) = Local();
    free_.push_back(channel);
}

Mux::Waiting* Mux::oldest_waiting(const MuxName& name, RemoteChannelId& at) {
    Waiting* oldest = nullptr;
    for (std::size_t i = 0; i < remotes_.size(); i++) {
        auto* waiting = std::get_if<Waiting>(&remotes_[i]);
        if (!waiting || waiting->name != name) continue;
        if (oldest && oldest->order < waiting->order) continue;
        oldest = waiting;
        at = RemoteChannelId(i + 1);
    }
    return oldest;
}

// ---- what we do ----

ChannelId Mux::open(MuxName name, ByteView handshake) {
    RemoteChannelId remote_id{};
    Waiting* waiting = oldest_waiting(name, remote_id);
    const ChannelId channel = new_local(std::move(name));
    Local& opened = local(channel);
    Writer writer;
    writer.uint(control_open).uint(number(channel));
    writer.string(opened.name.protocol).buffer(opened.name.id);
    collect(0, writer.bytes(), handshake);
    if (!waiting) return channel;

    opened.state = Local::State::open;
    opened.remote = remote_id;
    events_.push_back(ChannelOpened{channel, std::move(waiting->handshake)});
    for (ChannelMessage& message : waiting->messages) {
        waiting_bytes_ -= message_overhead_bytes + message.payload.size();
        message.channel = channel;
        events_.push_back(std::move(message));
    }
    waiting_opens_--;
    *remote(remote_id) = channel;
    return channel;
}

void Mux::reject(RemoteChannelId remote_id) {
    Remote* slot = remote(remote_id);
    auto* waiting = slot ? std::get_if<Waiting>(slot) : nullptr;
    if (!waiting) return;
    for (const ChannelMessage& message : waiting->messages)
        waiting_bytes_ -= message_overhead_bytes + message.payload.size();
    waiting_opens_--;
    *slot = std::monostate();
    Writer writer;
    writer.uint(control_reject).uint(number(remote_id));
    collect(0, writer.bytes(), {});
    unsent_rejects_++;
}

void Mux::close(ChannelId channel) {
    Local& closed = local(channel);
    assert(closed.state == Local::State::opening || closed.state == Local::State::open);
    Writer writer;
    writer.uint(control_close).uint(number(channel));
    collect(0, writer.bytes(), {});
    // What was to be told about the channel is not of interest any more.
    std::erase_if(events_, [&](const MuxEvent& event) {
        const auto* opened = std::get_if<ChannelOpened>(&event);
        const auto* message = std::get_if<ChannelMessage>(&event);
        return (opened && opened->channel == channel) || (message && message->channel == channel);
    });
    if (closed.state == Local::State::opening) {
        closed.state = Local::State::closing;  // the number is free when the other has answered
        return;
    }
    *remote(closed.remote) = std::monostate();
    free_local(channel);
}

void Mux::send(ChannelId channel, std::uint64_t type, ByteView payload) {
    Writer writer;
    writer.uint(type);
    collect(number(channel), writer.bytes(), payload);
}

ByteVector Mux::message_head(ChannelId channel, std::uint64_t type) const {
    Writer writer;
    writer.uint(number(channel)).uint(type);
    return writer.take();
}

void Mux::collect(std::uint64_t channel, ByteView head, ByteView rest) {
    batch_.add(channel, head, rest);
    if (batch_.size_bytes() < batch_bytes) return;
    frames_.push_back(batch_.take());
    unsent_bytes_ += frames_.back().size();
}

std::optional<ByteVector> Mux::next_frame() {
    if (frames_.empty() && batch_.empty()) {
        unsent_rejects_ = 0;
        return std::nullopt;
    }
    if (frames_.empty()) return batch_.take();
    ByteVector frame = std::move(frames_.front());
    frames_.pop_front();
    unsent_bytes_ -= frame.size();
    return frame;
}

// ---- what the other does ----

void Mux::receive(ByteView frame, std::shared_ptr<const void> keeper) {
    assert(consumed());
    rest_ = frame;
    keeper_ = std::move(keeper);
    batch_channel_.reset();
}

std::optional<MuxEvent> Mux::next_ready() {
    if (events_.empty()) return std::nullopt;
    std::optional<MuxEvent> event(std::move(events_.front()));
    events_.pop_front();
    return event;
}

Result<std::optional<MuxEvent>> Mux::next_event() {
    for (;;) {
        if (consumed()) keeper_ = nullptr;
        if (unsent_rejects_ > max_unsent_rejects)
            return refuse("it opens more than " + std::to_string(max_unsent_rejects) +
                          " channels without reading that they are rejected")
                .error();
        if (auto event = next_ready()) return event;
        if (consumed() || stalled()) return std::optional<MuxEvent>();
        if (auto stepped = step(); !stepped) return stepped.error();
    }
}

Result<void> Mux::refuse(std::string why) {
    why_ = std::move(why);
    return Errc::too_long;
}

// Takes one message, or one item or switch of a batch.
Result<void> Mux::step() {
    Reader reader(rest_);
    if (!batch_channel_) {
        const std::uint64_t channel = reader.uint();
        Reader peek = reader;
        if (channel == 0 && peek.uint() == control_batch && !peek.failed()) {
            batch_channel_ = peek.uint();
            rest_ = peek.rest();
            return peek.finish();
        }
        rest_ = {};
        if (reader.failed()) return reader.finish();
        return on_item(channel, reader.rest());
    }
    const std::uint64_t size = reader.uint();
    if (size == 0) {
        batch_channel_ = reader.uint();
        rest_ = reader.rest();
        return reader.finish();
    }
    const ByteView item = reader.raw(std::min<std::uint64_t>(size, reader.left()));
    rest_ = reader.rest();
    return on_item(*batch_channel_, item);
}

Result<void> Mux::on_item(std::uint64_t channel, ByteView item) {
    if (channel == 0) return on_control(item);
    return on_message(RemoteChannelId(channel), item);
}

Result<void> Mux::on_control(ByteView item) {
    Reader reader(item);
    const std::uint64_t type = reader.uint();
    if (type == control_open && !reader.failed()) return on_open(reader);
    const std::uint64_t channel =
        type == control_reject || type == control_close ? reader.uint() : 0;
    if (reader.failed()) return reader.finish();
    if (type == control_batch) return Errc::bad_value;  // a batch in a batch
    if (type == control_reject) return on_reject(ChannelId(channel));
    if (type == control_close) on_close(RemoteChannelId(channel));
    return ok;
}

Result<void> Mux::on_message(RemoteChannelId remote_id, ByteView item) {
    Remote* slot = remote(remote_id);
    if (!slot || std::holds_alternative<std::monostate>(*slot)) return ok;
    Reader reader(item);
    const std::uint64_t type = reader.uint();
    if (reader.failed()) return reader.finish();
    const ByteView payload = reader.rest();
    // Of a frame of its own that may be kept no byte is copied.
    const bool keep = keeper_ && !batch_channel_;
    ChannelMessage message{{}, type, {}};
    if (keep)
        message.payload = {std::move(keeper_), payload};
    else
        message.payload = ByteVector(payload.begin(), payload.end());
    if (const auto* channel = std::get_if<ChannelId>(slot)) {
        message.channel = *channel;
        events_.push_back(std::move(message));
    } else {
        waiting_bytes_ += message_overhead_bytes + payload.size();
        std::get<Waiting>(*slot).messages.push_back(std::move(message));
    }
    return ok;
}

Result<void> Mux::on_open(Reader& reader) {
    const std::uint64_t remote_number = reader.uint();
    const std::string_view protocol = reader.string();
    const ByteView id = reader.buffer();
    if (reader.failed()) return reader.finish();
    const ByteView handshake = reader.rest();
    if (remote_number == 0 || remote_number > remotes_.size() + 1) return Errc::bad_value;
    if (remote_number > max_remote_channels)
        return refuse("it opens more than " + std::to_string(max_remote_channels) + " channels");
    if (remote_number > remotes_.size()) remotes_.emplace_back();
    const auto remote_id = RemoteChannelId(remote_number);
    Remote& slot = *remote(remote_id);
    if (!std::holds_alternative<std::monostate>(slot)) return Errc::bad_value;

    MuxName name{std::string(protocol), ByteVector(id.begin(), id.end())};
    if (pair_with_opening(remote_id, name, handshake)) return ok;
    const bool fits = protocol.size() + id.size() + handshake.size() <= max_open_bytes;
    ByteVector kept;
    if (fits) kept.assign(handshake.begin(), handshake.end());
    slot = Waiting{name, kept, orders_++, {}};
    waiting_opens_++;
    if (!fits || waiting_opens_ > max_waiting_opens) {
        reject(remote_id);
    } else {
        events_.push_back(RemoteOpen{remote_id, std::move(name), std::move(kept)});
    }
    return ok;
}

bool Mux::pair_with_opening(RemoteChannelId remote_id, const MuxName& name, ByteView handshake) {
    std::optional<ChannelId> oldest;
    for (std::size_t i = 0; i < locals_.size(); i++) {
        const Local& candidate = locals_[i];
        const bool unanswered =
            candidate.state == Local::State::opening || candidate.state == Local::State::closing;
        if (!unanswered || candidate.name != name) continue;
        if (!oldest || candidate.order < local(*oldest).order) oldest = ChannelId(i + 1);
    }
    if (!oldest) return false;
    Local& opened = local(*oldest);
    if (opened.state == Local::State::closing) {  // our close is on its way to the other
        free_local(*oldest);
        return true;
    }
    opened.state = Local::State::open;
    opened.remote = remote_id;
    *remote(remote_id) = *oldest;
    events_.push_back(ChannelOpened{*oldest, ByteVector(handshake.begin(), handshake.end())});
    return true;
}

Result<void> Mux::on_reject(ChannelId channel) {
    if (number(channel) - 1 >= locals_.size()) return Errc::bad_value;
    const Local::State state = local(channel).state;
    if (state != Local::State::opening && state != Local::State::closing) return Errc::bad_value;
    free_local(channel);
    if (state == Local::State::opening)
        events_.push_back(ChannelClosed{channel, ChannelClosed::Why::rejected});
    return ok;
}

void Mux::on_close(RemoteChannelId remote_id) {
    Remote* slot = remote(remote_id);
    if (!slot) return;
    if (const auto* live = std::get_if<ChannelId>(slot)) {
        const ChannelId channel = *live;
        *slot = std::monostate();
        free_local(channel);
        events_.push_back(ChannelClosed{channel, ChannelClosed::Why::closed});
    } else {
        // The other keeps its number until its open is answered.
        reject(remote_id);
    }
}

}  // namespace kp2p::proto

#include "node/share/load_source.hpp"

#include <algorithm>

#include "node/async/timeout.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::seconds open_span{20};       // without a word about the file
constexpr std::chrono::minutes preparing_span{60};  // for hashing it where it has no links yet

}  // namespace

Load::Source::Source(Load& load, Neighbour& neighbour)
    : load_(load),
      neighbour_(&neighbour),
      node_(neighbour.node()),
      key_(load.next_source_++),
      changed_(load.parts_.share.executor) {
    load_.sources_.emplace(key_, this);
}

Load::Source::~Source() {
    if (neighbour_) neighbour_->close_file(id_);
    load_.sources_.erase(key_);
    forget();
}

void Load::Source::forget() { load_.download_.remove_source(load_.parts_.share.clock.now(), key_); }

Task<Load::Ended> Load::Source::stay() {
    auto id = neighbour_->open_file(load_.file_, *this);
    if (!id) {
        neighbour_ = nullptr;
        co_return Ended::lost;
    }
    id_ = *id;
    Clock& clock = load_.parts_.share.clock;
    heard_ = clock.now();
    const auto last = heard_ + preparing_span;
    while (!ended_ && !opened_) {
        const auto until = std::min(heard_ + open_span, last);
        if (clock.now() >= until) {
            load_.blame(node_, "does not open the file that it says it has");
            co_return Ended::dropped;
        }
        auto change = changed_.wait();
        auto changed = co_await with_timeout(clock, until - clock.now(), std::move(change));
        if (!changed && changed.error() == asio::error::operation_aborted) co_return Ended::closed;
    }
    while (!ended_) {
        auto changed = co_await changed_.wait();
        if (!changed) co_return Ended::closed;
    }
    co_return *ended_;
}

void Load::Source::ask(proto::ChunkIndex index) {
    if (neighbour_) neighbour_->ask(id_, index);
}

void Load::Source::call_off(proto::ChunkIndex index) {
    if (neighbour_) neighbour_->call_off(id_, index);
}

void Load::Source::end(Ended how) {
    if (!ended_) ended_ = how;
    changed_.notify_all();
}

void Load::Source::preparing() { heard_ = load_.parts_.share.clock.now(); }

void Load::Source::opened(proto::Opened opened) {
    if (opened_) return garbage();
    opened_ = true;
    changed_.notify_all();
    const auto now = load_.parts_.share.clock.now();
    load_.download_.add_source(now, key_, {opened.size_bytes, std::move(opened.have)});
    load_.pump();
}

void Load::Source::data(const proto::Data& data, ByteVector payload) {
    load_.download_.receive(load_.parts_.share.clock.now(), key_, data, std::move(payload));
    load_.givers_.insert(node_);
    load_.pump();
}

void Load::Source::have(proto::ChunkIndex index) {
    load_.download_.have(load_.parts_.share.clock.now(), key_, index);
    load_.pump();
}

void Load::Source::canceled(proto::ChunkIndex index) {
    load_.download_.canceled(load_.parts_.share.clock.now(), key_, index);
    load_.pump();
}

void Load::Source::refused(proto::RefusalCode code) {
    neighbour_ = nullptr;
    const std::string who = "node " + node_.hex();
    if (code == proto::RefusalCode::limit) {
        end(Ended::busy);
    } else {
        load_.diagnosis_.note(who + (code == proto::RefusalCode::not_found
                                         ? " does not have the file"
                                         : " cannot give the file any more"));
        end(Ended::closed);
    }
    forget();
    load_.pump();
}

void Load::Source::garbage() {
    if (neighbour_) neighbour_->close_file(id_);
    neighbour_ = nullptr;
    load_.download_.misbehaved(load_.parts_.share.clock.now(), key_);
    load_.pump();
    end(Ended::dropped);
}

void Load::Source::lost() {
    neighbour_ = nullptr;
    end(Ended::lost);
    forget();
    load_.pump();
}

}  // namespace kp2p

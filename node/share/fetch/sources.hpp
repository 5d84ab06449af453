// Sources: one file as a fetch has it open at its providers. Hands what each says to the download,
// which knows it by a key, and what the download asks of one to that one. Of a Download, a
// RangeDownload or a PieceDownload, which must outlive it.
#pragma once

#include <functional>
#include <map>
#include <type_traits>

#include "node/share/fetch/provided_file.hpp"
#include "proto/transfer/download.hpp"
#include "proto/transfer/piece_download.hpp"

namespace kp2p {

// What the two kinds of fetch do each in their way.
struct SourceHooks {
    using Key = proto::SourceKey;

    std::function<void(Key, const NodeId&, proto::Offer)> offered;  // tell the download
    std::function<void(const NodeId&)> gave;                        // before the download has it
    std::function<void(Key, const NodeId&)> garbled;                // it sent what cannot be read
    std::function<void()> pump;                                     // what the download wants now
    // One came to a download that does not ask for any itself; null: nobody does.
    std::function<void(Key, const proto::Slice&)> sliced = {};
};

template <class Download>
class Sources {
  public:
    Sources(Download& download, Providers& providers, Clock& clock, SourceHooks hooks)
        : download_(download), providers_(providers), clock_(clock), hooks_(std::move(hooks)) {
        download_.ask_if([this](auto key, std::uint64_t bytes) { return may_ask(key, bytes); });
    }
    Sources(const Sources&) = delete;

    Task<Providers::Ended> use(Neighbour& neighbour) {
        Open open(*this, neighbour);
        for (;;) {
            auto event = co_await open.file.next();
            if (!event) break;
            take(open, std::move(*event));
            hooks_.pump();
        }
        const auto ended = open.file.ended();
        if (ended == Providers::Ended::garbled) hooks_.garbled(open.key, open.file.node());
        download_.remove_source(clock_.now(), open.key);
        hooks_.pump();
        co_return ended;
    }

    // What the download wants of a source; false if it wants something else.
    bool carry_out(const typename Download::Event& event) {
        if constexpr (of_pieces) {
            if (const auto* ask = std::get_if<proto::PieceDownload::AskSlice>(&event)) {
                ask_slice(*ask);
                return true;
            }
        } else if (const auto* ask = std::get_if<typename Download::AskChunk>(&event)) {
            with(ask->source, [&](ProvidedFile& file) { file.ask(ask->index); });
            return true;
        } else if (const auto* off = std::get_if<typename Download::CallOff>(&event)) {
            with(off->source, [&](ProvidedFile& file) { file.call_off(off->index); });
            return true;
        }
        const auto* stalled = std::get_if<typename Download::SourceStalled>(&event);
        if (stalled) with(stalled->source, [](ProvidedFile& file) { file.stall(); });
        return stalled != nullptr;
    }

    // Now and then: what is late, and those that are used over a better connection by now.
    void tick() {
        const auto now = clock_.now();
        for (const auto& [key, file] : files_) download_.heard(key, file->heard_at());
        const auto deadline = download_.deadline();
        if (download_.held_back()) providers_.busy();
        if (download_.held_back() || (deadline && *deadline <= now)) download_.expire(now);
        providers_.tick();
        for (const auto& [key, file] : files_) {
            if (!file->outdone()) continue;
            download_.retire(key);
            if (!download_.owes(key)) file->leave();
        }
    }

    // Nothing more is wanted of any.
    void leave_all() {
        for (const auto& [key, file] : files_) file->leave();
    }
    std::size_t size() const { return files_.size(); }
    bool has(proto::SourceKey key) const { return files_.contains(key); }
    // Whose it is or was: what one has sent may be judged when it has left. Null if forgotten.
    const NodeId* node_of(proto::SourceKey key) const {
        const auto at = nodes_.find(key);
        return at == nodes_.end() ? nullptr : &at->second;
    }
    // Whether one is about to have the file open, or again.
    bool expected() const {
        for (const auto& [key, file] : files_)
            if (file->opening() || file->returns()) return true;
        return false;
    }

    void ask_slice(const proto::PieceDownload::AskSlice& ask) {
        with(ask.source, [&](ProvidedFile& file) { file.ask_slice(ask.offset, ask.length); });
    }

  private:
    static constexpr bool of_pieces = std::is_same_v<Download, proto::PieceDownload>;
    static constexpr std::size_t max_nodes = 4096;  // the oldest are forgotten

    struct Open {
        Open(Sources& all, Neighbour& neighbour)
            : sources(all),
              first(all.first_of(neighbour)),
              file(all.providers_, neighbour, first),
              key(all.next_++) {
            sources.files_.emplace(key, &file);
            sources.nodes_.emplace(key, file.node());
            if (sources.nodes_.size() > max_nodes) sources.nodes_.erase(sources.nodes_.begin());
        }
        Open(const Open&) = delete;
        ~Open() {
            sources.files_.erase(key);
            // Nothing that was asked for will come.
            sources.download_.remove_source(sources.clock_.now(), key);
        }

        Sources& sources;
        RemoteFile::First first;
        ProvidedFile file;
        proto::SourceKey key;
    };

    using First = RemoteFile::First;
    // A download of a whole file begins with its last chunk, of one provider alone. A peer whose
    // rate is limited is asked for it later, when the rate has room.
    First first_of(Neighbour& neighbour) const {
        if constexpr (std::is_same_v<Download, proto::Download>)
            if (files_.empty() && !download_.size_bytes() &&
                neighbour.transfer().asking_pace().empty())
                return First::last_chunk;
        return First::nothing;
    }

    void take(Open& open, TransferEvent event) {
        const auto now = clock_.now();
        if (auto* opened = std::get_if<proto::Opened>(&event.message)) {
            hooks_.offered(open.key, open.file.node(),
                           {opened->size_bytes, std::move(opened->have), opened->slices,
                            opened->last_follows && open.first == First::last_chunk,
                            proto::number_of(open.file.node())});
        } else if (const auto* have = std::get_if<proto::Have>(&event.message)) {
            download_.have(now, open.key, have->index);
        } else if (const auto* held = std::get_if<proto::Unproven>(&event.message)) {
            if constexpr (std::is_same_v<Download, proto::Download>)
                download_.have_unproven(now, open.key, held->index);
        } else if constexpr (of_pieces) {
            const auto* slice = std::get_if<proto::Slice>(&event.message);
            if (!slice) return hooks_.garbled(open.key, open.file.node());
            hooks_.gave(open.file.node());
            download_.receive(now, open.key, *slice);
        } else if (const auto* data = std::get_if<proto::Data>(&event.message)) {
            hooks_.gave(open.file.node());
            download_.receive(now, open.key, *data, std::move(event.payload));
        } else if (const auto* canceled = std::get_if<proto::Canceled>(&event.message)) {
            download_.canceled(now, open.key, canceled->index);
        } else if (const auto* slice = std::get_if<proto::Slice>(&event.message);
                   slice && hooks_.sliced) {
            hooks_.gave(open.file.node());
            hooks_.sliced(open.key, *slice);
        } else {
            hooks_.garbled(open.key, open.file.node());
        }
    }

    // As the node's rates have it.
    bool may_ask(proto::SourceKey key, std::uint64_t bytes) {
        const auto at = files_.find(key);
        if (at == files_.end()) return true;
        return Throttle::try_take(at->second->asking_pace(), this, static_cast<std::size_t>(bytes));
    }

    template <class Do>
    void with(proto::SourceKey key, Do act) {
        const auto at = files_.find(key);  // it may have gone since
        if (at != files_.end()) act(*at->second);
    }

    Download& download_;
    Providers& providers_;
    Clock& clock_;
    SourceHooks hooks_;
    std::map<proto::SourceKey, ProvidedFile*> files_;
    std::map<proto::SourceKey, NodeId> nodes_;
    proto::SourceKey next_ = 1;
};

}  // namespace kp2p

// Uploader: gives files to one neighbour over its transfer channel. Source: proto/PROTOCOL.md,
// section 5. Chunks are read, and compressed where it pays, on the pool; two at a time, so that
// one is read while the other is sent, but sent one after the other, so that the first is there
// sooner; one that fits in a block passes longer ones. Slices that are asked for of one chunk are
// cut from it together, and small files that are asked for together are read some at a time. Holds
// at most proto::max_open_files files (none of them by a descriptor), proto::max_outstanding_gets
// gets, proto::max_file_batches batches of small files and what five chunks take, and that only
// while the neighbour reads.
#pragma once

#include <array>
#include <deque>
#include <map>

#include "node/async/runtime.hpp"
#include "node/async/tasks.hpp"
#include "node/share/inventory/inventory.hpp"
#include "node/transport/mux_channel.hpp"
#include "node/transport/outbox.hpp"
#include "proto/transfer/block.hpp"

namespace kp2p {

class Uploader {
  public:
    // What is to be sent besides chunks, in order.
    using Put = std::function<void(proto::Encoded, Outbox::Sent)>;
    using Given = std::function<void(std::size_t bytes)>;  // of a chunk, just now
    // Of what is given now; none: as fast as it goes. Only these bytes wait for it, and what is
    // behind them in their loop: what is said besides does not.
    using Pace = std::function<std::vector<Throttle*>()>;
    Uploader(Runtime& runtime, Inventory& inventory, Put put, Given given, Pace pace,
             const NodeId& to);

    // Before anything else. `tasks` is joined before this ends.
    void work_in(Tasks& tasks) { tasks_ = &tasks; }

    // A message of the neighbour as requester. proto::Errc::bad_state for one that must not come
    // now; others are no business of an uploader and do nothing.
    Result<void> receive(const proto::TransferMessage& message);
    // Open or being opened, or small and asked for.
    bool has_files() const { return !files_.empty() || !batches_.empty(); }
    // Sends chunks until the channel ends or it is cancelled: those that fit in a block, which do
    // not wait behind others, or those others.
    enum class Size { of_a_block, longer };
    Task<> upload_loop(std::shared_ptr<MuxChannel> channel, Size size);
    // The same for slices, which do not wait either.
    Task<> slice_loop(std::shared_ptr<MuxChannel> channel);
    Task<> batch_loop(std::shared_ptr<MuxChannel> channel);  // of small files

  private:
    // What was read is kept so long for a neighbour that reads nothing.
    static constexpr std::chrono::seconds unread_span{2};

    enum class Stage { queued, giving, called_off };
    struct Span {  // of a file
        std::uint64_t offset, length;
    };
    struct File {
        Sha1 sha1;
        std::uint64_t number = 0;              // which open this is: ids come again
        std::shared_ptr<const Chunks> chunks;  // null while it is being opened
        bool complete = false;
        std::shared_ptr<const UnprovenChunks> unproven;  // null: it is complete
        std::unique_ptr<Transfers::Entry> transfer;      // once it is open
        std::map<proto::ChunkIndex, Stage> asked;
        std::deque<Span> slices;  // asked for
    };
    struct Batch {                 // of small files
        std::uint64_t number = 0;  // as that of a file
        std::vector<Sha1> files;
        std::unique_ptr<Transfers::Entry> transfer;
        bool gave = false;
    };
    struct BatchName {
        proto::FileId id;
        std::uint64_t number;
    };
    struct Wanted {
        proto::FileId id;
        proto::ChunkIndex index;
        friend bool operator==(const Wanted&, const Wanted&) = default;
    };
    struct Lane {
        explicit Lane(Executor executor) : filled(executor), moved(executor) {}
        std::deque<Wanted> queue;
        Event filled;
        std::deque<std::uint64_t> given;  // those that are being given, the first of which is sent
        std::uint64_t next_number = 0;    // of those
        Event moved;
        bool idle() const { return queue.empty() && given.empty(); }
        bool has_left(std::uint64_t number) const;  // what comes before that number
        void drop(const std::function<bool(const Wanted&)>& which);  // of those that are queued
    };
    class Place {  // of a chunk among those of its lane that are being given
      public:
        explicit Place(Lane& lane) : lane_(lane), number_(lane.next_number++) {
            lane.given.push_back(number_);
        }
        Place(const Place&) = delete;
        ~Place() {
            std::erase(lane_.given, number_);
            lane_.moved.notify_all();
        }
        bool is_of(const Lane& lane) const { return &lane_ == &lane; }
        bool is_first() const { return lane_.given.front() == number_; }
        Task<Result<void>> first() const;  // waits until it is

      private:
        Lane& lane_;
        std::uint64_t number_;
    };
    struct WantedSlices {  // of one chunk
        Wanted chunk;
        std::vector<Span> spans;
    };
    struct CutChunk {
        Chunk chunk;
        std::vector<proto::Block> blocks;  // of it, or slices
    };

    using Cut = std::function<std::vector<proto::Block>(const Chunk&)>;

    Result<void> open(const proto::Open& open);
    Result<void> get(const proto::Get& get);
    Result<void> get_slice(const proto::GetSlice& get);
    Result<void> get_files(const proto::GetFiles& get);
    Result<void> cancel(const proto::Cancel& cancel);
    enum class Last { asked_for, follows };  // how the last chunk goes out
    Task<> open_file(proto::Open open, std::uint64_t number, Last wanted);
    bool take_last(File& file, proto::ChunkIndex last);
    void queue_last(proto::FileId id, std::uint64_t number, proto::ChunkIndex last);
    bool hashing(proto::FileId id, std::uint64_t number, Clock::Time& told);
    void queue(const Wanted& wanted);  // of a file that is open
    Task<Result<void>> give(std::shared_ptr<MuxChannel> channel, Wanted wanted, const Place& place);
    Task<Result<CutChunk>> cut(Wanted wanted);
    // What `cut` makes of a chunk; an error if it cannot be given, which the neighbour knows then.
    Task<Result<CutChunk>> read_and(Wanted wanted, Cut cut);
    std::optional<WantedSlices> next_slices();
    Task<Result<void>> give_files(std::shared_ptr<MuxChannel> channel, proto::FileId id);
    Task<Result<void>> send_files(std::shared_ptr<MuxChannel> channel, BatchName name,
                                  const std::vector<proto::Block>& files);
    Batch* batch(const BatchName& name);  // null: not wanted any more
    Task<> doubt(Sha1 file);
    Task<Result<void>> send(std::shared_ptr<MuxChannel> channel, Wanted wanted,
                            const std::vector<proto::Block>& blocks, std::size_t& next,
                            const Place& place);
    Lane& short_ones() { return lanes_[std::size_t(Size::of_a_block)]; }
    Task<Result<void>> let_short_ones_pass();
    bool coming() const { return opening_ + following_ > 0; }  // a file that may be short
    Task<Result<void>> turn(proto::FileId id, std::size_t bytes);
    static bool can_give(const File& file, proto::ChunkIndex index);
    void refuse_chunk(proto::FileId id, const File& file);
    bool is_in_use(proto::FileId id) const { return files_.contains(id) || batches_.contains(id); }
    Stage* stage(const Wanted& wanted);  // null: not asked for any more
    void done(const Wanted& wanted);
    void put(proto::Encoded message, Outbox::Sent sent = {}) {
        put_(std::move(message), std::move(sent));
    }
    void close(proto::FileId id);
    std::unique_ptr<Transfers::Entry> shown(proto::FileId id, const File& file);
    void refuse(proto::FileId id, proto::RefusalCode code);
    void gained(const Sha1& file, std::uint64_t index, Inventory::Gain gain);

    Clock& clock_;
    Executor executor_;
    Pool& pool_;
    Inventory& inventory_;
    Put put_;
    Tasks* tasks_ = nullptr;
    std::map<proto::FileId, File> files_;
    std::array<Lane, 2> lanes_;         // by Size
    std::deque<proto::FileId> sliced_;  // files of which slices are wanted, in turn
    std::map<proto::FileId, Batch> batches_;
    std::deque<proto::FileId> batch_queue_;  // that nobody gives yet
    std::size_t asked_ = 0;                  // chunks and slices
    std::size_t opening_ = 0;    // open_file() that run, also those whose file was closed
    std::size_t following_ = 0;  // last chunks that do, once the answer is sent
    Clock::Time last_open_{};
    std::uint64_t next_number_ = 1;
    std::optional<proto::FileId> wants_last_;  // of the next open
    Given given_;
    Pace pace_;
    NodeId to_;
    Event sliced_filled_, batch_queue_filled_;
    Inventory::Watch watch_;
};

}  // namespace kp2p

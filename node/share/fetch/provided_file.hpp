// ProvidedFile: a file, open at one of its Providers.
#pragma once

#include "node/share/fetch/providers.hpp"

namespace kp2p {

class ProvidedFile {
  public:
    using Ended = Providers::Ended;

    ProvidedFile(Providers& providers, Neighbour& neighbour, RemoteFile::First first);
    ProvidedFile(const ProvidedFile&) = delete;
    ~ProvidedFile();

    // What comes of the file: the first is Opened, and no other is; then Data, Have and Canceled.
    // An error when it is over, or the node does not open it in time: ended() says how.
    Task<Result<TransferEvent>> next();
    Ended ended() const { return ended_.value_or(Ended::closed); }
    const NodeId& node() const { return node_; }
    // When the node last gave something, of this file or another, or said that it will.
    Clock::Time heard_at() const { return std::max(file_.gave_at(), waits_at_); }
    std::vector<Throttle*> asking_pace() const { return file_.asking_pace(); }
    bool opening() const { return !ended_ && !opened_; }
    bool open() const { return !ended_ && opened_; }
    bool returns() const { return ended_ && Providers::comes_back(*ended_); }
    void ask(proto::ChunkIndex index) { file_.ask(index); }
    void call_off(proto::ChunkIndex index) { file_.call_off(index); }
    void ask_slice(std::uint64_t offset, std::uint64_t length) { file_.ask_slice(offset, length); }
    void stall();  // it sends nothing of what it was asked for
    // The node is used over a better connection: it is to be asked for nothing more here, and left
    // when it owes nothing.
    bool outdone() const { return outdone_; }
    void leave() { end(Ended::outdone); }

  private:
    friend class Providers;
    Task<Result<TransferEvent>> next_before_open();
    bool take(const TransferEvent& event);
    void refused(proto::RefusalCode code);
    void end(Ended how);  // no more is wanted
    Finding finding_of(Finding::Code code, Clock::Time since) const;

    Providers& providers_;
    NodeId node_;
    TriedPath path_;  // as it was when this began
    RemoteFile file_;
    Clock::Time began_;
    bool opened_ = false;
    Clock::Time heard_;       // of the file, before it is open
    Clock::Time last_;        // when it must be open, if it is being prepared
    bool preparing_ = false;  // as it says
    Clock::Time waits_at_{};  // when it last said so of what it was asked for, as far as it counts
    bool outdone_ = false;
    std::optional<Ended> ended_;
};

}  // namespace kp2p

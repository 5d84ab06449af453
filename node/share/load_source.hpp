// Load::Source: a file of a Load, opened at one neighbour.
#pragma once

#include "node/share/load.hpp"

namespace kp2p {

class Load::Source final : public FileUser {
  public:
    Source(Load& load, Neighbour& neighbour);
    Source(const Source&) = delete;
    ~Source() override;

    // Opens the file and stays until it is over, or the node does not open it in time.
    Task<Ended> stay();
    const NodeId& node() const { return node_; }
    bool is_open() const { return opened_; }
    void ask(proto::ChunkIndex index);
    void call_off(proto::ChunkIndex index);
    void end(Ended how);  // no more is wanted, or comes

    void preparing() override;
    void opened(proto::Opened opened) override;
    void data(const proto::Data& data, ByteVector payload) override;
    void have(proto::ChunkIndex index) override;
    void canceled(proto::ChunkIndex index) override;
    void refused(proto::RefusalCode code) override;
    void garbage() override;
    void lost() override;

  private:
    void forget();  // what the download expects of it

    Load& load_;
    Neighbour* neighbour_;  // null when the file is not open there any more
    NodeId node_;
    proto::SourceKey key_;
    proto::FileId id_ = 0;
    bool opened_ = false;
    Clock::Time heard_;  // of the file, before it is open
    std::optional<Ended> ended_;
    Event changed_;
};

}  // namespace kp2p

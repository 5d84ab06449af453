// FrameReader: takes apart an answer of frames (node/api/API.md, "Bytes") as it comes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "node/client/daemon.hpp"

namespace kp2p::client {

// A line that an answer may hold; the daemon sends far shorter ones.
inline constexpr std::size_t max_line_bytes = 16 << 20;
inline std::string kib(std::size_t bytes) { return std::to_string(bytes >> 10) + " KiB"; }

class FrameReader {
  public:
    FrameReader(const Daemon::OnBytes& on_bytes, const Daemon::OnEvent& on_event)
        : on_bytes_(on_bytes), on_event_(on_event) {}

    // More of it, cut anywhere. What a handler returns, or Errc::failed for what is no such answer;
    // then trouble() says what came instead.
    Result<void> take(std::string_view chunk);
    const std::string& trouble() const { return trouble_; }

    bool has_last_line() const { return part_ == Part::last_line && text_.ends_with('\n'); }
    std::string_view last_line() const;  // without its end; once it is there

  private:
    enum class Part { length, bytes, line, last_line };
    Result<void> begin_part();

    const Daemon::OnBytes& on_bytes_;
    const Daemon::OnEvent& on_event_;
    Part part_ = Part::length;
    std::string text_;      // of a length or line that is not whole
    std::size_t left_ = 0;  // of bytes or a line
    std::string trouble_;
};

}  // namespace kp2p::client

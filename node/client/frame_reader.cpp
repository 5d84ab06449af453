#include "node/client/frame_reader.hpp"

#include <algorithm>

#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::uint32_t line_mark = 1u << 31;     // in a length: what follows is a line
constexpr std::size_t max_frame_bytes = 4 << 20;  // the daemon's are at most 1 MiB

}  // namespace

// `text_` is a whole length.
Result<void> FrameReader::begin_part() {
    std::uint32_t length = 0;
    for (std::size_t i = length_bytes; i-- > 0;)
        length = length << 8 | static_cast<std::uint8_t>(text_[i]);
    text_.clear();
    left_ = length & ~line_mark;
    part_ = length == 0 ? Part::last_line : length & line_mark ? Part::line : Part::bytes;
    if (left_ <= max_frame_bytes) return ok;
    trouble_ = "a frame of more than " + kib(max_frame_bytes);
    return Errc::failed;
}

Result<void> FrameReader::take(std::string_view chunk) {
    while (!chunk.empty()) {
        if (part_ == Part::last_line) {
            text_.append(chunk);
            if (text_.size() <= max_line_bytes) return ok;
            trouble_ = "a line of more than " + kib(max_line_bytes);
            return Errc::failed;
        }
        const std::size_t wanted = part_ == Part::length ? length_bytes - text_.size() : left_;
        const auto piece = chunk.substr(0, wanted);
        chunk.remove_prefix(piece.size());
        if (part_ == Part::bytes) {
            if (auto taken = on_bytes_(as_bytes(piece)); !taken) return taken;
        } else {
            text_.append(piece);
        }
        if (part_ != Part::length) left_ -= piece.size();
        if (part_ == Part::length && text_.size() == length_bytes) {
            if (auto begun = begin_part(); !begun) return begun;
        } else if (part_ != Part::length && left_ == 0) {
            const bool event = std::exchange(part_, Part::length) == Part::line;
            const Answer answer(event ? std::string_view(text_) : "null");
            text_.clear();
            if (event && on_event_)
                if (auto taken = on_event_(answer); !taken) return taken;
        }
    }
    return ok;
}

std::string_view FrameReader::last_line() const {
    return std::string_view(text_).substr(0, text_.size() - 1);
}

}  // namespace kp2p::client

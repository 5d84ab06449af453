// NodeLabel: what the owner of a node calls it, for people; it proves nothing. 1 to max_bytes bytes
// of UTF-8 that stay where they are written: no control characters, no line ends, nothing that
// turns the direction of text or takes no room, no blanks at either end; so none looks empty.
// On the wire a message of the Protomux protocol kp2p/paths/1. Source: proto/PROTOCOL.md,
// section 3.
//   2 label := text:buffer
#pragma once

#include <string>
#include <string_view>

#include "proto/encoded.hpp"
#include "proto/outcome.hpp"
#include "proto/result.hpp"

namespace kp2p {

class NodeLabel {
  public:
    static constexpr std::size_t max_bytes = 64;

    static Result<NodeLabel> parse(std::string_view text);  // Errc::usage
    const std::string& text() const { return text_; }
    friend bool operator==(const NodeLabel&, const NodeLabel&) = default;

  private:
    explicit NodeLabel(std::string_view text) : text_(text) {}
    std::string text_;
};

// A node as people are shown it: eight digits of its id, and what it calls itself.
std::string shown_node(std::string_view hex, std::string_view label);
// The same, and the whole id behind it; without a label that alone.
std::string described_node(const std::string& hex, std::string_view label);

}  // namespace kp2p

namespace kp2p::proto {

Encoded encode(const NodeLabel& label);
// Errc::unknown_type for another type; Errc::bad_text for what is no label: ignore both.
Result<NodeLabel> decode_label(std::uint64_t type, ByteView payload);

}  // namespace kp2p::proto

// test::vectors(name): the parsed test vectors of test/vectors/NAME.json, made by the reference
// implementations. Lives until the process ends.
#pragma once

#include <simdjson.h>

#include <deque>
#include <string>

#include "proto/bytes.hpp"

namespace kp2p::test {

inline simdjson::dom::element vectors(const std::string& name) {
    static std::deque<simdjson::dom::parser> parsers;  // a document lives in its parser
    return parsers.emplace_back().load(KP2P_VECTORS "/" + name + ".json").value();
}

// The text of a JSON string (hex, names), "" for null and for what is missing.
inline std::string text(simdjson::simdjson_result<simdjson::dom::element> value) {
    std::string_view view;
    if (value.get(view)) return {};
    return std::string(view);
}

// The bytes that a JSON string writes in hex.
inline ByteVector bytes(simdjson::simdjson_result<simdjson::dom::element> hex) {
    return *from_hex(text(hex));
}

}  // namespace kp2p::test

// JsonWriter: writes one JSON value piece by piece, members in the order given. (Reading JSON is
// simdjson's.) Shape:
//   JsonWriter().begin_object().field("size", 3).key("names").begin_array().value("a").end_array()
//       .end_object().take()
// It checks no grammar: a key without a value is the caller's bug. Bytes that are no UTF-8 are
// written as U+FFFD.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace kp2p::proto {

class JsonWriter {
  public:
    enum class Style {
        compact,  // no blanks, UTF-8 as it is: what JavaScript's JSON.stringify() writes
        python,   // what Python's json.dumps() writes: ", ", ": " and ASCII only
    };
    explicit JsonWriter(Style style = Style::compact) : style_(style) {}

    JsonWriter& begin_object();
    JsonWriter& end_object();
    JsonWriter& begin_array();
    JsonWriter& end_array();
    JsonWriter& key(std::string_view name);

    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view(text)); }
    JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
    JsonWriter& value(std::integral auto number) {
        if constexpr (std::same_as<decltype(number), bool>)
            return literal(number ? "true" : "false");
        return literal(std::to_string(number));
    }
    JsonWriter& value(double number);  // shortest form that reads back the same; must be finite
    JsonWriter& null() { return literal("null"); }
    JsonWriter& raw(std::string_view json) {
        return literal(json);
    }  // a value that is JSON already

    template <class T>
    JsonWriter& field(std::string_view name, const T& of) {
        return key(name).value(of);
    }

    const std::string& text() const { return text_; }
    std::string take() { return std::move(text_); }

  private:
    JsonWriter& literal(std::string_view text);
    JsonWriter& open(char bracket);
    JsonWriter& close(char bracket);
    void separate();
    void quote(std::string_view text);
    void escape(char16_t unit);
    void code_point(char32_t code, std::string_view bytes);

    Style style_;
    std::string text_;
    bool comma_ = false;  // the next key or value follows another
};

}  // namespace kp2p::proto

// Answer: one JSON object from the daemon. A missing or mistyped key reads as empty, 0 or false.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kp2p::client {

class Answer {
  public:
    explicit Answer(std::string_view text);
    ~Answer();
    Answer(Answer&&) noexcept;
    Answer& operator=(Answer&&) noexcept;

    const std::string& text() const { return text_; }  // the JSON itself, one line
    bool is_object() const;
    bool has(std::string_view key) const;
    std::string string(std::string_view key) const;
    std::uint64_t number(std::string_view key) const;
    bool truth(std::string_view key) const;
    std::vector<std::string> strings(std::string_view key) const;
    std::string json(std::string_view key) const;          // as JSON, whatever it is
    std::vector<Answer> list(std::string_view key) const;  // the objects of an array

  private:
    struct Document;
    std::string text_;
    std::unique_ptr<Document> document_;
};

}  // namespace kp2p::client

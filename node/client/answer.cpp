#include "node/client/answer.hpp"

#include <simdjson.h>

namespace kp2p::client {

struct Answer::Document {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
};

Answer::Answer(std::string_view text) : text_(text), document_(std::make_unique<Document>()) {
    if (document_->parser.parse(text_).get(document_->root) != simdjson::SUCCESS)
        document_->root = document_->parser.parse(std::string_view("null")).value_unsafe();
}
Answer::~Answer() = default;
Answer::Answer(Answer&&) noexcept = default;
Answer& Answer::operator=(Answer&&) noexcept = default;

bool Answer::is_object() const { return document_->root.is_object(); }
bool Answer::has(std::string_view key) const {
    return document_->root[key].error() == simdjson::SUCCESS;
}

std::string Answer::string(std::string_view key) const {
    std::string_view value;
    if (document_->root[key].get(value) != simdjson::SUCCESS) return {};
    return std::string(value);
}

std::uint64_t Answer::number(std::string_view key) const {
    std::uint64_t value = 0;
    return document_->root[key].get(value) == simdjson::SUCCESS ? value : 0;
}

bool Answer::truth(std::string_view key) const {
    bool value = false;
    return document_->root[key].get(value) == simdjson::SUCCESS && value;
}

std::string Answer::json(std::string_view key) const {
    const auto value = document_->root[key];
    return value.error() == simdjson::SUCCESS ? simdjson::minify(value.value_unsafe())
                                              : std::string();
}

std::vector<std::string> Answer::strings(std::string_view key) const {
    std::vector<std::string> values;
    simdjson::dom::array items;
    if (document_->root[key].get(items) != simdjson::SUCCESS) return values;
    std::string_view text;
    for (const auto item : items)
        if (item.get(text) == simdjson::SUCCESS) values.emplace_back(text);
    return values;
}

std::vector<Answer> Answer::list(std::string_view key) const {
    std::vector<Answer> values;
    simdjson::dom::array items;
    if (document_->root[key].get(items) != simdjson::SUCCESS) return values;
    for (const auto item : items)
        if (item.is_object()) values.emplace_back(simdjson::minify(item));
    return values;
}

}  // namespace kp2p::client

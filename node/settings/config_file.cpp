#include "node/settings/config_file.hpp"

#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kp2p {
namespace {

using simdjson::dom::element;

constexpr std::string_view shape_name(Setting::Shape shape) {
    switch (shape) {
        case Setting::Shape::text:
            return "a string";
        case Setting::Shape::number:
            return "a whole number";
        case Setting::Shape::list:
            return "an array of strings";
        case Setting::Shape::toggle:
            return "true or false";
    }
    return {};
}

// What a flag's words would have been; nothing if it has another shape.
std::optional<Texts> texts_of(const element& value, Setting::Shape shape) {
    std::string_view text;
    std::uint64_t number = 0;
    bool toggle = false;
    simdjson::dom::array items;
    switch (shape) {
        case Setting::Shape::text:
            if (value.get(text) != simdjson::SUCCESS) return std::nullopt;
            return Texts{std::string(text)};
        case Setting::Shape::number:
            if (value.get(number) != simdjson::SUCCESS) return std::nullopt;
            return Texts{std::to_string(number)};
        case Setting::Shape::toggle:
            if (value.get(toggle) != simdjson::SUCCESS) return std::nullopt;
            return Texts{toggle ? "true" : "false"};
        case Setting::Shape::list:
            break;
    }
    if (value.get(items) != simdjson::SUCCESS) return std::nullopt;
    Texts texts;
    for (const element item : items) {
        if (item.get(text) != simdjson::SUCCESS) return std::nullopt;
        texts.emplace_back(text);
    }
    return texts;
}

}  // namespace

Result<ConfigFile> ConfigFile::read(const std::filesystem::path& path, std::string& why) {
    ConfigFile file;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR)) return file;
    if (descriptor < 0) {
        why = path.string() + ": " + std::strerror(errno);
        return Errc::usage;
    }
    ::close(descriptor);
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    simdjson::padded_string content;
    const bool is_read =
        simdjson::padded_string::load(path.string()).get(content) == simdjson::SUCCESS;
    std::string_view text = content;
    constexpr std::string_view mark = "\xef\xbb\xbf";  // as some editors put it before UTF-8
    if (text.starts_with(mark)) text.remove_prefix(mark.size());
    if (!is_read || parser.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) {
        why = path.string() + " is not a JSON object";
        return Errc::usage;
    }
    for (const auto& [key, value] : object) {
        const auto setting = std::ranges::find_if(
            setting_table(), [&key = key](const Setting& each) { return each.key == key; });
        if (key.empty() || setting == setting_table().end()) {
            file.unknown_.emplace_back(key);
            continue;
        }
        Said& said = file.said_[std::string(key)];
        if (auto texts = texts_of(value, setting->shape))
            said.texts = *std::move(texts);
        else
            said.complaint = "not " + std::string(shape_name(setting->shape));
    }
    return file;
}

const ConfigFile::Said* ConfigFile::said(std::string_view key) const {
    const auto found = said_.find(key);
    return found == said_.end() ? nullptr : &found->second;
}

}  // namespace kp2p

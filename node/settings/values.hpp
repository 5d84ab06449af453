// What stands for a value in text, for every type that a setting can have. Each takes the texts
// that one source gave, of which there is exactly one unless the type is a list; Errc::usage with
// what is wrong in `complaint`.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/host.hpp"
#include "proto/lookup/channel.hpp"
#include "proto/number.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

using Texts = std::vector<std::string>;

// A path with HOME for the ~ that it begins with, as where no shell has put it there.
std::string with_home(std::string_view path);

template <class T>
concept WholeNumber = std::unsigned_integral<T> && !std::same_as<T, bool>;

template <WholeNumber T>
Result<void> read_number(std::string_view text, T& into, std::string& complaint) {
    if (const auto number = parse_number<T>(text)) {
        into = *number;
        return ok;
    }
    complaint = "not a whole number from 0 to " + std::to_string(std::numeric_limits<T>::max());
    return Errc::usage;
}

template <WholeNumber T>
Result<void> read_value(const Texts& texts, T& into, std::string& complaint) {
    auto read = read_number(texts.front(), into, complaint);
    if (!read) complaint += ": " + texts.front();
    return read;
}
template <WholeNumber T>
Result<void> read_value(const Texts& texts, std::optional<T>& into, std::string& complaint) {
    return read_value(texts, into.emplace(), complaint);
}
Result<void> read_value(const Texts& texts, bool& into, std::string& complaint);
Result<void> read_value(const Texts& texts, std::string& into, std::string& complaint);
Result<void> read_value(const Texts& texts, std::filesystem::path& into, std::string& complaint);
Result<void> read_value(const Texts& texts, std::optional<Host>& into, std::string& complaint);
Result<void> read_value(const Texts& texts, std::vector<ChannelName>& into, std::string& complaint);

}  // namespace kp2p

#include "node/settings/values.hpp"

#include <cstdlib>

#include "proto/text.hpp"

namespace kp2p {

std::string with_home(std::string_view path) {
    const char* home = std::getenv("HOME");
    const bool at_home = path == "~" || path.starts_with("~/");
    if (!at_home || !home || !*home) return std::string(path);
    return home + std::string(path.substr(1));
}

Result<void> read_value(const Texts& texts, bool& into, std::string& complaint) {
    into = texts.front() == "true";
    if (into || texts.front() == "false") return ok;
    complaint = "neither true nor false: " + texts.front();
    return Errc::usage;
}

Result<void> read_value(const Texts& texts, std::string& into, std::string&) {
    into = texts.front();
    return ok;
}

Result<void> read_value(const Texts& texts, std::filesystem::path& into, std::string& complaint) {
    into = with_home(texts.front());
    if (!into.empty()) return ok;
    complaint = "it is empty";
    return Errc::usage;
}

Result<void> read_value(const Texts& texts, std::optional<Host>& into, std::string& complaint) {
    std::string_view text = proto::without_blanks_around(texts.front());
    const bool in_brackets = text.starts_with('[') && text.ends_with(']');
    if (in_brackets) text = text.substr(1, text.size() - 2);
    // Of a link-local one with a zone the rest is read, and what it lacks said where it is used.
    if (text.find(':') != text.npos) text = text.substr(0, text.find('%'));
    if (const auto host = Host::parse(text)) {
        into = *host;
        return ok;
    }
    complaint = "not an IP address: " + texts.front();
    return Errc::usage;
}

// Which one is wrong stays unsaid, as names are secrets.
Result<void> read_value(const Texts& texts, std::vector<ChannelName>& into,
                        std::string& complaint) {
    for (const std::string& text : texts) {
        auto name = ChannelName::parse(text);
        if (!name) {
            complaint = ChannelName::rule;
            return Errc::usage;
        }
        into.push_back(*std::move(name));
    }
    return ok;
}

}  // namespace kp2p

#include "node/settings/values.hpp"

namespace kp2p {

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
    into = texts.front();
    if (!into.empty()) return ok;
    complaint = "it is empty";
    return Errc::usage;
}

Result<void> read_value(const Texts& texts, std::optional<Host>& into, std::string& complaint) {
    if (const auto host = Host::parse(texts.front())) {
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

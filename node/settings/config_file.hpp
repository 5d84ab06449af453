// ConfigFile: config.json, what holds where neither a flag nor the environment says otherwise: a
// JSON object, each key of the table's (setting.hpp) at most once.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "node/settings/setting.hpp"

namespace kp2p {

class ConfigFile {
  public:
    struct Said {
        Texts texts;
        std::string complaint;  // not empty: what is wrong with it, and `texts` is nothing
    };

    // One that is missing says nothing. Errc::usage, with the reason in `why`, if it is no object.
    static Result<ConfigFile> read(const std::filesystem::path& path, std::string& why);

    // About the key; null if nothing.
    const Said* said(std::string_view key) const;
    // Keys that nobody knows: of another version, or misspelt.
    const std::vector<std::string>& unknown_keys() const { return unknown_; }

  private:
    std::map<std::string, Said, std::less<>> said_;
    std::vector<std::string> unknown_;
};

}  // namespace kp2p

#include "node/client/config.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "node/client/hang_watch.hpp"
#include "node/settings/config_trouble.hpp"
#include "node/settings/storage_mounts.hpp"
#include "proto/number.hpp"
#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

namespace fs = std::filesystem;

// The first line of a small file; empty if there is none.
std::string first_line(const fs::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// Whoever may say what a setting is, and what they say.
class Sources {
  public:
    enum class Origin { nobody, file, remembered, variable, flag };

    Sources(const Flags& flags, const Environment& environment)
        : flags_(flags), environment_(environment) {}

    // Says more from now on, but less than the others.
    Result<void> read_file(fs::path path, std::string& why) {
        auto file = ConfigFile::read(path, why);
        if (!file) return file.error();
        path_ = std::move(path);
        file_ = *std::move(file);
        return ok;
    }

    // Lines of what earlier starts were told, FLAG VALUE each.
    void read_remembered(fs::path path) {
        remembered_path_ = std::move(path);
        std::ifstream file(remembered_path_);
        std::size_t number = 0, forgotten = 0;
        for (std::string line; std::getline(file, line);) {
            ++number;
            const auto space = line.find(' ');
            const std::string flag = line.substr(0, space);
            if (space != line.npos && is_remembered(flag))
                remembered_[flag].push_back(line.substr(space + 1));
            else if (forgotten == 0)
                forgotten = number;
        }
        std::error_code error;
        if (file.bad() || (!file.is_open() && fs::exists(remembered_path_, error)))
            damage_ = remembered_path_.string() + " cannot be read";
        else if (forgotten > 0)
            damage_ = remembered_path_.string() + ": line " + std::to_string(forgotten) +
                      " is not understood";
        if (!damage_.empty()) damage_ += ": what earlier starts were told may be forgotten";
    }
    // Those of this start and of earlier ones.
    std::vector<std::string> to_remember() const {
        std::vector<std::string> lines;
        for (const Setting& setting : setting_table()) {
            if (!setting.remembered) continue;
            const auto given = flags_.find(setting.flag);
            const auto before = remembered_.find(setting.flag);
            const Texts* texts = given != flags_.end() ? &given->second : nullptr;
            if (!texts && before != remembered_.end()) texts = &before->second;
            if (!texts) continue;
            for (const std::string& text : *texts)
                lines.push_back(std::string(setting.flag) + ' ' + text);
        }
        return lines;
    }

    // Reads what the first of them says into its field; leaves it if nobody says anything.
    Result<Origin> read(const Setting& setting, Settings& into, std::string& why) const {
        Origin origin = Origin::flag;
        std::string where(setting.flag);
        Texts texts;
        const auto given = flags_.find(setting.flag);
        if (given != flags_.end()) {
            texts = given->second;
        } else if (auto value = variable(setting)) {
            origin = Origin::variable;
            where = setting.variable;
            texts.push_back(*std::move(value));
        } else if (const auto* before = remembered(setting)) {
            origin = Origin::remembered;
            where = remembered_path_.string() + ": " + std::string(setting.flag);
            texts = *before;
        } else if (const auto* said = file_.said(setting.key)) {
            origin = Origin::file;
            where = path_.string() + ": \"" + std::string(setting.key) + '"';
            texts = said->texts;
            if (!said->complaint.empty()) return complain(why, where, said->complaint);
        } else {
            return Origin::nobody;
        }
        if (origin == Origin::flag && !setting.may_be_empty &&
            std::ranges::any_of(texts, &std::string::empty))
            return complain(why, where, "it is empty");
        std::string complaint;
        if (!setting.read(into, texts, complaint)) return complain(why, where, complaint);
        return origin;
    }

    std::vector<std::string> remarks() const {
        std::vector<std::string> remarks;
        if (!damage_.empty()) remarks.push_back(damage_);
        for (const std::string& key : file_.unknown_keys())
            remarks.push_back(path_.string() + ": there is no setting \"" + key + "\"");
        return remarks;
    }

  private:
    std::optional<std::string> variable(const Setting& setting) const {
        if (setting.variable.empty()) return std::nullopt;
        return environment_(std::string(setting.variable));
    }
    const Texts* remembered(const Setting& setting) const {
        const auto found = remembered_.find(setting.flag);
        return setting.remembered && found != remembered_.end() ? &found->second : nullptr;
    }
    static bool is_remembered(std::string_view flag) {
        return std::ranges::any_of(setting_table(), [flag](const Setting& setting) {
            return setting.remembered && setting.flag == flag;
        });
    }
    static std::error_code complain(std::string& why, const std::string& where,
                                    const std::string& complaint) {
        why = where + ": " + complaint;
        return Errc::usage;
    }

    const Flags& flags_;
    const Environment& environment_;
    fs::path path_, remembered_path_;
    ConfigFile file_;
    Flags remembered_;
    std::string damage_;  // to those lines
};

const Setting& row_of(const char* flag) {
    return *std::ranges::find_if(setting_table(),
                                 [flag](const Setting& row) { return row.flag == flag; });
}

}  // namespace

std::optional<std::string> process_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (value && *value) return value;
    // A service or a job may be started without.
    const passwd* user = name == "HOME" ? ::getpwuid(::geteuid()) : nullptr;
    if (!user || !user->pw_dir || !*user->pw_dir) return std::nullopt;
    return user->pw_dir;
}

Result<Config> Config::resolve(Needs needs, const Flags& flags, const Environment& environment,
                               std::string& why) {
    using Origin = Sources::Origin;
    static const Setting &dir = row_of("--config-dir"), &storage = row_of("--storage-dir"),
                         &port = row_of("--api-port");
    Config config;
    if (needs == Needs::nothing) return config;
    Settings& settings = config.settings_;
    Sources sources(flags, environment);
    const auto home = environment("HOME");
    if (home) settings.config_dir = fs::path(*home) / usual_config_dir_name;
    auto placed = sources.read(dir, settings, why);
    if (!placed) return placed.error();
    Settings storage_alone;
    auto named = sources.read(storage, storage_alone, why);
    if (!named) return named.error();
    if (needs != Needs::storage || *named == Origin::nobody) {
        if (settings.config_dir.empty()) {
            why = "HOME is not set, and neither is " + std::string(dir.variable);
            return Errc::usage;
        }
        const Waiting waiting(settings.config_dir.string());
        auto read = sources.read_file(settings.config_dir / "config.json", why);
        if (!read) return read.error();
    }
    if (needs == Needs::node) {
        const Waiting waiting(settings.config_dir.string());
        sources.read_remembered(settings.config_dir / "remembered");
    }
    for (const Setting& setting : setting_table()) {
        if (!setting.is_for(needs)) continue;
        std::string none;
        if (!setting.initial.empty())
            (void)setting.read(settings, {std::string(setting.initial)}, none);
        auto origin = sources.read(setting, settings, why);
        if (!origin) return origin.error();
        if (&setting == &port) config.told_port_ = *origin > Origin::remembered;
    }
    // Who names another daemon's place does not mean the one that the environment names.
    const bool elsewhere = flags.contains("--config-dir") || flags.contains("--api-port");
    if (needs != Needs::node && elsewhere && !flags.contains("--api-socket"))
        settings.api_socket.clear();
    // One that a command may not name is still the one that it finds where no daemon runs.
    if (needs == Needs::daemon) {
        auto placed_storage = sources.read(storage, storage_alone, why);
        if (!placed_storage) return placed_storage.error();
        config.storage_dir_ = storage_alone.storage_dir;
    } else {
        config.storage_dir_ = settings.storage_dir;
    }
    if (config.storage_dir_.empty() && home) {
        config.storage_dir_ = fs::path(*home) / "kachery-storage";
        config.storage_is_usual_ = true;
    }
    config.remarks_ = sources.remarks();
    settings.to_remember = sources.to_remember();
    return config;
}

std::optional<std::uint16_t> Config::api_port_file() const {
    const Waiting waiting(dir().string());
    return parse_number<std::uint16_t>(first_line(dir() / "api-port"));
}

std::uint16_t Config::daemon_port() const {
    const std::uint16_t named = settings_.api_port.value_or(0);
    if (told_port_ && named != 0) return named;
    return api_port_file().value_or(named != 0 ? named : usual_api_port);
}

bool Config::is_port_guessed() const {
    return settings_.api_port.value_or(0) == 0 && !api_port_file();
}

std::optional<fs::path> Config::api_socket() const {
    if (!settings_.api_socket.empty()) return settings_.api_socket;
    if (told_port_ && settings_.api_port != 0 && settings_.api_port != api_port_file())
        return std::nullopt;
    const Waiting waiting(dir().string());
    std::error_code error;
    fs::path path = dir() / "api.sock";
    if (!fs::is_socket(path, error)) return std::nullopt;
    return path;
}

std::string Config::api_token() const {
    const Waiting waiting(dir().string());
    return first_line(dir() / "api-token");
}

Result<fs::path> Config::storage_dir() const {
    std::error_code error;
    if (storage_dir_.empty()) return Errc::storage_unavailable;
    if (storage_is_usual_) (void)make_private_directory(storage_dir_);
    if (!fs::is_directory(storage_dir_, error)) return Errc::storage_unavailable;
    fs::path absolute = fs::absolute(storage_dir_, error);
    if (error) return Errc::storage_unavailable;
    return absolute;
}

Result<void> Config::check_mount(std::string& why) const {
    std::optional<Waiting> waiting(dir().string());
    StorageMounts mounts(dir());
    waiting.reset();
    if (auto away = mounts.why_away(storage_dir_)) {
        why = storage_dir_.string() + ": " + *away;
        return Errc::storage_unavailable;
    }
    mounts.remember(storage_dir_);
    return ok;
}

}  // namespace kp2p::client

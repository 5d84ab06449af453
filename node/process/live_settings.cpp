#include "node/process/live_settings.hpp"

#include <algorithm>

#include "node/async/offload.hpp"
#include "node/process/config_dir.hpp"
#include "node/settings/setting.hpp"
#include "node/share/share.hpp"
#include "node/store/store.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

void write_rate(proto::JsonWriter& json, const char* key, proto::RateTable::Rate rate) {
    json.key(key);
    if (rate)
        json.value(*rate);
    else
        json.null();
}

const Setting* live_row(const std::string& key) {
    const auto found = std::ranges::find(setting_table(), key, &Setting::key);
    return found == setting_table().end() ? nullptr : &*found;
}

}  // namespace

LiveSettings::LiveSettings(Runtime& runtime, const Settings& settings, Share& share,
                           const Store& store, const ConfigDir& config)
    : runtime_(runtime),
      settings_(settings),
      share_(share),
      store_(store),
      config_(config),
      kept_(runtime.executor) {
    share_.limit(settings_.limits);
    store_.limit(quota_bytes());
}

std::optional<std::uint64_t> LiveSettings::quota_bytes() const {
    if (!settings_.quota) return std::nullopt;
    return settings_.quota->bytes;
}

std::string LiveSettings::json() const {
    const auto now = share_.rates();
    proto::JsonWriter json;
    json.begin_object().field("limit_up", settings_.limits.up.text());
    json.field("limit_down", settings_.limits.down.text());
    json.field("limit_lan", settings_.limits.in_lan ? "on" : "off");
    json.field("quota", settings_.quota ? std::to_string(settings_.quota->bytes) : "none");
    write_rate(json, "up_bytes_per_second", now.up);
    write_rate(json, "down_bytes_per_second", now.down);
    return json.end_object().take();
}

Task<Result<void>> LiveSettings::set(std::map<std::string, std::string> texts,
                                     std::string& complaint) {
    Settings changed = settings_;
    for (const auto& [key, text] : texts) {
        const Setting* row = live_row(key);
        std::string what;
        if (!row || !row->read(changed, {text}, what)) {
            complaint = "\"" + key + "\": " + what;
            co_return Errc::usage;
        }
        const std::string start = std::string(row->flag) + ' ';
        std::erase_if(changed.to_remember,
                      [&](const std::string& line) { return line.starts_with(start); });
        changed.to_remember.push_back(start + text);
    }
    settings_ = std::move(changed);
    share_.limit(settings_.limits);
    auto kept = co_await keep();
    if (!kept)
        complaint =
            "this holds until the daemon stops, for it cannot be kept: " + kept.error().message();
    co_return kept;
}

// One after the other, so that what is kept in the end is what holds.
Task<Result<void>> LiveSettings::keep() {
    while (keeping_) {
        auto woken = co_await kept_.wait();
        if (!woken) co_return woken;
    }
    const struct Turn {
        LiveSettings& all;
        ~Turn() {
            all.keeping_ = false;
            all.kept_.notify_all();
        }
    } turn{*this};
    keeping_ = true;
    // The quota waits for whoever is counting what there is.
    auto write = [&store = store_, quota = quota_bytes(), &config = config_,
                  lines = settings_.to_remember] {
        store.limit(quota);
        return config.keep_remembered(lines);
    };
    co_return co_await offload(runtime_.pool, std::move(write));
}

}  // namespace kp2p

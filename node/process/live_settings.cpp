#include "node/process/live_settings.hpp"

#include <algorithm>

#include "node/async/offload.hpp"
#include "node/process/config_dir.hpp"
#include "node/settings/setting.hpp"
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

void write_rates(proto::JsonWriter& json, const Rates::Now& now) {
    write_rate(json, "up_bytes_per_second", now.up);
    write_rate(json, "down_bytes_per_second", now.down);
}

const Setting* live_row(const std::string& key) {
    const auto found = std::ranges::find(setting_table(), key, &Setting::key);
    return found == setting_table().end() ? nullptr : &*found;
}

// What a row is told, at later starts too.
Result<void> tell(Settings& changed, const Setting& row, const Texts& texts, std::string& what) {
    auto read = row.read(changed, texts, what);
    if (!read) return read;
    const std::string start = std::string(row.flag) + ' ';
    std::erase_if(changed.to_remember,
                  [&](const std::string& line) { return line.starts_with(start); });
    for (const std::string& text : texts) changed.to_remember.push_back(start + text);
    return ok;
}

using ByKey = std::map<std::string, std::string>;

Result<void> read_all(Settings& changed, const ByKey& texts, std::string& complaint) {
    for (const auto& [key, text] : texts) {
        const Setting* row = live_row(key);
        std::string what;
        if (row && tell(changed, *row, {text}, what)) continue;
        complaint = "\"" + key + "\": " + what;
        return Errc::usage;
    }
    return ok;
}

// What is not said of the channel stays; one without a limit is not kept.
Result<void> read_channel(Settings& changed, const ByKey& texts,
                          const std::vector<ChannelName>& channels, std::string& complaint) {
    const auto channel = ChannelName::parse(texts.at("channel"));
    if (!channel) {
        complaint = ChannelName::rule;
        return channel.error();
    }
    const auto has_limit = [&](const proto::ChannelLimit& limit) { return limit.name == *channel; };
    if (std::ranges::find(channels, *channel) == channels.end() &&
        std::ranges::none_of(changed.channel_limits, has_limit)) {
        complaint = "this node is not in the channel " + channel->text();
        return Errc::usage;
    }
    Texts limits;
    std::string up = "none", down = "none";
    for (const proto::ChannelLimit& limit : changed.channel_limits) {
        if (limit.name != *channel) {
            limits.push_back(limit.text());
            continue;
        }
        up = limit.up.text();
        down = limit.down.text();
    }
    for (const auto& [key, text] : texts) {
        if (key == "channel") continue;
        if (key != "limit_up" && key != "limit_down") {
            complaint = "\"" + key + "\" is not of a channel";
            return Errc::usage;
        }
        std::string what;
        auto rates = proto::RateTable::parse(text, what);
        if (!rates) {
            complaint = "\"" + key + "\": " + what;
            return Errc::usage;
        }
        (key == "limit_up" ? up : down) = rates->text();
    }
    std::string what;
    auto limit = proto::ChannelLimit::parse(up + ';' + down + ';' + channel->text(), what);
    if (!limit) {
        complaint = what;
        return Errc::usage;
    }
    if (limit->holds()) limits.push_back(limit->text());
    if (limits.empty()) limits.emplace_back("none");  // said, so that config.json does not count
    return tell(changed, *live_row("limit_channels"), limits, complaint);
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
    share_.limit(settings_.limits, settings_.channel_limits);
    store_.limit(quota_bytes());
}

std::optional<std::uint64_t> LiveSettings::quota_bytes() const {
    if (!settings_.quota) return std::nullopt;
    return settings_.quota->bytes;
}

std::vector<Rates::Now> LiveSettings::channel_rates() const {
    std::vector<Rates::Now> rates;
    for (const proto::ChannelLimit& limit : settings_.channel_limits)
        rates.push_back(share_.rates(limit));
    return rates;
}

std::string LiveSettings::json() const {
    proto::JsonWriter json;
    json.begin_object().field("limit_up", settings_.limits.up.text());
    json.field("limit_down", settings_.limits.down.text());
    json.field("limit_lan", settings_.limits.in_lan ? "on" : "off");
    json.key("channels");
    json.begin_array();
    for (const proto::ChannelLimit& limit : settings_.channel_limits) {
        json.begin_object().field("channel", limit.name.text());
        json.field("limit_up", limit.up.text());
        json.field("limit_down", limit.down.text());
        write_rates(json, share_.rates(limit));
        json.end_object();
    }
    json.end_array();
    json.field("quota", settings_.quota ? std::to_string(settings_.quota->bytes) : "none");
    write_rates(json, share_.rates());
    return json.end_object().take();
}

Task<Result<void>> LiveSettings::set(std::map<std::string, std::string> texts,
                                     std::vector<ChannelName> channels, std::string& complaint) {
    Settings changed = settings_;
    const bool of_channel = texts.contains("channel");
    auto read = of_channel ? read_channel(changed, texts, channels, complaint)
                           : read_all(changed, texts, complaint);
    if (!read) co_return read;
    const bool quota_changed = texts.contains("quota");
    settings_ = std::move(changed);
    share_.limit(settings_.limits, settings_.channel_limits);
    auto kept = co_await keep(quota_changed);
    if (!kept)
        complaint =
            "this holds until the daemon stops, for it cannot be kept: " + storage_trouble();
    co_return kept;
}

// One after the other, so that what is kept in the end is what holds.
Task<Result<void>> LiveSettings::keep(bool quota_changed) {
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
                  lines = settings_.to_remember, quota_changed] {
        store.limit(quota);
        if (quota_changed) store.keep_limit(0);
        return config.keep_remembered(lines);
    };
    co_return co_await offload(runtime_.pool, std::move(write));
}

}  // namespace kp2p

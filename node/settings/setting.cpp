#include "node/settings/setting.hpp"

#include "proto/dht/bootstrap_node.hpp"
#include "proto/text.hpp"

namespace kp2p {
namespace {

using Users = Setting::Users;

template <class T>
constexpr Setting::Shape shape_of = WholeNumber<T> ? Setting::Shape::number : Setting::Shape::text;
template <class T>
constexpr Setting::Shape shape_of<std::optional<T>> = shape_of<T>;
template <class T>
constexpr Setting::Shape shape_of<std::vector<T>> = Setting::Shape::list;
template <>
constexpr Setting::Shape shape_of<bool> = Setting::Shape::toggle;

template <auto field>
Result<void> read_field(Settings& into, const Texts& texts, std::string& complaint) {
    return read_value(texts, into.*field, complaint);
}

Result<void> read_bootstrap(Settings& into, const Texts& texts, std::string& complaint) {
    if (texts.empty()) {  // an array of none, which may be meant as either
        complaint = "names nobody; [\"none\"] is to enter no network, [\"public\"] the public one";
        return Errc::usage;
    }
    for (const std::string& text : texts) {
        const bool word = text == "public" || text == "none" || text == "self";
        if (word && texts.size() == 1) continue;
        if (parse_bootstrap(text) && text.find(':') != text.npos) continue;
        complaint = "takes HOST:PORT, or one of public, none and self alone, not " + text;
        return Errc::usage;
    }
    into.bootstrap = texts;
    return ok;
}

// Of a list whose only word says that it is empty, so that less can be said than before.
bool is_none(const Texts& texts) { return texts.size() == 1 && texts.front() == "none"; }

Result<void> read_peers(Settings& into, const Texts& texts, std::string& complaint) {
    into.peers.clear();
    if (is_none(texts)) return ok;
    for (const std::string& text : texts) {
        auto peer = FixedPeer::parse(proto::without_blanks_around(text));
        if (!peer) {
            complaint = "takes NODE@HOST:PORT, or none alone, not " + text;
            return Errc::usage;
        }
        into.peers.push_back(*std::move(peer));
    }
    return ok;
}

Result<void> read_relay_url(Settings& into, const Texts& texts, std::string& complaint) {
    into.relay_url.reset();
    into.no_tunnel = texts.front() == "none";
    if (into.no_tunnel) return ok;
    std::string why;
    auto url = proto::tunnel::RelayUrl::parse(proto::without_quotes_around(texts.front()), why);
    if (!url) {  // it may hold a secret
        complaint = "takes https://HOST[:PORT]/#TOKEN as kp2p-relay prints it, or none: " + why;
        return Errc::usage;
    }
    into.relay_url = *std::move(url);
    return ok;
}

Result<void> read_relay(Settings& into, const Texts& texts, std::string& complaint) {
    using proto::RelayMode;
    for (const auto& [word, mode] :
         {std::pair("auto", RelayMode::automatic), std::pair("on", RelayMode::on),
          std::pair("off", RelayMode::off)}) {
        if (texts.front() != word) continue;
        into.relay = mode;
        return ok;
    }
    complaint = "takes auto, on or off, not " + texts.front();
    return Errc::usage;
}

Result<void> read_quota(Settings& into, const Texts& texts, std::string& complaint) {
    into.quota.reset();
    if (texts.front() == "none") return ok;
    auto size = proto::ByteSize::parse(texts.front(), complaint);
    if (!size) {
        complaint += ", or none: " + texts.front();
        return size.error();
    }
    into.quota = *size;
    return ok;
}

Result<void> read_label(Settings& into, const Texts& texts, std::string& complaint) {
    into.label.reset();
    if (texts.front().empty()) return ok;
    auto label = NodeLabel::parse(texts.front());
    if (!label) {
        complaint =
            "a label is 1 to 64 bytes of visible text without control marks, or empty for none";
        return Errc::usage;
    }
    into.label = *std::move(label);
    return ok;
}

template <auto table>
Result<void> read_rates(Settings& into, const Texts& texts, std::string& complaint) {
    auto rates = proto::RateTable::parse(texts.front(), complaint);
    if (!rates) return rates.error();
    into.limits.*table = *std::move(rates);
    return ok;
}

// The last word on a channel holds.
Result<void> read_channel_limits(Settings& into, const Texts& texts, std::string& complaint) {
    into.channel_limits.clear();
    if (is_none(texts)) return ok;
    for (const std::string& text : texts) {
        auto limit = proto::ChannelLimit::parse(text, complaint);
        if (!limit) return limit.error();
        std::erase_if(into.channel_limits,
                      [&](const proto::ChannelLimit& other) { return other.name == limit->name; });
        into.channel_limits.push_back(*std::move(limit));
    }
    return ok;
}

Result<void> read_limit_lan(Settings& into, const Texts& texts, std::string& complaint) {
    into.limits.in_lan = texts.front() == "on";
    if (into.limits.in_lan || texts.front() == "off") return ok;
    complaint = "takes on or off, not " + texts.front();
    return Errc::usage;
}

Result<void> read_log_levels(Settings& into, const Texts& texts, std::string& complaint) {
    auto levels = LogLevels::parse(texts.front(), complaint);
    if (!levels) return levels.error();
    into.log_levels = *std::move(levels);
    return ok;
}

Result<void> read_log_format(Settings& into, const Texts& texts, std::string& complaint) {
    for (const auto& [word, format] :
         {std::pair("text", LogFormat::text), std::pair("json", LogFormat::json),
          std::pair("journald", LogFormat::journald)}) {
        if (texts.front() != word) continue;
        into.log_format = format;
        return ok;
    }
    complaint = "takes text, json or journald, not " + texts.front();
    return Errc::usage;
}

// The row of a field.
template <auto field>
constexpr Setting row(Setting words, decltype(Setting::read) read = read_field<field>) {
    using T = std::remove_reference_t<decltype(std::declval<Settings>().*field)>;
    words.shape = shape_of<T>;
    words.read = read;
    return words;
}

constexpr Setting table[] = {
    row<&Settings::config_dir>({.flag = "--config-dir",
                                .variable = "KACHERY_P2P_CONFIG_DIR",
                                .value = "DIR",
                                .help = "configuration directory (default: ~/.kachery-p2p)",
                                .users = Users::all}),
    row<&Settings::storage_dir>({.flag = "--storage-dir",
                                 .variable = "KACHERY_STORAGE_DIR",
                                 .key = "storage_dir",
                                 .value = "DIR",
                                 .help = "kachery storage (default: ~/kachery-storage)",
                                 .users = Users::storage}),
    row<&Settings::api_port>({.flag = "--api-port",
                              .variable = "KACHERY_P2P_API_PORT",
                              .key = "api_port",
                              .value = "N",
                              .help = "port of the daemon's API on 127.0.0.1 (default: 20431, or "
                                      "any if that is taken); 0: any",
                              .users = Users::daemon}),
    row<&Settings::api_socket>({.flag = "--api-socket",
                                .variable = "KACHERY_P2P_API_SOCKET",
                                .key = "api_socket",
                                .value = "PATH",
                                .help = "Unix socket of the daemon's API, where it is not in the "
                                        "configuration directory, but for several users",
                                .users = Users::daemon}),
    row<&Settings::api_group>({.flag = "--api-group",
                               .key = "api_group",
                               .value = "GROUP",
                               .help = "whose members may use that socket, and so this node as "
                                       "its owner may; a name or a number"}),
    row<&Settings::channels>({.flag = "--channel",
                              .value = "NAME",
                              .help = "join it, now and at later starts; may be repeated",
                              .changed_by = "kp2p-join, kp2p-leave"}),
    row<&Settings::channel_file>(
        {.flag = "--channel-file",
         .value = "FILE",
         .help = "join these as well, one name a line; -: standard input"}),
    row<&Settings::bootstrap>({.flag = "--bootstrap",
                               .key = "bootstrap",
                               .value = "HOST:PORT",
                               .help = "enter the network here instead of at the public nodes; "
                                       "may be repeated; none: nowhere; self: be the first, "
                                       "persistent node of a private network; public: as usual",
                               .remembered = true},
                              read_bootstrap),
    row<&Settings::peers>({.flag = "--peer",
                           .key = "peers",
                           .value = "NODE@HOST:PORT",
                           .help = "connect to this node there over TCP; may be repeated; none: to "
                                   "no such node any more",
                           .remembered = true},
                          read_peers),
    row<&Settings::host>({.flag = "--host",
                          .key = "host",
                          .value = "ADDR",
                          .help = "address to bind (default: all, of IPv4 and IPv6)",
                          .remembered = true}),
    row<&Settings::port>({.flag = "--port",
                          .key = "port",
                          .value = "N",
                          .help = "UDP and TCP port, 0 for any (default: 49737, or any if that "
                                  "is taken)",
                          .remembered = true}),
    row<&Settings::relay_url>({.flag = "--relay-url",
                               .variable = "KACHERY_P2P_RELAY_URL",
                               .key = "relay_url",
                               .value = "URL",
                               .help = "use the UDP port of this kp2p-relay where UDP is blocked, "
                                       "through https_proxy or all_proxy if set; none: do not, "
                                       "and of no relay that members of a channel know",
                               .remembered = true},
                              read_relay_url),
    row<&Settings::no_share_relay>({.flag = "--no-share-relay",
                                    .key = "no_share_relay",
                                    .help = "do not tell members of the channels of that relay"}),
    row<&Settings::relay>({.flag = "--relay",
                           .key = "relay",
                           .value = "WHEN",
                           .initial = "auto",
                           .help = "forward streams between members of our channels that cannot "
                                   "reach each other: on, off, or auto: while anybody can reach us",
                           .remembered = true},
                          read_relay),
    row<&Settings::label>(
        {.flag = "--label",
         .key = "label",
         .value = "NAME",
         .help = "what members of the channels see this node called; empty: nothing",
         .remembered = true,
         .may_be_empty = true},
        read_label),
    row<&Settings::quota>({.flag = "--quota",
                           .key = "quota",
                           .value = "SIZE",
                           .help = "the storage takes no file from others that would make it "
                                   "larger; what was loaded longest ago gives way; none: as much "
                                   "as there is",
                           .changed_by = "kp2p-limit",
                           .remembered = true},
                          read_quota),
    row<&Settings::no_flush>({.flag = "--no-flush",
                              .key = "no_flush",
                              .help = "do not wait until files are on the disk: faster, for a "
                                      "storage that may be lost when the power fails",
                              .users = Users::storage}),
    row<&Settings::limits>({.flag = "--limit-up",
                            .key = "limit_up",
                            .value = "RATE",
                            .initial = "none",
                            .help = "give others at most so many bytes of files a second, such "
                                    "as 800K or 5M, or by the hour: \"08:00,500K 19:00,none\"",
                            .changed_by = "kp2p-limit",
                            .remembered = true},
                           read_rates<&proto::RateLimits::up>),
    row<&Settings::limits>({.flag = "--limit-down",
                            .key = "limit_down",
                            .value = "RATE",
                            .initial = "none",
                            .help = "ask others for at most so many",
                            .changed_by = "kp2p-limit",
                            .remembered = true},
                           read_rates<&proto::RateLimits::down>),
    row<&Settings::limits>({.flag = "--limit-lan",
                            .key = "limit_lan",
                            .value = "WHETHER",
                            .initial = "on",
                            .help = "on: both limits hold in the LAN too; off: they do not",
                            .changed_by = "kp2p-limit",
                            .remembered = true},
                           read_limit_lan),
    row<&Settings::channel_limits>(
        {.flag = "--limit-channel",
         .key = "limit_channels",
         .value = "UP;DOWN;NAME",
         .help =
             "let files from and to members of this channel take no more than these rates, "
             "beside the limits of all: \"2M;none;our-lab\"; may be repeated; none: no channel has "
             "any",
         .changed_by = "kp2p-limit --channel",
         .remembered = true},
        read_channel_limits),
    row<&Settings::no_port_mapping>({.flag = "--no-port-mapping",
                                     .key = "no_port_mapping",
                                     .help = "do not ask the router to forward this port to us"}),
    row<&Settings::no_lan>({.flag = "--no-lan",
                            .key = "no_lan",
                            .help = "do not look for members of the channels in the LAN"}),
    row<&Settings::metrics>({.flag = "--metrics",
                             .key = "metrics",
                             .help = "let everybody at this computer read /metrics at the API's "
                                     "port, as Prometheus does"}),
    row<&Settings::log_levels>({.flag = "--log-level",
                                .key = "log_level",
                                .value = "LEVELS",
                                .initial = "info",
                                .help = "log what is at least that: debug, info, warning or error; "
                                        "for parts of the node too: info,dht=debug"},
                               read_log_levels),
    row<&Settings::log_format>(
        {.flag = "--log-format",
         .key = "log_format",
         .value = "FORMAT",
         .initial = "text",
         .help = "of the log: text, json (an object a line), or journald (its "
                 "priorities, no time)"},
        read_log_format),
    row<&Settings::log_file>({.flag = "--log-file",
                              .key = "log_file",
                              .value = "FILE",
                              .help = "append the log to it instead of stderr; opened anew at "
                                      "SIGHUP"}),
};

}  // namespace

std::span<const Setting> setting_table() { return table; }

bool Setting::is_for(Needs needs) const {
    if (needs == Needs::nothing) return false;
    if (needs == Needs::node || users == Users::all) return true;
    return needs == Needs::storage ? users == Users::storage : users == Users::daemon;
}

std::string Setting::full_help() const {
    std::string more;
    const auto add = [&more](std::string_view name, std::string_view what) {
        if (what.empty()) return;
        more += more.empty() ? "" : "; ";
        more += std::string(name) + std::string(what);
    };
    add("default: ", initial);
    add("environment: ", variable);
    add("in config.json: ", key);
    add("while it runs: ", changed_by);
    if (remembered) add("", "remembered");
    std::string all(help);
    return more.empty() ? all : all + " [" + more + "]";
}

}  // namespace kp2p

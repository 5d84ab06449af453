#include "node/report/doctor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "proto/byte_size.hpp"
#include "proto/report/advice.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t little_room_bytes = 1'000'000'000;
// No clock that was ever set is before it: 2024-01-01.
constexpr auto earliest_wall = std::chrono::system_clock::time_point(1704067200s);

std::string seconds(Clock::Span span) {
    return seconds_text(std::chrono::duration_cast<std::chrono::milliseconds>(span));
}

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes / 1'000'000) + " MB"; }

Check daemon(const Facts& facts) {
    if (!facts.running)
        return {"daemon", Health::problem, "no daemon is running", "start one: kp2p-start-daemon"};
    return {"daemon",
            Health::ok,
            "running for " + seconds(facts.running->up) + ", node " + facts.running->node.hex(),
            {}};
}

void key(const Facts& facts, Checks& checks) {
    if (facts.twin)
        checks.push_back({"key", Health::problem, sentence_of(*facts.twin),
                          std::string(advice_of(facts.twin->code))});
}

void config(const Facts& facts, Checks& checks) {
    if (!facts.config) return;
    if (facts.config->empty())
        checks.push_back({"config", Health::ok, "the configuration can be read", {}});
    else
        checks.push_back({"config", Health::problem, *facts.config,
                          "mend the configuration directory, or name another: --config-dir"});
}

void addresses(const Facts& facts, Checks& checks) {
    std::string hosts;
    for (const Host& host : facts.interfaces) hosts += (hosts.empty() ? "" : ", ") + host.text();
    if (hosts.empty())
        checks.push_back({"addresses", Health::warning,
                          "no network interface is up, but for that of this computer alone",
                          "connect this computer to a network"});
    else
        checks.push_back({"addresses", Health::ok, "this computer is at " + hosts, {}});
}

void ports(const Facts& facts, Checks& checks) {
    if (!facts.port_trouble.empty())
        return checks.push_back({"ports", Health::problem, facts.port_trouble,
                                 facts.no_sockets
                                     ? "let it use the network: a sandbox, or its service, does not"
                                     : "end what holds the port, or choose another: --port N"});
    const char* has = facts.running ? "listens at " : "can listen at ";
    std::string said;
    if (facts.udp) said = "udp " + facts.udp->text();
    if (facts.tcp) said += (said.empty() ? "tcp " : ", tcp ") + facts.tcp->text();
    if (said.empty()) return;
    const bool whole = facts.tcp.has_value();
    checks.push_back({"ports", whole ? Health::ok : Health::warning,
                      has + said + (whole ? "" : ", and not on TCP"),
                      whole ? "" : "free the TCP port of the same number, and start again"});
}

// Of several interfaces that which leads to the Internet may be the one that is dead.
std::string way_out(const Facts& facts) {
    const Finding::Code code = facts.network_trouble->code;
    const bool silent = code == Finding::Code::dht_silent || code == Finding::Code::dht_silent_for;
    const auto v4 = std::ranges::find_if(facts.interfaces, &Host::is_v4);
    if (!silent || facts.interfaces.size() < 2 || v4 == facts.interfaces.end()) return {};
    if (facts.udp && !facts.udp->host.is_unspecified()) return {};
    const std::string from = "; what is sent leaves from " + v4->text();
    if (facts.way_out.empty()) return from + ": does that way lead anywhere (ip route)?";
    return from + " by " + facts.way_out + ": if that way leads nowhere, switch " + facts.way_out +
           " off, so that it leaves by another (ip route)";
}

void udp(const Facts& facts, Checks& checks) {
    if (facts.no_sockets) return;
    if (facts.network_trouble) {
        const Finding& trouble = *facts.network_trouble;
        const bool chosen = trouble.code == Finding::Code::no_bootstrap;
        return checks.push_back({"udp", chosen ? Health::warning : Health::problem,
                                 full_sentence_of(trouble) + way_out(facts),
                                 std::string(advice_of(trouble.code))});
    }
    const std::string when =
        facts.last_answer ? ", the last time " + seconds(*facts.last_answer) + " ago" : "";
    const bool blocked = facts.tunnel && facts.tunnel->in_use;
    const std::string how = blocked ? "UDP is blocked here, and goes through a kp2p-relay; "
                                      "DHT nodes answer"
                                    : "UDP goes out, and DHT nodes answer";
    checks.push_back({"udp", Health::ok, how + when, {}});
}

void nat(const Facts& facts, Checks& checks) {
    const std::string forward =
        "turn on UPnP or NAT-PMP in the router, or forward a UDP port of it to this computer, and "
        "name it with --port, to be reached by everybody";
    const auto& sampled = facts.sampled_address;
    if (facts.public_address)
        checks.push_back({"nat",
                          Health::ok,
                          "reachable from outside as " + facts.public_address->text() +
                              ": packets that nobody was asked for have come to the port",
                          {}});
    else if (!facts.firewalled)
        checks.push_back({"nat",
                          Health::ok,
                          "reachable: packets that nobody was asked for have come to the port",
                          {}});
    else if (sampled && sampled->port != 0)
        checks.push_back({"nat",
                          Health::ok,
                          "behind a firewall or NAT that shows everybody one port, " +
                              sampled->text() + ", as DHT nodes see it: holes can be punched",
                          {}});
    else if (sampled)
        checks.push_back({"nat", Health::warning,
                          "behind a NAT that shows each other side another port, at " +
                              sampled->host.text() +
                              ", as DHT nodes see it: holes can be punched to some nodes only",
                          forward});
    else if (!facts.network_trouble && !facts.no_sockets)
        checks.push_back({"nat", Health::warning,
                          "not known yet: too few DHT nodes have said how they see this node",
                          "ask again in a minute"});
}

// No trouble of its own: nat() says when a router should forward.
void mapping(const Facts& facts, Checks& checks) {
    if (facts.mapping) checks.push_back({"mapping", Health::ok, *facts.mapping, {}});
}

void tunnel(const Facts& facts, Checks& checks) {
    if (!facts.tunnel) return;
    const auto& [place, in_use, up, failure, impostor, asking] = *facts.tunnel;
    if (up && in_use)
        checks.push_back({"tunnel", Health::ok, "UDP goes through " + place, {}});
    else if (!in_use && !facts.network_trouble)
        checks.push_back({"tunnel", Health::ok, place + " is not needed: UDP works here", {}});
    else if (!in_use && failure.empty() && asking)
        checks.push_back({"tunnel", Health::warning,
                          place + " is being asked for a UDP port, and has not answered yet",
                          "ask again in a quarter of a minute"});
    else if (!in_use && failure.empty())
        checks.push_back({"tunnel", Health::ok, place + " has not been needed yet", {}});
    else
        checks.push_back({"tunnel", Health::problem,
                          "there is no UDP port at " + (failure.empty() ? place : failure),
                          std::string(advice_of(impostor ? Finding::Code::captive_portal
                                                         : Finding::Code::no_relay_port))});
}

void relaying(const Facts& facts, Checks& checks) {
    if (!facts.relaying) return;
    const auto& [serves, pairs] = *facts.relaying;
    checks.push_back({"relaying",
                      Health::ok,
                      serves ? "forwards for members that cannot reach each other; " +
                                   proto::count_words(pairs, "pair") + " of them now"
                             : "does not forward for others",
                      {}});
}

void lan(const Facts& facts, Checks& checks) {
    if (!facts.lan) return;
    if (facts.lan->empty())
        checks.push_back({"lan", Health::ok, "members are looked for in the LAN", {}});
    else
        checks.push_back({"lan", Health::warning,
                          "members are not looked for in the LAN: " + *facts.lan,
                          "install and start avahi-daemon"});
}

void dht(const Facts& facts, Checks& checks) {
    const std::string known = proto::count_words(facts.dht_nodes, "DHT node") + " known";
    if (facts.in_network || facts.first)
        checks.push_back(
            {"dht", Health::ok, known + (facts.first ? "; this is the first" : ""), {}});
    else if (!facts.network_trouble && !facts.no_sockets)
        checks.push_back({"dht", Health::warning, "the DHT is being entered, " + known,
                          "ask again in a minute"});
}

void channels(const Facts& facts, Checks& checks) {
    if (!facts.running) return;
    if (facts.channels.empty())
        checks.push_back({"channels", Health::warning, "this node is in no channel",
                          std::string(advice_of(Finding::Code::no_channel))});
    for (const auto& [name, members, joined] : facts.channels) {
        if (!joined) {
            checks.push_back({"channels", Health::ok, name + ": is being joined", {}});
            continue;
        }
        const bool alone = members == 0;
        checks.push_back({"channels", alone ? Health::warning : Health::ok,
                          name + ": connected to " +
                              (alone ? "nobody" : std::to_string(members) + " of its nodes"),
                          alone ? std::string(advice_of(Finding::Code::nobody_there)) : ""});
    }
}

void storage(const Facts& facts, Checks& checks) {
    const auto& [dir, trouble, free_bytes, missing] = facts.storage;
    if (missing && !facts.running)
        return checks.push_back({"storage", Health::warning, dir.string() + " is not there yet",
                                 "start a daemon, which makes it, or name another with "
                                 "KACHERY_STORAGE_DIR"});
    if (!trouble.empty())
        return checks.push_back({"storage", Health::problem, dir.string() + ": " + trouble,
                                 "mend it, or name another with KACHERY_STORAGE_DIR"});
    const bool little = free_bytes < little_room_bytes;
    checks.push_back({"storage", little ? Health::warning : Health::ok,
                      dir.string() + ", " + megabytes(free_bytes) + " free",
                      little ? "make room on its disk" : ""});
}

void clock(const Facts& facts, Checks& checks) {
    const bool set = facts.wall >= earliest_wall;
    checks.push_back({"clock", set ? Health::ok : Health::problem,
                      set ? "the clock is plausible" : "the clock has not been set",
                      set ? "" : "set the clock of this computer"});
}

// Of what the rights do not tell of, such as a file system that turned read-only after an error of
// its disk. The file has no name and is gone at once.
std::string trouble_with_files(const Facts::Storage& seen) {
#ifdef O_TMPFILE
    const int file = ::open(seen.dir.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
    const int number = errno;
    if (file >= 0) ::close(file);
    if (file >= 0) return {};
    if (number == ENOSPC && seen.free_bytes > 0) return "it can hold no more files (df -i)";
    if (number == EROFS || number == EDQUOT || number == EIO)
        return std::error_code(number, std::generic_category()).message();
#endif
    return {};
}

using Section = void (*)(const Facts&, Checks&);

constexpr Section sections[] = {key,    config,   addresses, ports, udp,      nat,     mapping,
                                tunnel, relaying, lan,       dht,   channels, storage, clock};

}  // namespace

Checks examine(const Facts& facts) {
    Checks checks{daemon(facts)};
    for (const Section section : sections) section(facts, checks);
    return checks;
}

Facts::Storage look_at_storage(const std::filesystem::path& dir) {
    Facts::Storage seen;
    seen.dir = dir;
    std::error_code error;
    const auto room = std::filesystem::space(dir, error);
    if (error) {
        seen.trouble = error.message();
        seen.missing = error == std::errc::no_such_file_or_directory;
        return seen;
    }
    seen.free_bytes = room.available;
    if (!std::filesystem::is_directory(dir, error))
        seen.trouble = make_error_code(std::errc::not_a_directory).message();
    else if (::access(dir.c_str(), R_OK | W_OK | X_OK) != 0)
        seen.trouble = std::error_code(errno, std::generic_category()).message();
    else
        seen.trouble = trouble_with_files(seen);
    return seen;
}

}  // namespace kp2p

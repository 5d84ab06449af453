// kp2p-transfers: prints what is being loaded and given, or ends one of these.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "node/client/progress_line.hpp"
#include "proto/byte_size.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

constexpr std::chrono::seconds watch_span{1};
constexpr std::chrono::milliseconds stop_check{100};

std::string line_of(const client::Answer& transfer) {
    const bool loads = transfer.string("kind") == "load";
    const std::uint64_t bytes = transfer.number("bytes"), size = transfer.number("size"),
                        rate = transfer.number("bytes_per_second");
    std::string text = transfer.json("id") + "  " + transfer.string("kind");
    if (size > 0 && loads) text += "  " + std::to_string(bytes / (size / 100 + 1)) + " %";
    text += "  " + proto::size_words(bytes);
    if (size > 0) text += " of " + proto::size_words(size);
    text += "  " + proto::size_words(rate) + "/s";
    if (loads && rate > 0 && size > bytes)
        text += "  " + client::span_words((size - bytes) / rate) + " left";
    std::string nodes;
    for (const std::string& node : transfer.strings("nodes"))
        nodes += (nodes.empty() ? (loads ? "  from " : "  to ") : ", ") + node.substr(0, 8);
    const std::string name = transfer.string("name");
    return text + nodes + "  " + (name.empty() ? transfer.string("sha1") : name);
}

// How many lines it took.
Result<std::size_t> print_all(client::Command& command, client::Daemon& daemon) {
    auto answer = daemon.request({"/v1/transfers", "transfers", {}, "GET"});
    if (!answer) return answer.error();
    const auto transfers = answer->list("transfers");
    if (command.json()) {
        if (auto printed = command.print_json(answer->text()); !printed) return printed.error();
        return std::size_t{0};
    }
    for (const client::Answer& transfer : transfers)
        if (auto printed = command.print(line_of(transfer)); !printed) return printed.error();
    return transfers.size();
}

// Until a signal ends it; on a terminal in place of what was there before.
Result<void> watch(client::Command& command, client::Daemon& daemon) {
    const bool redraws = ::isatty(STDOUT_FILENO) == 1 && !command.json();
    for (;;) {
        auto lines = print_all(command, daemon);
        if (!lines) return lines.error();
        const auto until = std::chrono::steady_clock::now() + watch_span;
        while (std::chrono::steady_clock::now() < until) {
            if (command.stop().stop_requested()) return ok;
            std::this_thread::sleep_for(stop_check);
        }
        if (redraws && *lines > 0) std::printf("\x1b[%zuA\x1b[J", *lines);
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-transfers", "Prints what is being loaded and given just now.",
                            client::Needs::daemon);
    const bool& watches = command.flag("--watch", "again every second, until Ctrl-C");
    const auto& cancel = command.option<std::uint64_t>(
        "--cancel", "ID", "end the transfer of this number; what came is kept");
    command.stop_on_signals();
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        if (cancel) {
            proto::JsonWriter body;
            body.begin_object().field("id", *cancel).end_object();
            auto ended = daemon.request({"/v1/transfers", "", body.take(), "DELETE"});
            if (!ended) return ended.error();
            if (command.json()) return command.print_json(ended->text());
            return ok;
        }
        if (watches) return watch(command, daemon);
        auto printed = print_all(command, daemon);
        if (!printed) return printed.error();
        return ok;
    });
}

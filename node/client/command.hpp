// Command: what all executables share: arguments, the common flags, errors to words and exit codes.
// Declare arguments and options first, then run() once; main returns what it returns. The values
// that the declarations return are filled in when the body runs.
//   int main(int argc, char** argv) {
//       client::Command command("kp2p-ls", "lists a sha1dir", client::Needs::daemon);
//       const auto& uri = command.argument<proto::Uri>("URI", "of the directory");
//       return command.run(argc, argv, [&]() -> Result<void> { use(*uri); return ok; });
//   }
// Data goes to stdout with print(), words to stderr with say(). The exit status is
// kp2p::exit_status() of what the body returns, 2 for arguments that do not parse. When the reader
// of stdout has gone, print() fails with Errc::canceled, and run() says nothing but exit status 1.
// The first thing in main: it fills the standard descriptors that are closed, so that nothing else
// can come to stand there and be taken for them. What is read or written there still fails.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "node/client/config.hpp"
#include "node/client/stand_in.hpp"
#include "node/settings/values.hpp"
#include "proto/bytes.hpp"
#include "proto/outcome.hpp"

namespace kp2p::client {

class Daemon;
// How the text of an argument becomes a value: text as it is, a number, or T::parse(), which may
// have a second parameter for a sentence that says what is wrong.
inline Result<void> parse_argument(std::string_view text, std::string& into, std::string&) {
    into = text;
    return ok;
}
template <WholeNumber T>
Result<void> parse_argument(std::string_view text, T& into, std::string& complaint) {
    return read_number(text, into, complaint);
}

class Command {
  public:
    // Every command has --json --quiet --help --version; what it needs adds the flags of the
    // settings that are for it, which config() then holds.
    Command(std::string name, std::string purpose, Needs needs);
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    ~Command();

    // One required, one optional, or one and more positional arguments, in this order.
    template <class T>
    const std::optional<T>& argument(std::string name, std::string help) {
        return one<T>({std::move(name), {}, std::move(help), Count::one});
    }
    template <class T>
    const std::optional<T>& optional_argument(std::string name, std::string help) {
        return one<T>({std::move(name), {}, std::move(help), Count::at_most_one});
    }
    template <class T>
    const std::vector<T>& arguments(std::string name, std::string help) {
        return many<T>({std::move(name), {}, std::move(help), Count::at_least_one});
    }
    template <class T>
    const std::vector<T>& optional_arguments(std::string name, std::string help) {
        return many<T>({std::move(name), {}, std::move(help), Count::any_number});
    }
    // --name VALUE, at most once or any number of times.
    template <class T>
    const std::optional<T>& option(std::string name, std::string value, std::string help) {
        return one<T>({std::move(name), std::move(value), std::move(help), Count::at_most_one});
    }
    template <class T>
    const std::vector<T>& options(std::string name, std::string value, std::string help) {
        return many<T>({std::move(name), std::move(value), std::move(help), Count::any});
    }
    // --name without a value.
    const bool& flag(std::string name, std::string help);

    int run(int argc, char** argv, const std::function<Result<void>()>& body);
    int run(int argc, char** argv, const std::function<Result<void>(Daemon&)>& body);

    // By a command whose stdout is bytes, before it prints: --json goes to stderr.
    void bytes_are_data() { json_descriptor_ = 2; }
    // Before run(), by one that leaves something behind when it is killed: SIGINT, SIGTERM and
    // SIGHUP request a stop instead, and what blocks ends with EINTR; or, where it does not end in
    // time, the process does (hang_watch.hpp). What fails then ends by the signal, when main does.
    void stop_on_signals();
    // Before run(), by one that can do with what is here: asked where no daemon runs.
    void stand_in(StandIn stand_in) { stand_in_ = std::move(stand_in); }
    // Before run(), by one for whom a daemon may be started: adds --start-daemon.
    void may_start_daemon();

    // For the body:
    const Config& config() const;
    Result<std::filesystem::path> storage_dir();  // config().storage_dir(), with words if it fails
    std::stop_token stop() const;                 // what stop_on_signals() asks for
    bool json() const;                            // data on stdout is one JSON object a line
    bool quiet() const;
    Result<void> print(std::string_view line);       // one line to stdout, flushed
    Result<void> print_json(std::string_view line);  // the same, where --json goes
    Result<void> print_bytes(ByteView bytes);        // to stdout
    // A URI as print() does, and on a terminal in quotes where a shell would take it for more.
    Result<void> print_uri(std::string_view uri);
    std::string shown_uri(std::string_view uri) const;  // as that prints it
    void say(std::string_view line);                    // one line to stderr, unless --quiet
    // Of one of several things that are done: its error is said now, the others go on, and what
    // the body returns in the end is not said.
    void complain(std::error_code error, const Daemon& daemon, const std::string& uri);
    void complain(std::error_code error);  // with the words of failure()
    // Is called before anything is printed or said, as by who has drawn on the terminal.
    void before_output(std::function<void()> call) { before_output_ = std::move(call); }
    // What the body returns when whoever reads the data on stdout has gone: nothing is said.
    std::error_code reader_gone();
    // Adds what the error code cannot say (which file, why) to the words of a failure:
    //   return command.failure(Errc::usage, "not an address: " + text);
    //   return command.failure(error_of_the_system, path);  // reads "path: No such file ..."
    std::error_code failure(std::error_code error, std::string detail);

  private:
    enum class Count { one, at_most_one, at_least_one, any_number, any };
    struct Declared {
        std::string name, value, help;
        Count count;
    };
    using Store = std::function<Result<void>(std::string_view text, std::string& complaint)>;

    template <class T>
    static Result<T> parse(std::string_view text, std::string& complaint) {
        if constexpr (requires(T value) { parse_argument(text, value, complaint); }) {
            T value{};
            auto parsed = parse_argument(text, value, complaint);
            if (!parsed) return parsed.error();
            return value;
        } else if constexpr (requires { T::parse(text, complaint); }) {
            return T::parse(text, complaint);
        } else {
            return T::parse(text);
        }
    }
    template <class T>
    const std::optional<T>& one(Declared declared) {
        auto value = std::make_shared<std::optional<T>>();
        values_.push_back(value);
        declare(
            std::move(declared),
            [slot = value.get()](std::string_view text, std::string& complaint) -> Result<void> {
                auto parsed = parse<T>(text, complaint);
                if (!parsed) return parsed.error();
                *slot = *std::move(parsed);
                return ok;
            });
        return *value;
    }
    template <class T>
    const std::vector<T>& many(Declared declared) {
        auto values = std::make_shared<std::vector<T>>();
        values_.push_back(values);
        declare(
            std::move(declared),
            [slot = values.get()](std::string_view text, std::string& complaint) -> Result<void> {
                auto parsed = parse<T>(text, complaint);
                if (!parsed) return parsed.error();
                slot->push_back(*std::move(parsed));
                return ok;
            });
        return *values;
    }
    void declare(Declared declared, Store store);
    void declare(const Setting& setting);
    std::optional<int> parse_arguments(int argc, char** argv);  // the exit status if it ends here
    Result<void> write(int descriptor, ByteView bytes);
    void take_words(const Daemon& daemon);
    void tell(std::error_code error);
    int report(const Result<void>& outcome);

    struct Parser;
    std::unique_ptr<Parser> parser_;
    std::deque<std::shared_ptr<void>> values_;
    std::optional<Config> config_;
    StandIn stand_in_;
    std::string detail_, about_, advice_, findings_;  // the last is JSON, or nothing
    std::string uri_;                                 // the one of several that is complained of
    int json_descriptor_ = 1;
    std::function<void()> before_output_;
    bool complained_ = false;
    bool stopped_ = false;      // a signal is why it failed
    bool reader_gone_ = false;  // whoever read what we write has closed it
};

}  // namespace kp2p::client

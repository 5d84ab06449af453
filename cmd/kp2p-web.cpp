// kp2p-web: opens the daemon's page in the browser.
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "node/client/command.hpp"
#include "node/client/daemon.hpp"

using namespace kp2p;
namespace fs = std::filesystem;

namespace {

// The address holds a secret, and what a browser is started with all users of the machine can read.
// So it is started with a file that only its user can read, and that sends it on.
Result<fs::path> write_page(const fs::path& folder, const std::string& url) {
    const fs::path path = folder / "kp2p-web.html", fresh = folder / "kp2p-web.html.new";
    const mode_t others = ::umask(0077);
    std::ofstream file(fresh, std::ios::trunc);
    ::umask(others);
    file << "<!doctype html><meta charset=\"utf-8\"><title>kp2p</title>"
         << "<meta http-equiv=\"refresh\" content=\"0; url=" << url << "\">\n";
    file.close();
    std::error_code error;
    if (!file) return Errc::failed;
    fs::rename(fresh, path, error);
    if (error) return error;
    return path;
}

// Whether a program that opens files took this one.
bool open_in_browser(const fs::path& page) {
    const char* chosen = std::getenv("BROWSER");
    const std::string opener = chosen && *chosen ? chosen :
#ifdef __APPLE__
                                                 "open";
#else
                                                 "xdg-open";
#endif
    std::string program = opener, argument = page.string();
    char* const arguments[] = {program.data(), argument.data(), nullptr};
    pid_t child = 0;
    if (::posix_spawnp(&child, program.c_str(), nullptr, nullptr, arguments, environ) != 0)
        return false;
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-web", "Opens the page of this node in the browser.",
                            client::Needs::daemon);
    command.may_start_daemon();
    const auto& print = command.flag(
        "--print", "print the page's address instead, which lets one in, once, within a minute");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        auto answer = daemon.request({"/v1/web", "url"});
        if (!answer) return answer.error();
        if (command.json()) return command.print_json(answer->text());
        const std::string url = answer->string("url");
        if (print) return command.print(url);
        auto page = write_page(command.config().dir(), url);
        if (!page) return command.failure(page.error(), command.config().dir().string());
        if (open_in_browser(*page)) return ok;
        return command.failure(Errc::failed, "no browser could be opened; try kp2p-web --print");
    });
}

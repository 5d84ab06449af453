#!/usr/bin/env python3
"""mutations.py [--texts | WORD...]: breaks the code in known ways and sees that a test notices each.
Takes those whose name has one of the words, or all. Works on a copy of the sources as they are here;
says `killed` or `SURVIVED` for each. Exit status 1 when one survived, does not build, or is no more
in the source, which is all that --texts looks at. Run by hand, as it builds for minutes."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing

SOURCE = pathlib.Path(__file__).resolve().parent.parent
# As ./run builds but for the optimisation, so that a compiler cache serves both.
SETUP = ["-Doptimization=0", "-Ddebug=false", "--unity=on", "-Dunity_size=16", "-Dcpp_args=-g1"]
BUILD_FAILED = 125  # what `meson test` ends with then


class Mutation(typing.NamedTuple):
    name: str
    suite: str  # that must fail: a name of Meson's suite `node`
    path: str
    text: str  # once in the file
    instead: str


MUTATIONS = [
    Mutation("names are not flushed", "store-faults", "node/store/file.cpp",
             "    if (until_done([&] { return disk().flush_names(fd_); }) != 0) return last_error();\n", ""),
    Mutation("the directories above a name are not flushed", "store-faults",
             "node/store/directories.cpp",
             "if (directory == layout.root() || !directory.has_relative_path()) break;", "break;"),
    Mutation("a committed download is not flushed", "store-faults", "node/store/partial.cpp",
             "    if (auto done = flush(); !done) return done.error();\n", ""),
    Mutation("a stored file is not flushed", "store-faults", "node/store/put/publisher.cpp",
             "if (auto flushed = one.file.file().flush(); !flushed) return flushed;", "(void)one;"),
    Mutation("a stored file's name is not flushed", "store-power", "node/store/put/publisher.cpp",
             "if (auto flushed = flush_names(each); !flushed)",
             "if (auto flushed = Result<void>(ok); !flushed)"),
    Mutation("secrets are kept for all to read", "process", "node/process/config_dir.cpp",
             "File::Mode::create_secret", "File::Mode::create"),
    Mutation("strangers' handshakes have no rate", "reach", "node/reach/acceptor.cpp",
             "if (!strangers_.spend(now)) {", "if (false) {"),
    Mutation("one host's handshakes have no rate", "reach", "node/reach/acceptor.cpp",
             "sources_.allow(now, source) && ", ""),
    Mutation("a node that has fallen silent is not looked for", "swarm", "node/swarm/swarm_vigil.cpp",
             "        for (const NodeId& node : silent) start_redial(redials_, node, redial(node));\n", ""),
    Mutation("time alone makes a connection silent", "swarm", "node/swarm/vigil.hpp",
             "looks_ < min_looks || ", ""),
    Mutation("who may be elsewhere waits to be announced there", "swarm",
             "node/swarm/swarm_vigil.cpp", "    announcer_.hurry();\n", ""),
    Mutation("a relay is not left when a NAT has changed", "relay", "node/swarm/swarm_vigil.cpp",
             "    return !first;  // when we connected, all was tried\n", "    return false;\n"),
    Mutation("a mapping outlives a move", "mapping", "node/mapping/keeper.cpp",
             "    set(std::nullopt);\n    hurried_", "    hurried_"),
    Mutation("no outage is longer than usual", "share-fetch", "node/share/fetch/providers.cpp",
             "outage = gave ? outage_ : std::max<Clock::Span>(outage_, usual_outage);",
             "outage = gave ? usual_outage : usual_outage;"),
    Mutation("an outbox has no bound", "transport", "node/transport/outbox.hpp",
             "        if (messages_.size() >= max_messages) return false;\n", ""),
    Mutation("gets that wait have no bound", "share-transfer", "node/share/transfer/uploader.cpp",
             "    if (asked_ >= proto::max_outstanding_gets) {\n"
             "        refuse(get.id, RefusalCode::limit);\n"
             "    } else if (!can_give(file, get.index)",
             "    if (false) {\n    } else if (!can_give(file, get.index)"),
    Mutation("nodes that are heard of have no bound", "share-fetch", "node/share/fetch/try_queue.hpp",
             "heard_.size() >= max_heard", "false"),
    Mutation("nodes that are tried at once have no bound", "share-fetch",
             "node/share/fetch/try_queue.hpp",
             "if (trying_ >= max_at_once && reach == Reach::distant) {", "if (false) {"),
    Mutation("leaving closes no lookup channel", "share", "node/share/lookup/lookup_session.cpp",
             "        if (lookup.mux) lookup.mux->close();\n", ""),
    Mutation("a blamed node is tried again", "share-fetch", "node/share/fetch/providers.cpp",
             "attempts < max_attempts && !blamed_.contains(node);) {\n"
             "        const auto began = parts_.share.runtime.clock.now();\n"
             "        const Ended ended = co_await attempt(node);\n"
             "        if (!comes_back(ended) || blamed_.contains(node)) {",
             "attempts < max_attempts;) {\n"
             "        const auto began = parts_.share.runtime.clock.now();\n"
             "        const Ended ended = co_await attempt(node);\n"
             "        if (!comes_back(ended)) {"),
    Mutation("a download that is still read is not gone on with", "share-fetch",
             "node/share/inventory/partial_desk.cpp",
             "    if (auto partial = handed_out(file)) co_return partial;\n"
             "    if (!store_.may_resume",
             "    if (!store_.may_resume"),
    Mutation("half of what was kept is fetched again", "share-fetch", "node/share/fetch/fetch.cpp",
             "    download_.resume(partial->size_bytes(), chunks);\n",
             "    chunks.resize(chunks.size() / 2);\n"
             "    download_.resume(partial->size_bytes(), chunks);\n"),
    Mutation("other bytes are stored for a small file", "share-fetch", "node/store/store.cpp",
             "    if (*sha1 != file.sha1) return proto::Errc::wrong_hash;\n", ""),
    Mutation("a small file may come twice", "share-fetch", "node/share/fetch/small_files.cpp",
             "        if (file->number >= batch.size() || answered[at]) {",
             "        if (file->number < batch.size() && answered[at]) continue;\n"
             "        if (file->number >= batch.size()) {"),
    Mutation("small files are held for who does not read", "share-fetch",
             "node/share/transfer/uploader_files.cpp",
             "with_timeout(clock_, unread_span,", "with_timeout(clock_, 1000 * unread_span,"),
    Mutation("a small file may be large", "share-fetch", "node/share/inventory/inventory.cpp",
             " || located.stored->stamp.size_bytes > max_bytes) return small;", ") return small;"),
    Mutation("a call does not wait for its reader", "api", "node/api/wire.cpp",
             "auto [error, size] = co_await asio::async_write(socket_, all, use_result);",
             "std::error_code error, full;\n    socket_.write_some(all, full);"),
]


def copy_sources(to):
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=SOURCE, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (SOURCE / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, to / name)


def run_suites(copy, suites):
    """What `meson test` ends with: 0, or how many failed, or BUILD_FAILED."""
    command = ["meson", "test", "-C", "build", "--suite", "node", "--print-errorlogs", *suites]
    done = subprocess.run(command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    return done.returncode, done.stdout


def is_possible(root, mutation):
    file = root / mutation.path
    return file.exists() and file.read_text().count(mutation.text) == 1


def verdict(copy, mutation):
    if not is_possible(copy, mutation):
        return "TEXT NOT FOUND"
    file = copy / mutation.path
    source = file.read_text()
    file.write_text(source.replace(mutation.text, mutation.instead))
    try:
        status, output = run_suites(copy, [mutation.suite])
    finally:
        file.write_text(source)
    if status == BUILD_FAILED:
        return "DOES NOT BUILD\n" + output
    return "killed" if status else "SURVIVED"


def look_at_texts():
    gone = [mutation.name for mutation in MUTATIONS if not is_possible(SOURCE, mutation)]
    for name in gone:
        print(f"{name}: its text is not once in the source")
    return 1 if gone else 0


def main(words):
    if words == ["--texts"]:
        return look_at_texts()
    chosen = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    bad = 0 if chosen else 1
    with tempfile.TemporaryDirectory(prefix="kp2p-mutations-") as folder:
        copy = pathlib.Path(folder)
        copy_sources(copy)
        subprocess.run(["meson", "setup", "build", *SETUP], cwd=copy, check=True,
                       stdout=subprocess.DEVNULL)
        status, output = run_suites(copy, sorted({mutation.suite for mutation in chosen}))
        if status:
            sys.exit(output + "\nthe suites must pass before anything is broken")
        for mutation in chosen:
            said = verdict(copy, mutation)
            bad += said != "killed"
            print(f"{mutation.suite:16} {mutation.name}: {said}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

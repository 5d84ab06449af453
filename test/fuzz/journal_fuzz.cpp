// A journal of any bytes is read without harm. One of ours, with bytes of it replaced or its end
// cut off, gives the records before the damage and no others, and goes on from there.
#include <algorithm>
#include <cstdlib>

#include "node/store/journal.hpp"
#include "test/files.hpp"
#include "test/temp_dir.hpp"

namespace {

using namespace kp2p;

constexpr std::uint64_t size_bytes = 1000;
constexpr std::uint64_t records = 4;

JournalRecord record_of(std::uint64_t index) {
    return {.chunk = {.index = index, .link = Sha1Link(), .next = Sha1Link()},
            .content_hash = index};
}

class OpenJournal {
  public:
    explicit OpenJournal(const std::filesystem::path& path)
        : journal_(*File::open(path, File::Mode::update)) {}
    Journal* operator->() { return &journal_; }

  private:
    Journal journal_;
};

std::size_t replayed(const std::filesystem::path& path, bool then_append) {
    OpenJournal journal(path);
    const auto read = journal->replay(Sha1());
    if (!read) return 0;
    if (read->size_bytes != size_bytes) std::abort();
    for (std::size_t i = 0; i < read->records.size(); ++i)
        if (read->records[i].chunk != record_of(i).chunk || read->records[i].content_hash != i)
            std::abort();
    if (then_append && !journal->append(record_of(read->records.size()))) std::abort();
    return read->records.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const test::TempDir directory;
    static const std::filesystem::path path = directory.path() / "journal";
    static const std::string whole = [] {
        OpenJournal journal(path);
        if (!journal->start(Sha1(), size_bytes)) std::abort();
        for (std::uint64_t i = 0; i < records; ++i)
            if (!journal->append(record_of(i))) std::abort();
        return test::read_file(path);
    }();

    const ByteView input(data, size);
    test::write_file(path, input);
    (void)OpenJournal(path)->replay(Sha1());

    if (size < 3) return 0;
    std::string damaged = whole;
    const ByteView patch = input.subspan(3);
    const std::size_t at = (data[0] + 256u * data[1]) % damaged.size();
    damaged.replace(at, std::min(patch.size(), damaged.size() - at), as_text(patch));
    if (data[2] % 2 == 0) damaged.resize(damaged.size() - data[2]);
    const auto same = std::mismatch(damaged.begin(), damaged.end(), whole.begin());
    const auto kept_bytes = static_cast<std::size_t>(same.first - damaged.begin());
    test::write_file(path, damaged);
    const std::size_t head_bytes = 44, record_bytes = 64;
    if (whole.size() != head_bytes + records * record_bytes) std::abort();
    const std::size_t expected =
        kept_bytes < head_bytes ? 0 : (kept_bytes - head_bytes) / record_bytes;
    if (replayed(path, true) != expected) std::abort();
    // What was appended lies over the damage, so that records behind it may count again.
    if (kept_bytes >= head_bytes && replayed(path, false) < expected + 1) std::abort();
    return 0;
}

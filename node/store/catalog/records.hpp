// Records: what was asked to be stored, linked or loaded, by which name and when: one for each file
// or directory, not for the files in a directory. A pin is a record, too.
//   record := {"uri": URI, "kind": "stored" | "linked" | "loaded", "time": seconds since 1970}
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/store/catalog/unread.hpp"
#include "node/store/layout.hpp"
#include "proto/file/uri.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

struct Record {
    enum class Kind { stored, linked, loaded };
    proto::Uri uri;
    Kind kind = Kind::stored;
    std::int64_t time_s = 0;  // since 1970

    static std::optional<Record> parse(std::string_view json);
    std::string text() const;
};

const char* name_of(Record::Kind kind);

std::optional<Record> read_record(const std::filesystem::path& path);
std::vector<Record> read_records(const std::filesystem::path& directory, Unread* unread = nullptr);
// Over what there is, and of now.
Result<void> write_record(const Layout& layout, const std::filesystem::path& path, Record record);

// What is stored or linked stays so when it is loaded; a failure is no error to anyone.
void note_arrival(const Layout& layout, const proto::Uri& uri, Record::Kind kind);

}  // namespace kp2p

#include "node/store/catalog/records.hpp"

#include <simdjson.h>

#include "node/store/catalog/marks.hpp"
#include "node/store/directories.hpp"
#include "node/store/temp_file.hpp"
#include "proto/json.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_record_bytes = 4 * proto::max_uri_bytes;
constexpr Record::Kind all_kinds[] = {Record::Kind::stored, Record::Kind::linked,
                                      Record::Kind::loaded};

}  // namespace

const char* name_of(Record::Kind kind) {
    switch (kind) {
        case Record::Kind::stored:
            return "stored";
        case Record::Kind::linked:
            return "linked";
        case Record::Kind::loaded:
            break;
    }
    return "loaded";
}

std::optional<Record> Record::parse(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::string_view uri, kind;
    Record record;
    if (json.empty() || parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS)
        return std::nullopt;
    if (root["uri"].get(uri) != simdjson::SUCCESS || root["kind"].get(kind) != simdjson::SUCCESS ||
        root["time"].get(record.time_s) != simdjson::SUCCESS)
        return std::nullopt;
    auto parsed = proto::Uri::parse(uri);
    if (!parsed) return std::nullopt;
    record.uri = *std::move(parsed);
    for (const Kind each : all_kinds) {
        if (kind != name_of(each)) continue;
        record.kind = each;
        return record;
    }
    return std::nullopt;
}

std::string Record::text() const {
    proto::JsonWriter json;
    json.begin_object().field("uri", uri.text()).field("kind", name_of(kind));
    return json.field("time", time_s).end_object().take();
}

std::optional<Record> read_record(const fs::path& path) {
    const auto json = read_small_file(path, max_record_bytes);
    if (!json) return std::nullopt;
    return Record::parse(as_text(*json));
}

std::vector<Record> read_records(const fs::path& directory, Unread* unread) {
    std::vector<Record> records;
    for (const Sha1& sha1 : hashes_in(directory, unread)) {
        auto record = read_record(directory / sha1.hex().substr(0, 2) / sha1.hex());
        if (record && record->uri.sha1 == sha1) records.push_back(*std::move(record));
    }
    return records;
}

Result<void> write_record(const Layout& layout, const fs::path& path, Record record) {
    using std::chrono::duration_cast;
    const auto now = disk().now().time_since_epoch();
    record.time_s = duration_cast<std::chrono::seconds>(now).count();
    const fs::path directory = path.parent_path();
    DirectoryMaker maker(layout);
    if (auto made = maker.make(directory); !made) return made;
    // Where there is none, an empty one is none as well.
    if (auto first = maker.open(path, File::Mode::create)) {
        auto done = first->write_at(0, as_bytes(record.text()));
        if (!done) disk().unlink(path);
        return done;
    }
    auto temp =
        TempFile::create_shared_in(directory.parent_path(), maker);  // where a sweep finds it
    if (!temp) return temp.error();
    if (auto done = temp->file().write_at(0, as_bytes(record.text())); !done) return done;
    return temp->publish(path, TempFile::Durability::none);
}

void note_arrival(const Layout& layout, const proto::Uri& uri, Record::Kind kind) {
    const fs::path path = layout.record(uri.sha1);
    const auto before = read_record(path);
    const proto::Uri& best = before && uri.own_name().empty() ? before->uri : uri;
    if (kind == Record::Kind::loaded) {
        // It would say nothing that the mark does not, and a part of a directory would look like a
        // file that somebody had asked for.
        if (uri.kind == proto::Uri::Kind::file && uri.own_name().empty()) return;
        if (before && (before->kind != kind || before->uri == best)) return;
        // What came in with nobody's record of it, as in a directory that was stored, is not
        // loaded.
        if (!is_marked_loaded(layout, uri.sha1)) return;
    }
    (void)write_record(layout, path, {best, kind});
}

}  // namespace kp2p

#include "node/store/store.hpp"

#include "node/store/catalog/marks.hpp"
#include "node/store/catalog/names.hpp"
#include "node/store/directories.hpp"
#include "node/store/link_file.hpp"
#include "node/store/links_cache.hpp"
#include "node/store/put/put_directory.hpp"
#include "node/store/put/upload.hpp"
#include "node/store/set_aside.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_link_file_bytes = 64 * 1024;

bool is_absence(std::error_code error) {
    return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

// A power failure under kachery can leave a file whose content never reached the disk. That one is
// cheap to tell.
bool is_plausible(const Sha1& sha1, const FileStamp& stamp) {
    static const Sha1 empty = proto::sha1_of({});
    return (stamp.size_bytes == 0) == (sha1 == empty);
}

// Errc::not_found only where there is no such file: one that cannot be opened for another reason,
// such as too many open files, is not missing.
Result<FileStamp> stamp_of(const fs::path& path) {
    auto file = File::open(path, File::Mode::read);
    if (!file && is_absence(file.error())) return Errc::not_found;
    if (!file) return file.error();
    auto stamp = file->stamp();
    if (!stamp && stamp.error() == std::errc::invalid_argument) return Errc::not_found;
    return stamp;
}

proto::Uri uri_of(const Sha1& sha1) {
    proto::Uri uri;
    uri.sha1 = sha1;
    return uri;
}

Result<LinkFile> read_link(const Layout& layout, const Sha1& sha1, std::string& why) {
    auto json = read_small_file(layout.link(sha1), max_link_file_bytes);
    if (!json)
        return is_absence(json.error()) ? Errc::not_found
                                        : storage_error(json.error(), layout.link(sha1));
    auto link = LinkFile::parse(as_text(*json));
    if (!link) {
        why = layout.link(sha1).string() + " does not say where the linked file is";
        return Errc::not_found;
    }
    return link;
}

}  // namespace

Result<Store> Store::open(const fs::path& root, Flush flush) {
    if (flush == Flush::never) stop_flushing();
    std::error_code error;
    const fs::path absolute = fs::absolute(root, error);
    struct stat status {};
    if (!error && disk().status(absolute, status) != 0) error = last_error();
    if (!error && !S_ISDIR(status.st_mode)) error = make_error_code(std::errc::not_a_directory);
    if (error) return storage_error(error, root);
    Store store(Layout(absolute.lexically_normal()));
    (void)store.sweep();
    return store;
}

PartialUsage Store::sweep() const {
    // Not those that are linked: who looks at them may wait for ever.
    sweep_storage(layout_, [this](const Sha1& sha1) { return bool(find_stored(sha1)); });
    return partial_usage();
}

Store::Usage Store::usage() const {
    Usage usage{0, used_bytes(layout_, Sha1())};
    for (const auto& [sha1, facts] : contents_of(layout_))
        if (!facts.odd) ++usage.files;
    return usage;
}

PartialUsage Store::partial_usage() const { return kp2p::partial_usage(layout_); }

Result<void> Store::check() const { return check_storage(layout_); }

std::string Store::past_of(const Sha1& sha1) const {
    const fs::path aside = set_aside_of(layout_, sha1);
    if (aside.empty()) return {};
    return "it was here, found wrong, and set aside as " + aside.string();
}

Result<StoredFile> Store::find(const Sha1& sha1) const {
    std::string ignored;
    return find(sha1, ignored);
}

Result<StoredFile> Store::find(const Sha1& sha1, std::string& why) const {
    return find(sha1, locate(sha1), why);
}

Located Store::locate(const Sha1& sha1) const {
    Located located;
    const fs::path path = layout_.content(sha1);
    struct stat status;
    const auto is_absent = [&](const fs::path& what) {
        return disk().link_status(what, status) != 0 && is_absence(last_error());
    };
    located.is_place_empty = is_absent(path.parent_path());
    if (located.is_place_empty) return located;  // neither the content nor a link can be there
    located.is_place_empty = is_absent(path);
    if (!located.is_place_empty) located.stored = find_stored(sha1);
    if (!located.stored && located.stored.error() == Errc::not_found)
        located.link = read_link(layout_, sha1, located.why);
    return located;
}

Result<StoredFile> Store::find(const Sha1& sha1, const Located& located, std::string& why) const {
    if (located.stored || located.stored.error() != Errc::not_found) return located.stored;
    if (!located.why.empty()) why = located.why;
    if (!located.link) return located.link.error();
    auto linked = find_linked(sha1, *located.link, why);
    if (!linked || is_usable(sha1, linked->stamp)) return linked;
    why = "the linked file " + linked->path.string() + " is not what it was";
    return Errc::not_found;
}

Result<StoredFile> Store::find_linked(const Sha1& sha1, const LinkFile& link,
                                      std::string& why) const {
    const auto stamp = stamp_of(link.path);
    // What lies elsewhere may have been closed to us as it may have been removed.
    const bool closed = !stamp && stamp.error() == std::errc::permission_denied;
    const bool gone = !stamp && (closed || stamp.error() == Errc::not_found);
    if (!stamp && !gone) return storage_error(stamp.error(), link.path);
    if (stamp && link.matches(*stamp) && is_plausible(sha1, *stamp))
        return StoredFile{link.path, *stamp, true};
    why = "the linked file " + link.path.string();
    why += closed ? " cannot be read any more" : gone ? " is gone" : " has changed since";
    return Errc::not_found;
}

Result<StoredFile> Store::find_stored(const Sha1& sha1) const {
    const fs::path path = layout_.content(sha1);
    const auto stamp = stamp_of(path);
    if (!stamp && stamp.error() != Errc::not_found) return storage_error(stamp.error(), path);
    if (!stamp || !is_plausible(sha1, *stamp) || !is_usable(sha1, *stamp)) return Errc::not_found;
    return StoredFile{path, *stamp};
}

bool Store::is_usable(const Sha1& sha1, const FileStamp& stamp) const {
    return verdicts_->of(sha1, stamp).value_or(Verdict::right) == Verdict::right;
}

bool Store::is_checked(const Sha1& sha1, const StoredFile& file) const {
    return verdicts_->of(sha1, file.stamp) == Verdict::right ||
           stamp_of_links(layout_.links_cache(sha1)) == file.stamp;
}

bool Store::is_resized(const Sha1& sha1, const StoredFile& file) const {
    const auto hashed = stamp_of_links(layout_.links_cache(sha1));
    return hashed && hashed->size_bytes != file.stamp.size_bytes;
}

Result<std::unique_ptr<WholeChunks>> Store::open_chunks(const Sha1& sha1, Links links) const {
    auto file = find(sha1);
    if (!file) return file.error();
    return open_chunks(sha1, *std::move(file), links);
}

std::unique_ptr<WholeChunks> Store::open_chunks(const Sha1& sha1, StoredFile file,
                                                Links links) const {
    const bool known = verdicts_->of(sha1, file.stamp) == Verdict::right;
    auto chunks =
        std::make_unique<WholeChunks>(sha1, std::move(file), layout_.links_cache(sha1), links);
    if (known && links == Links::kept) chunks->found_right();
    return chunks;
}

std::string Store::settle(const WholeChunks& chunks, std::error_code failure) const {
    const Sha1& sha1 = chunks.sha1();
    const StoredFile& file = chunks.file();
    const auto keep = [&](Verdict verdict) { verdicts_->keep(sha1, file.stamp, verdict); };
    const std::string name = file.path.string();
    if (!failure) return keep(Verdict::right), "";
    if (failure == std::errc::io_error) {
        keep(Verdict::unreadable);
        return "cannot read " + storage_trouble() + "; it counts as missing";
    }
    const bool attack = failure == Errc::sha1_collision;
    if (failure != proto::Errc::wrong_hash && !attack) return {};
    keep(Verdict::wrong);
    if (file.linked)
        return "the linked file " + name +
               (attack ? " is part of a SHA-1 collision attack" : " is not what it was") +
               ", and not given any more";
    const std::string fault = name + (attack ? " is part of a SHA-1 collision attack"
                                             : " does not match its hash any more");
    // So that what is fetched in its place is not taken for what was merely loaded.
    if (!is_marked_loaded(layout_, sha1)) note_arrival(uri_of(sha1), Record::Kind::stored);
    const auto aside = set_aside(layout_, sha1, file.stamp);
    if (aside) remove_names(layout_, sha1);
    if (aside) return fault + "; set aside as " + aside->string();
    if (aside.error() == Errc::not_found) return {};
    return fault + ", and cannot be set aside: " + storage_trouble();
}

std::string Store::clear_place(const Sha1& sha1) const {
    const fs::path path = layout_.content(sha1);
    struct stat status;
    if (disk().link_status(path, status) != 0) return {};
    // Found wrong before, and could not be moved then.
    const auto stamp = stamp_of(path);
    if (stamp && is_plausible(sha1, *stamp)) return {};
    if (!stamp && stamp.error() != Errc::not_found) return {};
    const auto aside = set_aside(layout_, sha1);
    if (!aside) return {};
    return path.string() + " is not the file that belongs there; set aside as " + aside->string();
}

void Store::retry_unreadable(const Sha1& sha1) const {
    verdicts_->forget(sha1, Verdict::unreadable);
}

Result<ByteVector> Store::read(const Sha1& sha1, std::size_t max_bytes) const {
    const auto file = find(sha1);
    if (!file) return file.error();
    auto bytes = read_small_file(file->path, max_bytes);
    if (!bytes && bytes.error() == std::errc::file_too_large) return bytes.error();
    if (!bytes) {
        const auto error = storage_error(bytes.error(), file->path);
        return bytes.error() == std::errc::io_error ? bytes.error() : error;
    }
    if (proto::sha1_of(*bytes) != sha1) return proto::Errc::wrong_hash;
    return bytes;
}

std::optional<ByteVector> Store::read_small(const Sha1& sha1, std::size_t max_bytes) const {
    auto bytes = read_small_file(layout_.content(sha1), max_bytes);
    if (!bytes || proto::sha1_to_name(*bytes) != sha1) return std::nullopt;
    return *std::move(bytes);
}

Result<proto::Uri> Store::put(const fs::path& path, const PutOptions& options) const {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (error) return error;
    const bool linked = options.content == PutOptions::Content::link;
    const auto kind = linked ? Record::Kind::linked : Record::Kind::stored;
    if (fs::is_directory(status)) {
        auto uri = put_directory(layout_, path, options);
        if (uri) note_arrival(*uri, kind);
        return uri;
    }
    if (!fs::is_regular_file(status)) return make_error_code(std::errc::invalid_argument);
    Intake intake(layout_, options);
    auto put = intake.put_file(path);
    if (!put) return put.error();
    if (auto done = intake.finish(); !done) return done.error();
    proto::Uri uri;
    uri.sha1 = put->sha1;
    uri.path = options.name.empty() ? path.filename().native() : options.name;
    uri.manifest = put->manifest;
    note_arrival(uri, kind);
    return uri;
}

Result<Sha1> Store::put_bytes(ByteView bytes) const {
    const PutOptions options;
    Intake intake(layout_, options);
    auto sha1 = intake.put_bytes(bytes);
    if (!sha1) return sha1.error();
    if (auto done = intake.finish(); !done) return done.error();
    return sha1;
}

Result<void> Store::put_loaded(Intake& intake, const Loaded& file) const {
    const auto sha1 = proto::sha1_to_name(file.bytes);
    if (!sha1) return Errc::sha1_collision;
    if (*sha1 != file.sha1) return proto::Errc::wrong_hash;
    if (auto admitted = quota_->admit(layout_, *sha1, file.bytes.size()); !admitted)
        return admitted.error();
    struct stat status;
    if (disk().link_status(layout_.content(*sha1), status) != 0)
        mark_loaded(layout_, *sha1, intake.maker());
    return intake.put_named({*sha1, file.bytes});
}

Result<void> Store::put_loaded(const Loaded& file) const {
    PutOptions options;
    options.origin = PutOptions::Origin::others;
    Intake intake(layout_, options);
    if (auto put = put_loaded(intake, file); !put) return put;
    return intake.finish();
}

struct Store::Burst {
    explicit Burst(const Layout& where) : layout(where) {}
    void begin() {
        intake.reset();
        intake.emplace(layout, options, Intake::Files::many);
    }

    const Layout layout;
    PutOptions options{.origin = PutOptions::Origin::others, .stop = {}, .remark = {}};
    std::optional<Intake> intake;
};

std::shared_ptr<Store::Burst> Store::begin_burst() const {
    return std::make_shared<Burst>(layout_);
}

std::vector<Result<void>> Store::put_loaded(const std::vector<Loaded>& files, Burst& burst) const {
    std::vector<Result<void>> put;
    if (files.size() == 1 && !burst.intake) {
        put.push_back(put_loaded(files.front()));
        return put;
    }
    if (!burst.intake) burst.begin();
    for (const Loaded& file : files) put.push_back(put_loaded(*burst.intake, file));
    if (burst.intake->finish()) return put;
    burst.begin();
    for (std::size_t i = 0; i < files.size(); ++i) put[i] = put_loaded(files[i]);
    return put;
}

void Store::note_use(const Sha1& sha1) const { kp2p::note_use(layout_, sha1); }

Store::Named Store::named(const fs::path& path, const proto::Uri& uri) const {
    const std::string name = uri.own_name();
    const auto sha1 = Sha1::from_hex(path.filename().native());
    if (name.empty() || !sha1 || path != layout_.content(*sha1)) return {path, std::nullopt};
    const auto named = name_content(layout_, *sha1, name);
    if (!named) return {path, std::nullopt};
    if (verdicts_->of(*sha1, named->before) == Verdict::right)
        verdicts_->keep(*sha1, named->after, Verdict::right);
    return {named->path, named->after};
}

Result<std::unique_ptr<Upload>> Store::begin_upload(PutOptions::Manifest manifest,
                                                    std::uint64_t expected_bytes) const {
    return Upload::open(layout_, manifest, expected_bytes);
}

Result<std::unique_ptr<Partial>> Store::resume_partial(const Sha1& sha1) const {
    if (!partial_names_->may_have(layout_, sha1)) return std::unique_ptr<Partial>();
    return Partial::resume(layout_, sha1);
}

Result<std::unique_ptr<Partial>> Store::open_partial(const Sha1& sha1, std::uint64_t size_bytes,
                                                     Partial::Wanted wanted) const {
    const bool whole = wanted == Partial::Wanted::whole;
    if (auto admitted = quota_->admit(layout_, sha1, whole ? size_bytes : 0); !admitted)
        return admitted.error();
    partial_names_->began(sha1);
    auto opened = Partial::open(layout_, sha1, size_bytes, wanted);
    partial_names_->began(sha1);  // others may have listed the names before
    return opened;
}

}  // namespace kp2p

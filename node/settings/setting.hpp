// Setting: a row of the table of all that a daemon can be told, by a flag, by the environment or by
// config.json, in this order. Flags of kp2p-start-daemon and of the other commands, --help, the
// reading of config.json, and what is wrong with a value all come from here. A new setting is a row
// in setting.cpp, a field in settings.hpp, an entry in the man page, and whoever heeds it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "node/settings/settings.hpp"
#include "node/settings/values.hpp"

namespace kp2p {

// What of all this a command uses: nothing, the storage, the daemon, or, being the node, all.
enum class Needs { nothing, storage, daemon, node };

struct Setting {
    enum class Shape { text, number, list, toggle };
    enum class Users { all, storage, daemon, node };  // the node is one of each

    std::string_view flag;           // "--port"
    std::string_view variable = {};  // of the environment; empty: none
    std::string_view key = {};       // in config.json; empty: none
    std::string_view value = {};     // what stands for it in --help: "N"
    std::string_view initial = {};   // what holds when nobody says anything, as a text; empty: the
                                     // field as it is, and `help` says what that means
    std::string_view help;
    std::string_view changed_by = {};  // what changes it while the daemon runs; empty: a new start
    bool remembered = false;           // what a flag said holds at later starts too
    bool may_be_empty = false;         // as a flag's value; elsewhere "$1" was forgotten
    Users users = Users::node;
    Shape shape = Shape::text;
    // From what one source said, see values.hpp.
    Result<void> (*read)(Settings& into, const Texts& texts, std::string& complaint) = nullptr;

    bool is_for(Needs needs) const;
    std::string full_help() const;  // with its default and its other names
};

std::span<const Setting> setting_table();

}  // namespace kp2p

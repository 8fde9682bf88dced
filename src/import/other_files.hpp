#pragma once

#include <string>
#include <string_view>

namespace rbmpi {

/// Local. What a file that begins with these bytes is, and what can be done about it, if it is none that has a table
/// for us: "it is a web page, ...". Empty if it may have one. A text whose kind is not known is none of these.
[[nodiscard]] std::string other_file(std::string_view beginning);

}  // namespace rbmpi

#pragma once

#include <string>
#include <string_view>

namespace rbmpi {

/// Local. What a file that begins with these bytes is, and what can be done about it, if it is none that has a table
/// for us: "it is a web page, ...". Empty if it may have one. A text whose kind is not known is none of these.
[[nodiscard]] std::string other_file(std::string_view beginning);

/// Local. The same of a document that is a zip archive, whose first bytes as they lie in the file these are: a workbook
/// is no archive to people. Empty if it is none.
[[nodiscard]] std::string document_in_zip(std::string_view beginning);

}  // namespace rbmpi

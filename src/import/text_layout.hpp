#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "import/text_fields.hpp"
#include "import/text_lines.hpp"
#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// How the fields of a text table lie in its lines, found out from its first lines.
struct TextLayout {
  char separator = one_column;
  bool separator_said = false;  ///< by a person, or by the file
  DecimalMark decimal = DecimalMark::either;
  bool header = false;             ///< the first line, after comments, names the columns
  std::size_t columns = 0;         ///< fields of a row
  std::vector<std::string> names;  ///< of the columns, from the header or from the comment before the rows; or empty
  bool first_column_names = false;
  std::vector<std::string> notes;
};

/// Local. Throws Error(Failure::file) if the file has no lines, Error(Failure::usage) if it can be read in two ways.
[[nodiscard]] TextLayout text_layout(const std::filesystem::path& path, const TableOptions& options);

/// Local. Reads the first line that is neither empty, nor a comment ("# ..."), nor Excel's "sep=;", into `line`; false
/// if there is none.
[[nodiscard]] bool first_line(TextLines& lines, std::string_view& line);

/// Local. Whether a line that stands below a row is a comment, as numpy.savetxt writes its footer.
[[nodiscard]] bool is_comment_below_rows(std::string_view line);

/// Local. For people: "',' between the fields".
[[nodiscard]] std::string separator_text(char separator);

}  // namespace rbmpi

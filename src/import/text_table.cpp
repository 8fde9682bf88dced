#include "import/text_table.hpp"

#include <algorithm>
#include <utility>

#include "import/formats.hpp"
#include "import/text_fields.hpp"
#include "rbmpi/core/plural.hpp"

namespace rbmpi {

TextTable::TextTable(std::filesystem::path path, const TableOptions& options)
    : path_(std::move(path)), layout_(text_layout(path_, options)), lines_(path_) {
  describe();
}

void TextTable::describe() {
  info_.kind = fmt::format("a table with {}", separator_text(layout_.separator));
  if (lines_.encoding() != Encoding::utf8) info_.kind += ", UTF-16";
  info_.kind += fmt::format(", {}", plural(layout_.columns, "column"));
  if (layout_.header) info_.kind += ", the first line names them";
  info_.columns = layout_.columns;
  info_.names = layout_.names;
  info_.first_column_names = layout_.first_column_names;
  info_.decimal_commas = layout_.separator != ',';
  info_.notes = layout_.notes;
}

void TextTable::check_width(std::uint64_t line, std::size_t fields) const {
  if (fields == layout_.columns) return;
  const char* const what = layout_.separator == no_separator ? "character" : "field";
  refuse_import(path_,
                fmt::format("line {} has {}; the rows before it have {}", line, plural(fields, what), layout_.columns));
}

void TextTable::read(const std::function<void(const TableRow&)>& on_row) {
  lines_.rewind();
  TextFields fields(path_, layout_.separator);
  std::string_view line;
  bool more = first_line(lines_, line);
  if (more && layout_.header) {
    (void)fields.split(line, lines_);
    more = lines_.next(line);
  }
  TableRow row;
  std::uint64_t empty_lines = 0;  // since the last row
  std::uint64_t skipped_lines = 0;
  std::vector<std::uint64_t>
      empty_rows;  // likewise: the lines of rows of separators alone, which Excel leaves at the end
  const std::vector<std::string_view> nothing(layout_.columns);
  const auto give = [&](std::uint64_t number, std::span<const std::string_view> texts) {
    row.line = number;
    row.texts = texts;
    on_row(row);
    ++row.number;
  };
  for (; more; more = lines_.next(line)) {
    if (trimmed(line).empty()) {
      ++empty_lines;
      continue;
    }
    const std::uint64_t number = lines_.number();
    const auto texts = fields.split(line, lines_);
    check_width(number, texts.size());
    if (layout_.columns > 1 && texts.front().empty() &&
        std::ranges::all_of(texts, [](std::string_view text) { return text.empty(); })) {
      empty_rows.push_back(number);
      continue;
    }
    for (const std::uint64_t empty : empty_rows) give(empty, nothing);
    empty_rows.clear();
    if (row.number > 0) skipped_lines += empty_lines;
    empty_lines = 0;
    give(number, texts);
  }
  if (!std::exchange(noted_, true)) note_what_was_skipped(skipped_lines, empty_rows.size());
}

void TextTable::note_what_was_skipped(std::uint64_t empty_lines, std::uint64_t empty_rows) {
  if (empty_lines > 0)
    info_.notes.push_back(fmt::format("{} between the rows {} left out.", plural(empty_lines, "empty line"),
                                      empty_lines == 1 ? "was" : "were"));
  if (empty_rows > 0)
    info_.notes.push_back(fmt::format("{} of separators alone at the end {} left out.", plural(empty_rows, "row"),
                                      empty_rows == 1 ? "was" : "were"));
}

std::unique_ptr<Table> open_text_table(const std::filesystem::path& path, const TableOptions& options) {
  return std::make_unique<TextTable>(path, options);
}

}  // namespace rbmpi

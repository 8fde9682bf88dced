#include "import/text_table.hpp"

#include <algorithm>
#include <utility>

#include <fmt/ranges.h>

#include "import/field_value.hpp"
#include "import/formats.hpp"
#include "import/text_fields.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"

namespace rbmpi {
namespace {

/// Which places of its lines a table with blanks ever has something in. Where fields stand below each other, these are
/// as many runs as there are columns, also if a field is empty in some lines.
class PlacesInLines {
 public:
  void add(std::string_view line) {
    if (line.find_first_of("\t\"") != std::string_view::npos) aligned_ = false;
    if (!aligned_) return;
    if (line.size() > taken_.size()) taken_.resize(line.size(), 0);
    for (std::size_t i = 0; i < line.size(); ++i) taken_[i] = line[i] != blanks ? 1 : taken_[i];
  }
  /// 0 if fields do not stand below each other.
  [[nodiscard]] std::size_t runs() const {
    std::size_t count = 0;
    unsigned char before = 0;
    for (const unsigned char taken : taken_) {
      if (taken != 0 && before == 0) ++count;
      before = taken;
    }
    return aligned_ ? count : 0;
  }

 private:
  std::vector<unsigned char> taken_;
  bool aligned_ = true;
};

}  // namespace

TextTable::TextTable(std::filesystem::path path, const TableOptions& options)
    : path_(std::move(path)),
      layout_(text_layout(path_, options)),
      lines_(path_, options.encoding),
      first_line_said_(options.header.has_value()) {
  describe();
}

void TextTable::describe() {
  info_.kind = fmt::format("a table with {}", separator_text(layout_.separator));
  if (lines_.encoding() != "UTF-8") info_.kind += ", " + lines_.encoding();
  info_.kind += fmt::format(", {}", plural(layout_.columns, "column"));
  if (layout_.header) info_.kind += ", the first line names them";
  info_.columns = layout_.columns;
  info_.names = layout_.names;
  info_.first_column_names = layout_.first_column_names;
  info_.decimal = layout_.decimal;
  info_.semicolons = layout_.separator == ';';
  info_.notes = layout_.notes;
}

void TextTable::check_width(std::uint64_t line, std::size_t fields) const {
  if (fields == layout_.columns) return;
  const char* const what = layout_.separator == no_separator ? "character" : "field";
  const char* const gap =
      layout_.separator == blanks ? "; where a value is missing, a word such as NA would be right" : "";
  refuse_import(path_, fmt::format("line {} has {}; the rows before it have {}{}", line, plural(fields, what),
                                   layout_.columns, gap));
}

/// The number of rows and of columns may stand in a line above them, and those of rows, columns and entries above a
/// list of entries: as rows of their own they would be the largest of all.
void TextTable::refuse_sizes(const std::vector<std::string>& first, std::uint64_t rows) const {
  constexpr std::uint64_t fewest_rows = 2;
  if (first.size() > 3) return;
  const auto below = static_cast<double>(rows - 1);
  std::vector<double> numbers(first.size());
  std::ranges::transform(first, numbers.begin(),
                         [](const std::string& field) { return parse_number(field).value_or(0.0); });
  const bool sizes = numbers.size() == 2 && numbers[0] == below && numbers[1] == 2;
  const bool entries = numbers.size() == 3 && numbers[2] == below && numbers[0] * numbers[1] >= below;
  if (rows <= fewest_rows || first_line_said_ || layout_.header || (!sizes && !entries)) return;
  refuse_options(path_,
                 fmt::format("its first line, '{}', may say how many {} there are: without that line it would be "
                             "right, --no-header if it is a row",
                             fmt::join(first, "' and '"), sizes ? "rows and columns" : "entries"));
}

/// A row may begin with that mark as well: as a comment it would be lost.
void TextTable::refuse_row_in_comment(std::span<const std::string_view> fields) const {
  if (fields.size() < 2 || fields.size() != layout_.columns) return;
  const bool numbers = std::all_of(fields.begin() + 1, fields.end(), [&](std::string_view field) {
    return field_value(field, layout_.decimal).kind != FieldValue::Kind::text;
  });
  if (!numbers) return;
  refuse_import(path_,
                fmt::format("line {} is a comment ('# ...') or a row: without it, or without the '#', the table would "
                            "be right",
                            lines_.number()));
}

/// An empty line, or a comment below the rows, after which no row may come.
bool TextTable::is_no_row(std::string_view line, bool below_rows, TextFields& fields, PassedOver& passed_over) {
  if (trimmed(line).empty()) {
    ++passed_over.empty_lines;
    return true;
  }
  if (below_rows && is_comment_below_rows(line)) {
    if (line.find('"') == std::string_view::npos) refuse_row_in_comment(fields.split(line, lines_));
    if (++passed_over.comments == 1) passed_over.first_comment = lines_.number();
    return true;
  }
  if (passed_over.comments == 0) return false;
  refuse_import(path_,
                fmt::format("line {} is a comment ('# ...') and rows stand below it; comments before the rows, or at "
                            "the end, would be right",
                            passed_over.first_comment));
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
  PlacesInLines places;
  const bool may_have_gaps = layout_.separator == blanks && !layout_.separator_said;
  std::vector<std::string> first_row;
  PassedOver passed_over;
  const std::vector<std::string_view> nothing(layout_.columns);
  const auto give = [&](std::uint64_t number, std::span<const std::string_view> texts) {
    row.line = number;
    row.texts = texts;
    on_row(row);
    ++row.number;
  };
  for (; more; more = lines_.next(line)) {
    if (is_no_row(line, row.number > 0, fields, passed_over)) continue;
    const std::uint64_t number = lines_.number();
    if (may_have_gaps) places.add(line);
    const auto texts = fields.split(line, lines_);
    check_width(number, texts.size());
    if (layout_.columns > 1 && texts.front().empty() &&
        std::ranges::all_of(texts, [](std::string_view text) { return text.empty(); })) {
      passed_over.empty_rows.push_back(number);
      continue;
    }
    for (const std::uint64_t empty : passed_over.empty_rows) give(empty, nothing);
    passed_over.empty_rows.clear();
    if (row.number == 0) first_row.assign(texts.begin(), texts.end());
    if (row.number > 0) passed_over.empty_lines_between += passed_over.empty_lines;
    passed_over.empty_lines = 0;
    give(number, texts);
  }
  refuse_sizes(first_row, row.number);
  if (places.runs() > layout_.columns)
    refuse_options(path_,
                   fmt::format("its fields stand below each other in {}, and its rows have {}: values are missing, "
                               "and those behind them would move; words such as NA for them would be right, or "
                               "--separator blank if none is missing",
                               plural(places.runs(), "column"), plural(layout_.columns, "field")));
  if (!std::exchange(noted_, true)) note_what_was_met(passed_over);
}

void TextTable::note_what_was_met(const PassedOver& passed_over) {
  const std::uint64_t comments = passed_over.comments;
  const std::uint64_t empty_lines = passed_over.empty_lines_between;
  const std::size_t empty_rows = passed_over.empty_rows.size();
  if (const std::string note = lines_.note_on_encoding(); !note.empty()) info_.notes.push_back(note);
  if (comments > 0)
    info_.notes.push_back(fmt::format("{} ('# ...') below the first row {} left out.", plural(comments, "comment"),
                                      comments == 1 ? "was" : "were"));
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

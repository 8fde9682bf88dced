#include "import/matrix_market.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "import/field_value.hpp"
#include "import/formats.hpp"
#include "import/text_fields.hpp"
#include "import/text_lines.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"

namespace rbmpi {
namespace {

constexpr std::string_view matrix_market_mark = "%%MatrixMarket";

class MatrixMarketTable : public Table {
 public:
  MatrixMarketTable(const std::filesystem::path& path, const TableOptions& options)
      : path_(path), lines_(path, options.encoding), fields_(path, blanks), transpose_(options.transpose) {
    read_header();
    read_sizes();
    if (coordinates_)
      read_entries();
    else
      read_array();
    describe();
  }

  [[nodiscard]] const TableInfo& info() const override { return info_; }

  void read(const std::function<void(const TableRow&)>& on_row) override {
    TableRow row;
    std::vector<double> values(coordinates_ ? 0 : columns_);
    for (; row.number < rows_; ++row.number) {
      if (coordinates_) {
        const std::uint64_t begin = begins_[row.number];
        const std::uint64_t count = begins_[row.number + 1] - begin;
        row.columns = std::span(entry_columns_).subspan(begin, count);
        row.values = std::span(values_).subspan(begin, count);
      } else {
        for (std::uint64_t column = 0; column < columns_; ++column)
          values[column] = values_[transpose_ ? row.number * columns_ + column : column * rows_ + row.number];
        row.values = values;
      }
      on_row(row);
    }
  }

 private:
  [[noreturn]] void refuse_here(const std::string& why) const {
    refuse_import(path_, fmt::format("line {} {}", lines_.number(), why));
  }

  void describe() {
    info_.kind =
        fmt::format("a Matrix Market {}, {} x {}", coordinates_ ? "matrix of coordinates" : "array", rows_, columns_);
    if (transpose_) {
      info_.notes.push_back(fmt::format("The columns of the matrix, {} x {}, are the samples.", rows_, columns_));
      std::swap(rows_, columns_);
    } else if (of_cell_ranger_) {
      info_.notes.emplace_back(
          "Cell Ranger (10x Genomics) writes a row for each gene; --transpose makes a row of each cell.");
    } else if (!coordinates_ && columns_ > rows_) {
      info_.notes.push_back(
          fmt::format("The matrix, {} x {}, has more columns than rows; --transpose if its columns are the samples.",
                      rows_, columns_));
    }
    info_.rows = rows_;
    info_.columns = columns_;
    info_.sparse = coordinates_;
  }

  void read_header() {
    std::string_view line;
    (void)lines_.next(line);
    std::vector<std::string> words;
    for (const std::string_view word : fields_.split(line, lines_)) words.push_back(plain_name(word));
    if (words.size() != 5 || words[1] != "matrix")
      refuse_here("is no header of a matrix; '%%MatrixMarket matrix coordinate real general' would be right");
    const auto one_of = [&](std::size_t at, std::initializer_list<std::string_view> known, const char* right) {
      if (std::ranges::find(known, words[at]) == known.end())
        refuse_here(fmt::format("says '{}'; {} would be right", shown_field(words[at]), right));
    };
    one_of(2, {"coordinate", "array"}, "coordinate or array");
    one_of(3, {"real", "integer", "pattern", "double"}, "real, integer or pattern");
    one_of(4, {"general", "symmetric"}, "general or symmetric");
    coordinates_ = words[2] == "coordinate";
    pattern_ = words[3] == "pattern";
    symmetric_ = words[4] == "symmetric";
    if (!coordinates_ && pattern_) refuse_here("says 'array' and 'pattern', which do not go together");
  }

  // The next line that is no comment.
  bool next(std::span<const std::string_view>& words) {
    for (std::string_view line; lines_.next(line);) {
      if (line.starts_with("%metadata_json:")) of_cell_ranger_ = true;
      if (trimmed(line).empty() || line.starts_with('%')) continue;
      words = fields_.split(line, lines_);
      return true;
    }
    return false;
  }

  [[nodiscard]] std::uint64_t whole(std::string_view word, std::uint64_t least, std::uint64_t most) const {
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (problem != std::errc() || end != word.data() + word.size() || number < least || number > most)
      refuse_here(fmt::format("has '{}'; a whole number from {} to {} would be right", shown_field(word), least, most));
    return number;
  }

  [[nodiscard]] double value(std::string_view word) const {
    if (word.starts_with('+')) word.remove_prefix(1);
    const auto number = parse_number(word);
    if (!number) refuse_here(fmt::format("has '{}'; a number would be right", shown_field(word)));
    return *number;
  }

  // Compared with what the file can hold: a number and the end of its line take two bytes, an entry five.
  void read_sizes() {
    constexpr std::uint64_t most_rows = std::uint64_t{1} << 32U;
    constexpr std::uint64_t most_columns = std::uint64_t{1} << 24U;
    std::span<const std::string_view> words;
    if (!next(words)) refuse_import(path_, "it ends before the size of its matrix");
    if (words.size() != (coordinates_ ? 3 : 2))
      refuse_here(fmt::format("has {}; the number of rows{} would be right", plural(words.size(), "word"),
                              coordinates_ ? ", of columns and of entries" : " and of columns"));
    rows_ = whole(words[0], 1, transpose_ ? most_columns : most_rows);
    columns_ = whole(words[1], 1, transpose_ ? most_rows : most_columns);
    if (symmetric_ && rows_ != columns_) refuse_here("says that a symmetric matrix is not square");
    const std::uint64_t possible = lines_.most_bytes() / (coordinates_ ? 4 : 2) + 1;
    promised_ = coordinates_ ? whole(words[2], 0, rows_ * columns_)
                : symmetric_ ? rows_ * (rows_ + 1) / 2
                             : rows_ * columns_;
    if (promised_ > possible || (coordinates_ && (transpose_ ? columns_ : rows_) / 64 > possible))
      refuse_here(
          fmt::format("promises a matrix of {} x {} with {} numbers, more than the file holds; it is truncated "
                      "or damaged",
                      rows_, columns_, promised_));
  }

  void check_end(std::uint64_t numbers) {
    std::span<const std::string_view> words;
    if (numbers < promised_)
      refuse_import(path_,
                    fmt::format("it ends after {}; its header promises {}", plural(numbers, "number"), promised_));
    if (next(words)) refuse_here(fmt::format("goes on after the {} numbers that its header promises", promised_));
  }

  /// Of the table, which is the matrix transposed if that is asked for.
  struct Entry {
    std::uint64_t row = 0;
    std::uint32_t column = 0;
    double value = 0.0;
    [[nodiscard]] Entry transposed() const { return {column, static_cast<std::uint32_t>(row), value}; }
  };

  void read_entries() {
    std::vector<Entry> entries;
    std::span<const std::string_view> words;
    std::uint64_t count = 0;
    for (; count < promised_ && next(words); ++count) {
      if (words.size() != (pattern_ ? 2 : 3))
        refuse_here(fmt::format("has {}; {} would be right", plural(words.size(), "word"),
                                pattern_ ? "row and column" : "row, column and value"));
      Entry entry{whole(words[0], 1, rows_) - 1, static_cast<std::uint32_t>(whole(words[1], 1, columns_) - 1),
                  pattern_ ? 1.0 : value(words[2])};
      if (entry.value == 0.0) continue;
      if (transpose_) entry = entry.transposed();
      entries.push_back(entry);
      if (symmetric_ && entry.row != entry.column) entries.push_back(entry.transposed());
    }
    check_end(count);
    sort_into_rows(entries);
  }

  void sort_into_rows(std::vector<Entry>& entries) {
    std::ranges::sort(
        entries, [](const Entry& a, const Entry& b) { return a.row != b.row ? a.row < b.row : a.column < b.column; });
    for (std::size_t i = 1; i < entries.size(); ++i) {
      if (entries[i].row != entries[i - 1].row || entries[i].column != entries[i - 1].column) continue;
      const Entry twice = transpose_ ? entries[i].transposed() : entries[i];
      refuse_import(path_, fmt::format("it has two values for row {}, column {}; one would be right", twice.row + 1,
                                       twice.column + 1));
    }
    begins_.assign((transpose_ ? columns_ : rows_) + 1, 0);
    entry_columns_.reserve(entries.size());
    values_.reserve(entries.size());
    for (const Entry& entry : entries) {
      ++begins_[entry.row + 1];
      entry_columns_.push_back(entry.column);
      values_.push_back(entry.value);
    }
    std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
  }

  // Column by column; of a symmetric one those from the diagonal down.
  void read_array() {
    values_.assign(rows_ * columns_, 0.0);
    std::span<const std::string_view> words;
    std::uint64_t count = 0;
    for (std::uint64_t column = 0; column < columns_; ++column) {
      for (std::uint64_t row = symmetric_ ? column : 0; row < rows_ && next(words); ++row, ++count) {
        if (words.size() != 1)
          refuse_here(fmt::format("has {}; one number would be right", plural(words.size(), "word")));
        values_[column * rows_ + row] = value(words[0]);
        if (symmetric_) values_[row * rows_ + column] = values_[column * rows_ + row];
      }
    }
    check_end(count);
  }

  std::filesystem::path path_;
  TextLines lines_;
  TextFields fields_;
  TableInfo info_;
  bool coordinates_ = true;
  bool pattern_ = false;
  bool symmetric_ = false;
  bool transpose_ = false;
  bool of_cell_ranger_ = false;
  std::uint64_t rows_ = 0;
  std::uint64_t columns_ = 0;
  std::uint64_t promised_ = 0;                // numbers in the file
  std::vector<std::uint64_t> begins_;         // of coordinates: where each row begins
  std::vector<std::uint32_t> entry_columns_;  // likewise: the column of each value
  std::vector<double> values_;                // of an array [columns x rows]
};

}  // namespace

bool is_matrix_market(std::string_view beginning) {
  return beginning.starts_with(matrix_market_mark);
}

std::unique_ptr<Table> open_matrix_market(const std::filesystem::path& path, const TableOptions& options) {
  return std::make_unique<MatrixMarketTable>(path, options);
}

}  // namespace rbmpi

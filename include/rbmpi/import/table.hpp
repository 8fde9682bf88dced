#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rbmpi/data/dataset_file.hpp"

namespace rbmpi {

/// What stands before the fraction of a number in a text. A person who says it says as well that the other one of point
/// and comma, where there is one, stands between thousands.
enum class DecimalMark : std::uint8_t {
  point,       ///< 0.5: commas separate fields
  either,      ///< 0.5 or 0,5: all numbers of a table together tell
  said_point,  ///< 0.5 and 1,234.5
  said_comma,  ///< 0,5 and 1.234,5
};

/// A separator that is twice the same character of ASCII: "::". Local, as are those below.
[[nodiscard]] constexpr char doubled_separator(char once) noexcept {
  return static_cast<char>(static_cast<unsigned char>(once) | 0x80U);
}
[[nodiscard]] constexpr bool is_doubled(char separator) noexcept {
  return (static_cast<unsigned char>(separator) & 0x80U) != 0;
}
/// The character that a separator has once or twice.
[[nodiscard]] constexpr char separator_character(char separator) noexcept {
  return static_cast<char>(static_cast<unsigned char>(separator) & 0x7fU);
}

/// What becomes of letters of sequences that are none of the alphabet.
enum class UnknownLetters : std::uint8_t { gap, drop_row };

/// What a person says of a file, for those readers that can use it; what is empty is found out from the file.
struct TableOptions {
  std::string format = {};    ///< what the file has to be, a name of `table_formats`: "csv", "idx"
  std::string array = {};     ///< of files with several arrays: the one with the rows
  std::string labels = {};    ///< of such files the array with the labels, of others the file; "none" if not wanted
  bool weights = true;        ///< of files with several arrays: one that is named so has the weights of the rows
  bool transpose = false;     ///< the columns of the array are the rows
  std::string encoding = {};  ///< of a text, a name that iconv knows
  /// Between the fields of a text: blanks, 0 if each character is a field, a `doubled_separator`.
  std::optional<char> separator = {};
  std::optional<bool> header = {};                     ///< whether the first line of a text names the columns
  std::optional<DecimalMark> decimal = {};             ///< of a text: said_point or said_comma
  std::string alphabet = {};                           ///< of sequences: protein, rna, dna, or the letters themselves
  std::optional<UnknownLetters> unknown_letters = {};  ///< of sequences
};

/// What a table says of itself before its rows are read.
struct TableInfo {
  std::string kind;           ///< what the file is, for people: "a table with ';' between the fields", "a NumPy array"
  std::uint64_t rows = 0;     ///< 0 if that is known only when all of it was read
  std::uint64_t columns = 0;  ///< fields of a row, those of labels and names in the table included
  std::vector<std::string> names;         ///< of the columns, or empty
  std::vector<std::uint64_t> picture;     ///< {height, width} of a row, or empty
  ElementType type = ElementType::other;  ///< of numbers in the file, if it is one that a dataset may have
  std::optional<double> scale;            ///< the value that means 1.0, if the file says so (a dataset, truth values)
  std::vector<double> missing;            ///< values that stand for what is missing, if the file says so
  std::optional<ValidRange> valid;        ///< no other values are valid, if the file says so
  bool sparse = false;                    ///< rows are given by their columns that are not 0
  bool has_labels = false;                ///< beside the columns, as those of libsvm, or an array of its own
  bool has_weights = false;               ///< likewise
  bool has_names = false;                 ///< likewise, of rows
  std::string alphabet;                   ///< of sequences: the letters whose places are the values; else empty
  bool first_column_names = false;        ///< the first column has the names of the rows, as in R's tables
  DecimalMark decimal = DecimalMark::point;  ///< of a text
  bool semicolons = false;  ///< of a text: between its fields, as those have them whose decimal mark is a comma
  std::vector<std::string> class_names;  ///< of labels 0, 1, ..., or empty
  std::vector<std::string> notes;        ///< what a person should know, a sentence each
};

/// One row of a table. Views, valid until the function that is given the row returns.
struct TableRow {
  std::uint64_t number = 0;  ///< from 0
  std::uint64_t line = 0;    ///< of a text, from 1; else 0
  // One of these three has what the fields are.
  std::span<const std::string_view> texts;  ///< of a text: a field each, as it stands, without quotes
  std::span<const double> values;           ///< a number each; NaN: missing
  std::span<const std::uint32_t> columns;   ///< of a sparse row: the columns of `values`, from 0, rising; others are 0
  // Those beside the columns.
  std::optional<double> label;
  std::string_view label_text;  ///< if the label is a text
  double weight = 1.0;
  std::string_view name;
};

/// The table in a file of others. A format is one class, and a row in `table_formats` (src/import/formats.cpp). Every
/// method is Local, and throws Error(Failure::file) that names the file, the place in it, what is there and what would
/// be right. Sizes are compared with what the file can hold before memory is taken for them.
class Table {
 public:
  virtual ~Table() = default;
  [[nodiscard]] virtual const TableInfo& info() const = 0;
  /// All rows in order, as often as asked, in the memory of a few rows.
  virtual void read(const std::function<void(const TableRow&)>& on_row) = 0;
};

}  // namespace rbmpi

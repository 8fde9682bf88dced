#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/columns.hpp"
#include "import/field_reader.hpp"
#include "rbmpi/import/import.hpp"
#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// A field with where it stands.
struct Place {
  std::uint64_t row = 0;   ///< from 0
  std::uint64_t line = 0;  ///< of a text, else 0
  std::size_t column = 0;
  std::string text;  ///< as people are shown it
};

/// Fields of a kind: how many, and the first.
struct Occurrences {
  std::uint64_t count = 0;
  Place first;
};

/// How many of the texts of a column are looked at: two may be what is off and on, more are something else.
inline constexpr std::size_t most_words = 3;

/// What a column has. NaN, which stands for what is missing or a text, is in none of its numbers.
struct ColumnFindings {
  Occurrences missing;
  Occurrences texts;
  std::vector<std::string> words;  ///< the first different ones of its texts, at most `most_words`
  std::uint64_t booleans = 0;
  double smallest = 0;  ///< more than `largest`: it has no numbers
  double largest = 0;
  double second_largest = 0;  ///< minus infinity: there is none. Of a dense table
  double sum = 0;
  bool whole = true;
  bool rises_evenly = true;  ///< from row to row by the same step, which is not 0
  bool spins = true;         ///< it has nothing but -1 and +1
  // Of a dense table:
  std::uint64_t ones = 0;
  std::uint64_t others = 0;   ///< numbers that are neither 0 nor 1
  double smallest_other = 0;  ///< infinity: there are none
};

/// What the labels are: those of a column, or those beside the columns.
struct LabelFindings {
  std::map<std::string, std::uint64_t, std::less<>> classes;  ///< as they stand, with the number of their rows
  bool too_many = false;                                      ///< more than are counted
  std::uint64_t texts = 0;                                    ///< rows whose label is no number
  std::optional<Place> unfit;                                 ///< the first number that is no whole one of 32 bits
  Occurrences missing;
  double smallest = std::numeric_limits<double>::infinity();
  double largest = -std::numeric_limits<double>::infinity();
  bool signs = true;  ///< there is nothing but -1 and +1
};

/// What one pass over a table found.
struct Findings {
  std::uint64_t rows = 0;
  std::uint64_t nonzeros = 0;           ///< of a sparse table, in columns of values
  std::vector<ColumnFindings> columns;  ///< of a sparse table one: all of its values
  LabelFindings labels;
  std::size_t one_hot_columns = 0;    ///< of a dense table: how many of the last columns have a single 1 among zeros in
                                      ///< each row, at least so many; 0 if none are so
  std::array<bool, 256> seen{};       ///< of a dense table: which of 0, 1, ..., 255 are among its numbers
  std::optional<Place> comma, point;  ///< the first numbers with a decimal comma, and with a point
  bool comma_thousands = true;        ///< all with a comma may as well be thousands: 1,234
  bool point_thousands = true;        ///< likewise with a point: 1.234
  std::optional<Place> no_name;       ///< the first row that the column of names does not name
  std::string last_name;              ///< of the last row
  bool names_differ = false;          ///< of the column that names the rows, or of the first if that is of texts
  std::size_t longest_name = 0;       ///< in bytes
};

/// Local. Reads all rows. Throws Error(Failure::file) if there are none, and for one-hot labels that are none.
[[nodiscard]] Findings examine(const ImportOptions& options, Table& table, const ColumnUses& uses,
                               const FieldReader& reader);

/// Local. "line 3, column 7 ('pixel6')", or "row 3, column 7": both counted from 1.
[[nodiscard]] std::string place_text(const TableInfo& info, const Place& place);
[[nodiscard]] std::string row_text(const Place& place);

/// Local. The class that a label in a text is of: what stands there, but 1.0 is of the class 1. A label such as 1E2
/// beside texts is a name: it has nothing to do with 100.
[[nodiscard]] std::string class_of_label(std::string_view text, DecimalMark decimal);

/// Local. Whether a number can be a label: whole, of 32 bits.
[[nodiscard]] bool is_label(double value) noexcept;

}  // namespace rbmpi

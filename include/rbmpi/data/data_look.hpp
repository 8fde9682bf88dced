#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rbmpi/core/checksum.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// What the values of one column are, as they are stored: not divided by the scale. Missing ones do not count.
struct ColumnLook {
  double smallest = std::numeric_limits<double>::infinity();
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0.0;  ///< of whole numbers exact up to 2^53
  std::uint64_t nonzero = 0;
  std::uint64_t missing = 0;
  bool whole = true;
  /// Whether the value of row i is first + i * step, exactly and for all rows, with a step that is not 0 (that of a
  /// single row is not known yet). Of whole numbers, that is: numbers of rows, not steps of 0.1, which rounding blurs.
  bool rises_evenly = true;
  double first = 0.0;
  double last = 0.0;
  double step = 0.0;

  [[nodiscard]] bool constant() const noexcept { return smallest == largest && missing == 0; }
};

/// What the labels of consecutive rows are.
class LabelLook {
 public:
  void add(std::span<const std::int32_t> labels);
  /// Adds what `next` saw of the rows behind these.
  void merge(const LabelLook& next);

  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  /// The classes in rising order, and how many rows each has.
  [[nodiscard]] const std::vector<std::pair<std::int32_t, std::uint64_t>>& classes() const&;
  void classes() && = delete;  // they would be gone
  /// Whether all rows of a class follow one another, class by class, which a file in a random order does not have.
  [[nodiscard]] bool sorted_by_class() const;

 private:
  friend class DataLook;
  std::uint64_t rows_ = 0;
  std::uint64_t runs_ = 0;  // of equal labels
  std::int32_t first_ = 0;
  std::int32_t last_ = 0;
  // Both together are what was seen: labels that are not yet counted are about as many, so that sorting is seldom.
  mutable std::vector<std::pair<std::int32_t, std::uint64_t>> classes_;
  mutable std::vector<std::int32_t> uncounted_;
};

/// Whether a look tells how many rows are there twice, which takes 16 bytes for each.
enum class DuplicateRows { ignored, counted };

/// A look at the rows of a dataset, or of a table that becomes one, in one pass: what is needed to see that they would
/// be misread. Looks at consecutive parts of the rows merge to the look at all of them. Memory: about 80 bytes for each
/// column. Every method is Local but for `combine`.
class DataLook {
 public:
  explicit DataLook(std::uint64_t columns, DuplicateRows duplicates = DuplicateRows::ignored);

  /// The next rows, finite numbers, and their labels, if they have some.
  void add(const Samples& rows);
  /// The next row, as an importer has it; NaN where a value is missing.
  void add(std::span<const double> row);
  /// Labels of the next rows, where they do not come with these.
  void add_labels(std::span<const std::int32_t> labels) { labels_.add(labels); }
  /// Adds what `next` saw of the rows behind these.
  void merge(const DataLook& next);
  /// Collective. The looks of the ranks at consecutive parts of the rows, in the order of the ranks, become the look at
  /// all of them, on every rank.
  void combine(const Communicator& ranks);

  /// As bytes, from which another process of this program makes the same look.
  [[nodiscard]] std::string pack() const;
  [[nodiscard]] static DataLook unpack(const std::string& bytes);

  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  [[nodiscard]] const std::vector<ColumnLook>& columns() const noexcept { return columns_; }
  [[nodiscard]] const LabelLook& labels() const noexcept { return labels_; }

  [[nodiscard]] double smallest() const noexcept;
  [[nodiscard]] double largest() const noexcept;
  /// Of the stored values.
  [[nodiscard]] double mean() const noexcept;
  /// Share of the values that are 0, and how many are missing.
  [[nodiscard]] double zeros() const noexcept;
  [[nodiscard]] std::uint64_t missing() const noexcept;
  [[nodiscard]] bool whole() const noexcept;
  /// Whether all values are 0 or the largest of them, which is more than 0.
  [[nodiscard]] bool two_valued() const noexcept;

  /// Columns that number the rows: they rise or fall evenly, over at least 8 rows.
  [[nodiscard]] std::vector<std::uint64_t> counting_columns() const;
  /// Columns with one and the same value in all rows, at least 2.
  [[nodiscard]] std::vector<std::uint64_t> constant_columns() const;
  /// Rows with one and the same value in all columns, if there are several.
  [[nodiscard]] std::uint64_t constant_rows() const noexcept { return constant_rows_; }
  [[nodiscard]] bool all_rows_equal() const;
  /// Whether duplicates were counted: asked for, and of at most 2^24 rows.
  [[nodiscard]] bool counts_duplicates() const noexcept { return duplicates_ == DuplicateRows::counted; }
  /// Rows that are like one before them, as 128-bit checksums tell.
  [[nodiscard]] std::uint64_t duplicate_rows() const;

 private:
  template <typename Value>
  void add_values(const Value* values, std::uint64_t rows);
  template <typename Value>
  void look_at_row(const Value* row);
  template <typename Value>
  void look_for_even_steps(const Value* row);
  template <typename Value>
  void look_for_fractions(const Value* row);
  void add_checksum(std::span<const std::byte> row);
  void find_candidates();
  std::uint64_t rows_ = 0;
  std::uint64_t constant_rows_ = 0;
  double smallest_nonzero_ = std::numeric_limits<double>::infinity();
  std::vector<ColumnLook> columns_;
  std::vector<std::uint32_t> even_;    // columns that rise evenly so far
  std::vector<std::uint32_t> wholes_;  // columns whose values are whole so far
  DuplicateRows duplicates_;
  mutable std::vector<Checksum> checksums_;  // of the rows, in whatever order
  LabelLook labels_;
};

/// What was found that a person should know of.
enum class FindingKind {
  scale_unsaid,      ///< small whole numbers of which nobody says what 1.0 is
  far_below_scale,   ///< all values are below half of what means 1.0
  counting_column,   ///< a column numbers the rows
  all_rows_equal,    ///< there is nothing to learn
  constant_columns,  ///< some columns have one value
  duplicate_rows,    ///< some rows are there twice
  sorted_by_class,   ///< the last rows are no fair part of all
  list_of_entries,   ///< rows are a row, a column and a value each, as ratings are kept
};
/// Stable names, for JSON: "scale-unsaid".
[[nodiscard]] const char* name_of(FindingKind kind) noexcept;

/// What it means for those who train or use a model on the rows. `error`: they would be misread, so they are refused;
/// `note`: worth a line; `information`: only for those who ask what the data are.
enum class Severity { error, note, information };

struct Finding {
  FindingKind kind = FindingKind::scale_unsaid;
  Severity severity = Severity::information;
  std::string text;  ///< a sentence with figures, without the name of the file in front, that says what to do
};

/// Local. What a look at the rows of `file` found, the worst first. Of a file whose values may be any numbers, nothing
/// about the scale.
[[nodiscard]] std::vector<Finding> findings(const DataLook& look, const DatasetInfo& info,
                                            const std::filesystem::path& file);

/// Local. Whether columns are rather the places and the values of a list of entries, as ratings are kept, than a table:
/// two of whole numbers that come again, far larger than the third, and perhaps times in a fourth.
[[nodiscard]] bool may_be_entries(std::span<const ColumnLook> columns, std::uint64_t rows) noexcept;
/// Local. A sentence of that, which says what would be right.
[[nodiscard]] const char* entries_text() noexcept;

/// Local. Whether the values are small whole numbers (uint8, 1 to 127 the largest) of which nobody says what 1.0 is.
[[nodiscard]] bool scale_is_unsaid(const DataLook& look, const DatasetInfo& info) noexcept;

/// Local. "column 3 (counted from 0), 'age'".
[[nodiscard]] std::string column_text(std::uint64_t column, const std::vector<std::string>& names);
/// Local. "9 ('nine')": a class by its label, and its name if it has one.
[[nodiscard]] std::string class_text(std::int32_t label, const std::vector<std::string>& names);

}  // namespace rbmpi

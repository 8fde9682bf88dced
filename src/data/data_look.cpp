#include "rbmpi/data/data_look.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/shell_word.hpp"

namespace rbmpi {
namespace {

using Classes = std::vector<std::pair<std::int32_t, std::uint64_t>>;

constexpr std::uint64_t least_count = 8;                           // of rows that a column numbers
constexpr std::uint64_t most_checksums = std::uint64_t{1} << 24U;  // 256 MiB of them

/// Both, with the rows of a class added up.
Classes united(const Classes& a, const Classes& b) {
  Classes all;
  all.reserve(a.size() + b.size());
  for (auto i = a.begin(), j = b.begin(); i != a.end() || j != b.end();) {
    if (j == b.end() || (i != a.end() && i->first < j->first)) {
      all.push_back(*i++);
    } else if (i == a.end() || j->first < i->first) {
      all.push_back(*j++);
    } else {
      all.emplace_back(i->first, i->second + j->second);
      ++i, ++j;
    }
  }
  return all;
}

Classes counted(std::vector<std::int32_t> labels) {
  std::ranges::sort(labels);
  std::size_t different = labels.empty() ? 0 : 1;
  for (std::size_t i = 1; i < labels.size(); ++i) {
    if (labels[i] != labels[i - 1]) ++different;
  }
  Classes classes;
  classes.reserve(different);
  for (const std::int32_t label : labels) {
    if (classes.empty() || classes.back().first != label) classes.emplace_back(label, 0);
    ++classes.back().second;
  }
  return classes;
}

/// The next value of a column that rises evenly; `rows`: how many were before it.
void step_on(ColumnLook& column, double value, std::uint64_t rows) {
  if (rows == 0) {
    column.first = column.last = value;
    return;
  }
  const double step = value - column.last;
  if (rows == 1) column.step = step;
  column.rises_evenly = step != 0 && step == column.step;
  column.last = value;
}

/// Of a column of `rows` rows what `next` saw of `next_rows` more; both at least 1.
void merge_column(ColumnLook& column, std::uint64_t rows, const ColumnLook& next, std::uint64_t next_rows) {
  column.smallest = std::min(column.smallest, next.smallest);
  column.largest = std::max(column.largest, next.largest);
  column.sum += next.sum;
  column.nonzero += next.nonzero;
  column.missing += next.missing;
  column.whole = column.whole && next.whole;
  column.rises_evenly = column.rises_evenly && next.rises_evenly;
  if (!column.rises_evenly) return;
  step_on(column, next.first, rows);
  column.rises_evenly = column.rises_evenly && (next_rows == 1 || next.step == column.step);
  column.last = next.last;
}

template <typename Value>
bool is_whole(Value value) {
  return std::is_integral_v<Value> || value == std::floor(value);
}

/// Of a row; more than any value there can be, if all are 0.
template <typename Value>
double least_of_nonzero(const Value* row, std::size_t count) {
  constexpr Value top = std::numeric_limits<Value>::max();
  Value least = top;
  if constexpr (std::is_integral_v<Value>) {
    // 0 less 1 is the largest number, and the compiler sees a minimum.
    for (std::size_t j = 0; j < count; ++j) {
      const auto one_less = static_cast<Value>(row[j] - 1);
      least = one_less < least ? one_less : least;
    }
    return static_cast<double>(least) + 1;
  } else {
    for (std::size_t j = 0; j < count; ++j) {
      const Value value = row[j] == 0 ? top : row[j];
      least = value < least ? value : least;
    }
    return static_cast<double>(least);
  }
}

/// Plain numbers as bytes, one behind the other.
template <typename Value>
void append(std::string& bytes, const Value* values, std::size_t count) {
  static_assert(std::is_trivially_copyable_v<Value>);
  bytes.append(reinterpret_cast<const char*>(values), count * sizeof(Value));
}
template <typename Value>
void take(std::string_view& bytes, Value* values, std::size_t count) {
  std::copy_n(bytes.data(), count * sizeof(Value), reinterpret_cast<char*>(values));
  bytes.remove_prefix(count * sizeof(Value));
}

}  // namespace

void LabelLook::add(std::span<const std::int32_t> labels) {
  if (labels.empty()) return;
  if (rows_ == 0) first_ = labels.front();
  for (const std::int32_t label : labels) {
    if (rows_ == 0 || label != last_) ++runs_;
    last_ = label;
    ++rows_;
  }
  uncounted_.insert(uncounted_.end(), labels.begin(), labels.end());
  constexpr std::size_t worth_sorting = 4096;
  if (uncounted_.size() < std::max(worth_sorting, classes_.size())) return;
  (void)classes();
}

const Classes& LabelLook::classes() const& {
  if (uncounted_.empty()) return classes_;
  Classes classes = counted(std::move(uncounted_));
  classes_ = classes_.empty() ? std::move(classes) : united(classes_, classes);
  uncounted_ = {};
  return classes_;
}

void LabelLook::merge(const LabelLook& next) {
  if (next.rows_ == 0) return;
  classes_ = united(classes(), next.classes());
  if (rows_ == 0) first_ = next.first_;
  runs_ += next.runs_ - (rows_ > 0 && last_ == next.first_ ? 1 : 0);
  rows_ += next.rows_;
  last_ = next.last_;
}

bool LabelLook::sorted_by_class() const {
  const std::uint64_t different = classes().size();
  return different >= 2 && different < rows_ && runs_ == different;
}

DataLook::DataLook(std::uint64_t columns, DuplicateRows duplicates) : columns_(columns), duplicates_(duplicates) {
  find_candidates();
}

/// The lists of columns that are still to be looked at for steps and fractions: few, after some rows of most data.
void DataLook::find_candidates() {
  even_.clear();
  wholes_.clear();
  for (std::uint32_t j = 0; j < columns_.size(); ++j) {
    if (columns_[j].rises_evenly) even_.push_back(j);
    if (columns_[j].whole) wholes_.push_back(j);
  }
}

void DataLook::add(const Samples& rows) {
  switch (rows.type) {
    case ElementType::uint8:
      add_values(reinterpret_cast<const std::uint8_t*>(rows.values), rows.rows);
      break;
    case ElementType::float32:
      add_values(reinterpret_cast<const float*>(rows.values), rows.rows);
      break;
    default:
      add_values(reinterpret_cast<const double*>(rows.values), rows.rows);
      break;
  }
  if (rows.labels != nullptr) labels_.add({rows.labels, rows.rows});
}

namespace {

/// What is kept of the columns side by side, in types as narrow as the values, so that a pass over a row is vector
/// code.
template <typename Value>
struct ColumnSums {
  static constexpr bool bytes = std::is_integral_v<Value>;
  using Sum = std::conditional_t<bytes, std::uint16_t, double>;
  using Count = std::conditional_t<bytes, std::uint8_t, std::uint32_t>;
  /// Of bytes, so many rows that their sum fits 16 bits, and their number 8.
  static constexpr std::uint64_t most_rows = bytes ? 255 : std::uint64_t{1} << 30U;

  explicit ColumnSums(std::size_t columns) : smallest(columns), largest(columns), sums(columns), nonzero(columns) {}

  void begin(const Value* row) {
    std::copy_n(row, smallest.size(), smallest.data());
    std::copy_n(row, largest.size(), largest.data());
    std::ranges::fill(sums, Sum{0});
    std::ranges::fill(nonzero, Count{0});
  }
  void add(const Value* __restrict row) {
    const std::size_t columns = smallest.size();
    // Bytes may be anything's, so that the compiler must be told that these are four places.
    Value* const __restrict least = smallest.data();
    Value* const __restrict most = largest.data();
    Sum* const __restrict sum = sums.data();
    Count* const __restrict count = nonzero.data();
    for (std::size_t j = 0; j < columns; ++j) least[j] = row[j] < least[j] ? row[j] : least[j];
    for (std::size_t j = 0; j < columns; ++j) most[j] = row[j] > most[j] ? row[j] : most[j];
    for (std::size_t j = 0; j < columns; ++j) sum[j] = static_cast<Sum>(sum[j] + static_cast<Sum>(row[j]));
    for (std::size_t j = 0; j < columns; ++j) {
      count[j] = static_cast<Count>(count[j] + static_cast<Count>(row[j] != Value{0}));
    }
  }

  std::vector<Value> smallest;
  std::vector<Value> largest;
  std::vector<Sum> sums;
  std::vector<Count> nonzero;
};

}  // namespace

template <typename Value>
void DataLook::add_values(const Value* values, std::uint64_t rows) {
  const std::size_t columns = columns_.size();
  ColumnSums<Value> sums(columns);
  for (std::uint64_t done = 0; done < rows; done += sums.most_rows) {
    const std::uint64_t count = std::min(sums.most_rows, rows - done);
    sums.begin(values + done * columns);
    for (std::uint64_t i = done; i < done + count; ++i) {
      const Value* const row = values + i * columns;
      sums.add(row);
      smallest_nonzero_ = std::min(smallest_nonzero_, least_of_nonzero(row, columns));
      look_at_row(row);
    }
    for (std::size_t j = 0; j < columns; ++j) {
      ColumnLook& column = columns_[j];
      column.smallest = std::min(column.smallest, static_cast<double>(sums.smallest[j]));
      column.largest = std::max(column.largest, static_cast<double>(sums.largest[j]));
      column.sum += static_cast<double>(sums.sums[j]);
      column.nonzero += sums.nonzero[j];
    }
  }
}

void DataLook::add(std::span<const double> row) {
  for (std::size_t j = 0; j < row.size(); ++j) {
    ColumnLook& column = columns_[j];
    const double value = row[j];
    if (std::isnan(value)) {
      ++column.missing;
      continue;
    }
    column.smallest = std::min(column.smallest, value);
    column.largest = std::max(column.largest, value);
    column.sum += value;
    if (value == 0) continue;
    ++column.nonzero;
    smallest_nonzero_ = std::min(smallest_nonzero_, value);
  }
  look_at_row(row.data());
}

/// What is seen of a row as a whole, and of its columns one by one.
template <typename Value>
void DataLook::look_at_row(const Value* row) {
  const std::size_t columns = columns_.size();
  if (columns > 1 && std::all_of(row + 1, row + columns, [&](Value value) { return value == row[0]; })) {
    ++constant_rows_;
  }
  if (!even_.empty()) look_for_even_steps(row);
  if (std::is_floating_point_v<Value> && !wholes_.empty()) look_for_fractions(row);
  if (counts_duplicates()) add_checksum(std::as_bytes(std::span(row, columns)));
  ++rows_;
}

template <typename Value>
void DataLook::look_for_even_steps(const Value* row) {
  std::erase_if(even_, [&](std::uint32_t j) {
    step_on(columns_[j], static_cast<double>(row[j]), rows_);
    if (std::isnan(static_cast<double>(row[j]))) columns_[j].rises_evenly = false;
    return !columns_[j].rises_evenly;
  });
}

template <typename Value>
void DataLook::look_for_fractions(const Value* row) {
  unsigned others = 0;  // than 0 and 1, which are seen fast
  for (std::size_t j = 0; j < columns_.size(); ++j) {
    others |= static_cast<unsigned>(row[j] != Value{0}) & static_cast<unsigned>(row[j] != Value{1});
  }
  if (others == 0) return;
  std::erase_if(wholes_, [&](std::uint32_t j) {
    columns_[j].whole = is_whole(row[j]) || std::isnan(static_cast<double>(row[j]));  // what is missing is no fraction
    return !columns_[j].whole;
  });
}

void DataLook::add_checksum(std::span<const std::byte> row) {
  if (checksums_.size() < most_checksums) {
    checksums_.push_back(checksum(row));
    return;
  }
  duplicates_ = DuplicateRows::ignored;
  checksums_ = std::vector<Checksum>();  // which leaves no memory, as {} would
}

void DataLook::merge(const DataLook& next) {
  if (next.rows_ == 0) return;
  if (rows_ == 0) {
    *this = next;
    return;
  }
  for (std::size_t j = 0; j < columns_.size(); ++j) merge_column(columns_[j], rows_, next.columns_[j], next.rows_);
  find_candidates();
  rows_ += next.rows_;
  constant_rows_ += next.constant_rows_;
  smallest_nonzero_ = std::min(smallest_nonzero_, next.smallest_nonzero_);
  checksums_.insert(checksums_.end(), next.checksums_.begin(), next.checksums_.end());
  if (!counts_duplicates() || !next.counts_duplicates() || checksums_.size() > most_checksums) {
    duplicates_ = DuplicateRows::ignored;
    checksums_ = std::vector<Checksum>();  // which leaves no memory, as {} would
  }
  labels_.merge(next.labels_);
}

namespace {

/// What is packed in front of a look's lists.
struct PackedLook {
  std::uint64_t rows = 0;
  std::uint64_t constant_rows = 0;
  double smallest_nonzero = 0;
  std::uint64_t columns = 0;
  DuplicateRows duplicates = DuplicateRows::ignored;
  std::uint64_t checksums = 0;
  std::uint64_t label_rows = 0;
  std::uint64_t label_runs = 0;
  std::int32_t first_label = 0;
  std::int32_t last_label = 0;
  std::uint64_t classes = 0;
};

/// As `std::pair` is no plain memory.
struct PackedClass {
  std::int64_t label = 0;
  std::uint64_t rows = 0;
};

}  // namespace

std::string DataLook::pack() const {
  std::vector<PackedClass> classes;
  for (const auto& [label, rows] : labels_.classes()) classes.push_back({label, rows});
  const PackedLook head{.rows = rows_,
                        .constant_rows = constant_rows_,
                        .smallest_nonzero = smallest_nonzero_,
                        .columns = columns_.size(),
                        .duplicates = duplicates_,
                        .checksums = checksums_.size(),
                        .label_rows = labels_.rows_,
                        .label_runs = labels_.runs_,
                        .first_label = labels_.first_,
                        .last_label = labels_.last_,
                        .classes = classes.size()};
  std::string bytes;
  append(bytes, &head, 1);
  append(bytes, columns_.data(), columns_.size());
  append(bytes, checksums_.data(), checksums_.size());
  append(bytes, classes.data(), classes.size());
  return bytes;
}

DataLook DataLook::unpack(const std::string& bytes) {
  std::string_view rest = bytes;
  PackedLook head;
  take(rest, &head, 1);
  DataLook look(head.columns, head.duplicates);
  look.rows_ = head.rows;
  look.constant_rows_ = head.constant_rows;
  look.smallest_nonzero_ = head.smallest_nonzero;
  take(rest, look.columns_.data(), head.columns);
  look.find_candidates();
  look.checksums_.resize(head.checksums);
  take(rest, look.checksums_.data(), head.checksums);
  std::vector<PackedClass> classes(head.classes);
  take(rest, classes.data(), head.classes);
  for (const PackedClass& one : classes) {
    look.labels_.classes_.emplace_back(static_cast<std::int32_t>(one.label), one.rows);
  }
  look.labels_.rows_ = head.label_rows;
  look.labels_.runs_ = head.label_runs;
  look.labels_.first_ = head.first_label;
  look.labels_.last_ = head.last_label;
  return look;
}

void DataLook::combine(const Communicator& ranks) {
  const std::string mine = pack();
  DataLook all(columns_.size(), duplicates_);
  for (int rank = 0; rank < ranks.size(); ++rank) {
    all.merge(unpack(ranks.broadcast(rank == ranks.rank() ? mine : std::string(), rank)));
  }
  *this = std::move(all);
}

double DataLook::smallest() const noexcept {
  double smallest = std::numeric_limits<double>::infinity();
  for (const ColumnLook& column : columns_) smallest = std::min(smallest, column.smallest);
  return smallest;
}

double DataLook::largest() const noexcept {
  double largest = -std::numeric_limits<double>::infinity();
  for (const ColumnLook& column : columns_) largest = std::max(largest, column.largest);
  return largest;
}

std::uint64_t DataLook::missing() const noexcept {
  std::uint64_t missing = 0;
  for (const ColumnLook& column : columns_) missing += column.missing;
  return missing;
}

double DataLook::mean() const noexcept {
  double sum = 0;
  for (const ColumnLook& column : columns_) sum += column.sum;
  return sum / (static_cast<double>(rows_) * static_cast<double>(columns_.size()) - static_cast<double>(missing()));
}

double DataLook::zeros() const noexcept {
  std::uint64_t zeros = 0;
  for (const ColumnLook& column : columns_) zeros += rows_ - column.nonzero - column.missing;
  return static_cast<double>(zeros) / (static_cast<double>(rows_) * static_cast<double>(columns_.size()));
}

bool DataLook::whole() const noexcept {
  return std::ranges::all_of(columns_, [](const ColumnLook& column) { return column.whole; });
}

bool DataLook::two_valued() const noexcept {
  const double largest_value = largest();
  return smallest() >= 0 && largest_value > 0 && smallest_nonzero_ == largest_value;
}

std::vector<std::uint64_t> DataLook::counting_columns() const {
  std::vector<std::uint64_t> found;
  if (rows_ < least_count) return found;
  for (const std::uint32_t j : even_) found.push_back(j);
  return found;
}

std::vector<std::uint64_t> DataLook::constant_columns() const {
  std::vector<std::uint64_t> found;
  if (rows_ < 2) return found;
  for (std::size_t j = 0; j < columns_.size(); ++j) {
    if (columns_[j].constant()) found.push_back(j);
  }
  return found;
}

bool DataLook::all_rows_equal() const {
  return rows_ >= 2 && constant_columns().size() == columns_.size();
}

std::uint64_t DataLook::duplicate_rows() const {
  std::ranges::sort(checksums_);
  std::uint64_t duplicates = 0;
  for (std::size_t i = 1; i < checksums_.size(); ++i) {
    if (checksums_[i] == checksums_[i - 1]) ++duplicates;
  }
  return duplicates;
}

const char* name_of(FindingKind kind) noexcept {
  constexpr const char* names[] = {"scale-unsaid",     "far-below-scale", "counting-column", "all-rows-equal",
                                   "constant-columns", "duplicate-rows",  "sorted-by-class", "list-of-entries"};
  return names[static_cast<std::size_t>(kind)];
}

std::string column_text(std::uint64_t column, const std::vector<std::string>& names) {
  return fmt::format("column {} (counted from 1){}", column + 1,
                     column < names.size() ? fmt::format(", '{}',", names[column]) : "");
}

std::string class_text(std::int32_t label, const std::vector<std::string>& names) {
  const bool named = label >= 0 && static_cast<std::size_t>(label) < names.size();
  return named ? fmt::format("{} ('{}')", label, names[static_cast<std::size_t>(label)]) : fmt::format("{}", label);
}

// It is nearly certain that 255 does not mean 1.0, but only nearly.
bool scale_is_unsaid(const DataLook& look, const DatasetInfo& info) noexcept {
  constexpr double small = 128;
  return info.type == ElementType::uint8 && !info.scale_said && look.largest() > 0 && look.largest() < small;
}

namespace {

/// Two columns of numbers of things, each of which comes again.
bool may_be_edges(std::span<const ColumnLook> columns, std::uint64_t rows) noexcept {
  constexpr double most_amounts = 10;
  return std::ranges::all_of(columns, [&](const ColumnLook& column) {
    return column.whole && column.smallest >= 0 && column.missing == 0 && column.largest > most_amounts &&
           column.largest - column.smallest + 1 < static_cast<double>(rows);
  });
}

}  // namespace

bool may_be_entries(std::span<const ColumnLook> columns, std::uint64_t rows) noexcept {
  constexpr double most_stars = 10;
  constexpr double far = 10;
  constexpr double a_time = 1e8;  // in seconds since 1970: of 1973
  constexpr std::uint64_t least_rows = 5;
  if (rows < least_rows || columns.size() < 2 || columns.size() > 4) return false;
  if (columns.size() == 2) return may_be_edges(columns, rows);
  if (columns.size() == 4 && columns[3].smallest < a_time) return false;
  const ColumnLook& value = columns[2];
  if (value.smallest < 0 || value.largest <= 0 || value.largest > most_stars) return false;
  const auto is_place = [&](const ColumnLook& column) {
    return column.whole && column.smallest >= 0 && column.missing == 0 && column.largest >= 2 * value.largest;
  };
  const auto comes_again = [&](const ColumnLook& column) {
    return column.largest - column.smallest + 1 < static_cast<double>(rows);
  };
  return is_place(columns[0]) && is_place(columns[1]) && (comes_again(columns[0]) || comes_again(columns[1])) &&
         std::max(columns[0].largest, columns[1].largest) >= far * value.largest;
}

const char* entries_text() noexcept {
  return "its columns look like a list of entries (row, column, value), such as ratings or edges, and each is a row "
         "here: "
         "a table with a row for each user and a column for each item, as pandas makes it (pivot), or Matrix Market, "
         "which is sparse, would be right";
}

namespace {

/// What is known of a file while its findings are put into words.
struct Report {
  const DataLook& look;
  const DatasetInfo& info;
  std::string file;  // as a word of a command
  std::vector<Finding> findings = {};

  void add(FindingKind kind, Severity severity, std::string text) {
    findings.push_back({kind, severity, std::move(text)});
  }
};

void find_scale(Report& report) {
  const DatasetInfo& info = report.info;
  const double largest = report.look.largest();
  if (largest <= 0) return;
  if (scale_is_unsaid(report.look, info)) {
    const double smallest = report.look.smallest();
    const std::string values = largest == 1 && smallest == 0 ? std::string("zeros and ones")
                               : largest == smallest         ? fmt::format("all {}", largest)
                                                     : fmt::format("whole numbers from {} to {}", smallest, largest);
    report.add(FindingKind::scale_unsaid, Severity::error,
               fmt::format("its values are {0} (uint8), and nothing says which value means 1.0, so {1} would mean "
                           "{1}/{2} = {3:.2g}: --scale {1} if {1} means 1.0, --scale {2} if {2} does; or a file that "
                           "says so: rbmpi import {4} --scale {1} --output NEW.h5",
                           values, largest, info.scale, largest / info.scale, report.file));
    return;
  }
  if (largest >= info.scale / 2) return;
  report.add(FindingKind::far_below_scale, Severity::note,
             fmt::format("its largest value is {0}, but {1} means 1.0, so all are at most {2:.2g}; if {0} should mean "
                         "1.0: --scale {0}",
                         largest, info.scale, largest / info.scale));
}

/// Numbers of rows say nothing of a row, and as a unit they look like what matters most.
void find_counting_columns(Report& report) {
  const std::vector<std::uint64_t> columns = report.look.counting_columns();
  if (columns.empty()) return;
  const DatasetInfo& info = report.info;
  const ColumnLook& first = report.look.columns()[columns.front()];
  std::string drop;
  constexpr std::size_t most_named = 10;
  for (const std::uint64_t column : std::span(columns).first(std::min(columns.size(), most_named))) {
    const std::string name =
        column < info.column_names.size() ? info.column_names[column] : fmt::format("{}", column + 1);
    drop += fmt::format(" --drop {}", shell_word(name));
  }
  if (columns.size() > most_named) drop += " ...";
  const std::string values =
      fmt::format("{}, {}, {}, ...", first.first, first.first + first.step, first.first + 2 * first.step);
  const std::string others =
      columns.size() > 1 ? fmt::format(" (and {} like it)", plural(columns.size() - 1, "column")) : "";
  const std::string what =
      fmt::format("{} numbers the rows{} ({})", column_text(columns.front(), info.column_names), others, values);
  if (info.imported) {
    return report.add(FindingKind::counting_column, Severity::note,
                      fmt::format("{}; it stays, as rbmpi made the file with it", what));
  }
  report.add(FindingKind::counting_column, Severity::error,
             fmt::format("{} and would become a visible unit: rbmpi import {}{} --output NEW.h5 leaves it out, and "
                         "without --drop it stays",
                         what, report.file, drop));
}

void find_constants(Report& report) {
  const DataLook& look = report.look;
  if (look.all_rows_equal()) {
    return report.add(FindingKind::all_rows_equal, Severity::note,
                      fmt::format("all {} rows are equal: there is nothing to learn", look.rows()));
  }
  const std::vector<std::uint64_t> columns = look.constant_columns();
  if (!columns.empty()) {
    report.add(FindingKind::constant_columns, Severity::information,
               fmt::format("{} of {} columns {} one and the same value in all rows, which costs time and does no harm",
                           columns.size(), look.columns().size(), columns.size() == 1 ? "has" : "have"));
  }
}

void find_entries(Report& report) {
  if (!may_be_entries(report.look.columns(), report.look.rows())) return;
  report.add(FindingKind::list_of_entries, Severity::note, entries_text());
}

void find_order(Report& report) {
  const DataLook& look = report.look;
  if (look.counts_duplicates() && look.duplicate_rows() > 0 && !look.all_rows_equal()) {
    report.add(FindingKind::duplicate_rows, Severity::information,
               fmt::format("{} {} like one before: of few units that is as it should be, of pictures and tables it "
                           "makes held-out rows easier than new ones",
                           plural(look.duplicate_rows(), "row"), look.duplicate_rows() == 1 ? "is" : "are"));
  }
  if (look.labels().sorted_by_class()) {
    report.add(FindingKind::sorted_by_class, Severity::information,
               "the rows are sorted by class, so the last rows are of few classes: validation-rows = sample holds out "
               "rows from all over");
  }
}

}  // namespace

std::vector<Finding> findings(const DataLook& look, const DatasetInfo& info, const std::filesystem::path& file) {
  if (look.rows() == 0) return {};
  Report report{look, info, shell_word(file.string())};
  const bool ordered = info.kind != ValueKind::colours;  // one value may be more than another
  if (info.kind == ValueKind::amounts) find_scale(report);
  if (ordered) find_counting_columns(report);
  find_constants(report);
  find_order(report);
  if (ordered) find_entries(report);
  std::ranges::stable_sort(report.findings, {}, &Finding::severity);
  return std::move(report.findings);
}

}  // namespace rbmpi

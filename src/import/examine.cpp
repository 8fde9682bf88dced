#include "import/examine.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "import/field_value.hpp"
#include "import/formats.hpp"
#include "rbmpi/core/interruption.hpp"

namespace rbmpi {
namespace {

using Kind = FieldValue::Kind;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// What rows have in common, one row after the other. Of a dense table, statistics of columns lie side by side, so that
/// the compiler makes vector loops of them.
class Examination {
 public:
  Examination(const ImportOptions& options, const TableInfo& info, const ColumnUses& uses, const FieldReader& reader)
      : options_(options), info_(info), uses_(uses), reader_(reader) {
    const std::size_t width = info.sparse ? 1 : info.columns;
    findings_.columns.resize(width);
    numbers_.resize(width);
    last_.resize(width);
    smallest_.assign(width, infinity);
    largest_.assign(width, -infinity);
    second_.assign(width, -infinity);
    sum_.assign(width, 0.0);
    step_.assign(width, 0.0);
    uneven_.assign(width, 0);
    no_spins_.assign(width, 0);
    ones_.assign(width, 0);
    others_.assign(width, 0);
    smallest_other_.assign(width, infinity);
  }

  void add(const TableRow& row) {
    row_ = &row;
    if (info_.sparse) {
      add_sparse();
    } else {
      if (row.texts.empty())
        take_values();
      else
        take_texts();
      if (findings_.rows == 0) last_ = numbers_;
      if (findings_.rows == 1) find_steps();
      add_numbers();
      if (may_be_one_hot_) look_for_one_hot();
      if (!uses_.one_hot.empty()) check_one_hot();
    }
    if (uses_.other_labels) add_other_label();
    if (info_.has_names) add_name(row.name);
    ++findings_.rows;
  }

  Findings finish() {
    for (std::size_t i = 0; i < findings_.columns.size(); ++i) {
      ColumnFindings& column = findings_.columns[i];
      column.smallest = smallest_[i];
      column.largest = largest_[i];
      column.second_largest = second_[i];
      column.sum = sum_[i];
      column.rises_evenly = uneven_[i] == 0 && step_[i] != 0.0;
      column.spins = no_spins_[i] == 0;
      column.ones = static_cast<std::uint64_t>(ones_[i]);
      column.others = static_cast<std::uint64_t>(others_[i]);
      column.smallest_other = smallest_other_[i];
    }
    findings_.names_differ = names_differ_ && findings_.rows > 0;
    if (may_be_one_hot_) findings_.one_hot_columns = fewest_one_hot_;
    return std::move(findings_);
  }

 private:
  [[nodiscard]] Place here(std::size_t column, std::string_view text) const {
    return {row_->number, row_->line, column, text.empty() ? "empty" : fmt::format("'{}'", shown_field(text))};
  }
  [[nodiscard]] Place here(std::size_t column, double number) const {
    return {row_->number, row_->line, column, fmt::format("{}", number)};
  }

  template <typename Field>
  void count(Occurrences& occurrences, std::size_t column, Field field) const {
    if (occurrences.count++ == 0) occurrences.first = here(column, field);
  }

  void take_texts() {
    for (std::size_t column = 0; column < row_->texts.size(); ++column) {
      const std::string_view text = row_->texts[column];
      switch (uses_.uses[column]) {
        case Use::dropped:
          numbers_[column] = no_number;
          break;
        case Use::label:
          add_label(column, text);
          numbers_[column] = no_number;
          break;
        case Use::name:
          add_name(text);
          if (text.empty() && !findings_.no_name) findings_.no_name = here(column, text);
          numbers_[column] = no_number;
          break;
        default:
          numbers_[column] = take_text(column, text);
      }
    }
  }

  double take_text(std::size_t column, std::string_view text) {
    const bool is_weight = uses_.uses[column] == Use::weight;
    const FieldValue value = is_weight ? reader_.read_as_it_is(text) : reader_.read(text);
    ColumnFindings& findings = findings_.columns[column];
    switch (value.kind) {
      case Kind::number:
        if (findings.whole && value.number != std::floor(value.number)) findings.whole = false;
        look_at_mark(column, text, value.kind);
        return value.number;
      case Kind::comma_number:
        if (value.number != std::floor(value.number)) findings.whole = false;
        look_at_mark(column, text, value.kind);
        return value.number;
      case Kind::boolean:
        ++findings.booleans;
        return value.number;
      case Kind::missing:
        count(findings.missing, column, text);
        return no_number;
      case Kind::text:
        break;
    }
    count(findings.texts, column, text);
    if (findings.words.size() < most_words && std::ranges::find(findings.words, text) == findings.words.end())
      findings.words.emplace_back(text);
    if (column == 0 && !uses_.name) add_name(text);
    return no_number;
  }

  /// Of a number: which decimal mark it has, where nothing says yet which one is.
  void look_at_mark(std::size_t column, std::string_view text, Kind kind) {
    if (kind == Kind::comma_number) {
      if (!findings_.comma) findings_.comma = here(column, text);
      findings_.comma_thousands = findings_.comma_thousands && may_be_thousands(text, ',');
      return;
    }
    if (info_.decimal != DecimalMark::either) return;
    if (!findings_.point_thousands || text.find('.') == std::string_view::npos) return;
    if (!findings_.point) findings_.point = here(column, text);
    findings_.point_thousands = may_be_thousands(text, '.');
  }

  void take_values() {
    for (std::size_t column = 0; column < row_->values.size(); ++column) {
      const double value = row_->values[column];
      const Use use = uses_.uses[column];
      numbers_[column] = no_number;
      if (use == Use::label) {
        add_label(column, value);
      } else if (use == Use::name) {
        add_name(fmt::format("{}", value));
      } else if (use != Use::dropped) {
        numbers_[column] = take_number(findings_.columns[column], column, value);
      }
    }
  }

  double take_number(ColumnFindings& findings, std::size_t column, double value) const {
    const double number = uses_.uses[column] == Use::weight ? value : reader_.read(value);
    if (std::isnan(number)) {
      count(findings.missing, column, value);
    } else if (std::isinf(number)) {
      count(findings.texts, column, number);
      return no_number;
    }
    if (findings.whole && number != std::floor(number) && !std::isnan(number)) findings.whole = false;
    return number;
  }

  void find_steps() {
    for (std::size_t i = 0; i < numbers_.size(); ++i) step_[i] = numbers_[i] - last_[i];
  }

  void add_numbers() {
    add_ranges();
    add_steps();
    add_codes();
    if (options_.missing != MissingValues::mean) return;
    for (std::size_t i = 0; i < numbers_.size(); ++i) sum_[i] += std::isnan(numbers_[i]) ? 0.0 : numbers_[i];
  }

  void add_ranges() {
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const double value = numbers_[i];
      smallest_[i] = value < smallest_[i] ? value : smallest_[i];
      const double below = value < largest_[i] && value > second_[i] ? value : second_[i];
      second_[i] = value > largest_[i] ? largest_[i] : below;
      largest_[i] = value > largest_[i] ? value : largest_[i];
    }
  }

  void add_steps() {
    constexpr double inexact = 1e-3;
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const double value = numbers_[i];
      // Steps such as 0.1 are not exact. NaN, which is missing or a text, is never near.
      uneven_[i] += std::fabs(value - last_[i] - step_[i]) <= inexact * std::fabs(step_[i]) ? 0.0 : 1.0;
      last_[i] = value;
    }
  }

  void add_codes() {
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const double value = numbers_[i];
      no_spins_[i] += value == 1.0 || value == -1.0 ? 0.0 : 1.0;
      const bool other = value < 0.0 || (value > 0.0 && value != 1.0);  // no NaN
      ones_[i] += value == 1.0 ? 1.0 : 0.0;
      others_[i] += other ? 1.0 : 0.0;
      smallest_other_[i] = other && value < smallest_other_[i] ? value : smallest_other_[i];
    }
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const double value = numbers_[i];
      if (uses_.uses[i] == Use::value && value >= 0.0 && value < static_cast<double>(findings_.seen.size()) &&
          value == std::floor(value))
        findings_.seen[static_cast<std::size_t>(value)] = true;
    }
  }

  void add_sparse() {
    uneven_[0] = no_spins_[0] = 1.0;
    std::uint64_t nonzeros = 0;
    for (std::size_t i = 0; i < row_->columns.size(); ++i) {
      const std::size_t column = row_->columns[i];
      if (uses_.uses[column] != Use::value) continue;
      const double number = take_number(findings_.columns[0], column, row_->values[i]);
      if (number != 0.0) ++nonzeros;
      if (std::isnan(number)) continue;
      smallest_[0] = std::min(smallest_[0], number);
      largest_[0] = std::max(largest_[0], number);
    }
    if (nonzeros < info_.columns) {
      smallest_[0] = std::min(smallest_[0], 0.0);
      largest_[0] = std::max(largest_[0], 0.0);
    }
    findings_.nonzeros += nonzeros;
  }

  void add_label(std::size_t column, std::string_view text) {
    LabelFindings& labels = findings_.labels;
    const FieldValue value = field_value(text, info_.decimal);
    if (value.kind == Kind::missing) return count(labels.missing, column, text);
    const bool number = value.kind == Kind::number || value.kind == Kind::comma_number;
    if (number) {
      look_at_mark(column, text, value.kind);
      add_number_label(column, value.number);
    } else {
      ++labels.texts;
    }
    add_class(text);
  }

  void add_label(std::size_t column, double value) {
    if (std::isnan(value)) return count(findings_.labels.missing, column, value);
    add_number_label(column, value);
  }

  void add_number_label(std::size_t column, double value) {
    LabelFindings& labels = findings_.labels;
    if (!is_label(value) && !labels.unfit) labels.unfit = here(column, value);
    labels.smallest = std::min(labels.smallest, value);
    labels.largest = std::max(labels.largest, value);
    if (std::fabs(value) != 1.0) labels.signs = false;
  }

  void add_class(std::string_view text) {
    constexpr std::size_t most = 1U << 16U;
    LabelFindings& labels = findings_.labels;
    const std::string name = class_of_label(text, info_.decimal);
    const auto found = labels.classes.find(name);
    if (found != labels.classes.end()) {
      ++found->second;
    } else if (labels.classes.size() < most) {
      labels.classes.emplace(name, 1);
    } else {
      labels.too_many = true;
    }
  }

  void add_other_label() {
    if (!row_->label_text.empty()) {
      ++findings_.labels.texts;
      add_class(row_->label_text);
    } else if (!row_->label || std::isnan(*row_->label)) {
      count(findings_.labels.missing, info_.columns, no_number);
    } else {
      add_number_label(info_.columns, *row_->label);
    }
  }

  // Names are remembered by their hashes, and no longer once two are alike.
  void add_name(std::string_view text) {
    findings_.last_name = text;
    findings_.longest_name = std::max(findings_.longest_name, text.size());
    if (findings_.rows == 0) names_differ_ = true;
    if (names_seen_ != findings_.rows) names_differ_ = false;
    ++names_seen_;
    if (names_differ_ && !names_.insert(std::hash<std::string_view>()(text)).second) {
      names_differ_ = false;
      names_.clear();
    }
  }

  /// The last k columns have a single 1 in this row for k from the place of the last 1, counted from the end, to that
  /// of the one before it or of another number; in all rows for what these ranges have in common.
  void look_for_one_hot() {
    std::size_t first = 0;  // 0: there is no 1 so far
    std::size_t place = 1;
    for (; place <= numbers_.size(); ++place) {
      const std::size_t column = numbers_.size() - place;
      const double value = numbers_[column];
      if (uses_.uses[column] != Use::value || (value != 0.0 && (value != 1.0 || first != 0))) break;
      if (value == 1.0) first = place;
    }
    fewest_one_hot_ = std::max(fewest_one_hot_, first);
    most_one_hot_ = std::min(most_one_hot_, place - 1);
    may_be_one_hot_ = first != 0 && fewest_one_hot_ <= most_one_hot_;
  }

  void check_one_hot() const {
    std::size_t ones = 0;
    for (const std::size_t column : uses_.one_hot) {
      const double value = numbers_[column];
      if (value == 1.0) ++ones;
      if (value != 0.0 && value != 1.0)
        refuse_import(options_.file, fmt::format("{} is no label of one 1 among zeros",
                                                 place_text(info_, {row_->number, row_->line, column, ""})));
    }
    if (ones != 1)
      refuse_import(options_.file, fmt::format("{} has {} among the columns of its label; one 1 among zeros would be "
                                               "right",
                                               row_text({row_->number, row_->line, 0, ""}),
                                               ones == 0 ? "no 1" : fmt::format("{} times 1", ones)));
  }

  const ImportOptions& options_;
  const TableInfo& info_;
  const ColumnUses& uses_;
  const FieldReader& reader_;
  const TableRow* row_ = nullptr;
  Findings findings_;
  std::vector<double> numbers_, last_;  // of this row, and of the one before
  std::vector<double> smallest_, largest_, second_, sum_, step_, uneven_, no_spins_;
  std::vector<double> ones_, others_, smallest_other_;  // other numbers than 0 and 1
  bool may_be_one_hot_ = true;                          // the last columns, so many of them
  std::size_t fewest_one_hot_ = 0;
  std::size_t most_one_hot_ = std::numeric_limits<std::size_t>::max();
  std::unordered_set<std::size_t> names_;
  std::uint64_t names_seen_ = 0;
  bool names_differ_ = false;
};

}  // namespace

Findings examine(const ImportOptions& options, Table& table, const ColumnUses& uses, const FieldReader& reader) {
  Examination examination(options, table.info(), uses, reader);
  constexpr std::uint64_t rows_between_looks = 1024;
  table.read([&](const TableRow& row) {
    if (row.number % rows_between_looks == 0) throw_if_stopped("importing a table");
    examination.add(row);
  });
  Findings findings = examination.finish();
  if (findings.rows == 0)
    refuse_import(options.file, table.info().names.empty() ? "it has no rows" : "it has a header but no rows");
  return findings;
}

std::string row_text(const Place& place) {
  return place.line > 0 ? fmt::format("line {}", place.line) : fmt::format("row {}", place.row + 1);
}

std::string place_text(const TableInfo& info, const Place& place) {
  return fmt::format("{}, {}", row_text(place), column_text(info, place.column));
}

std::string class_of_label(std::string_view text, DecimalMark decimal) {
  constexpr std::string_view digits = "0123456789";
  const bool comma = decimal == DecimalMark::said_comma ||
                     (decimal == DecimalMark::either && text.find(',') != std::string_view::npos);
  const std::size_t mark = text.find(comma ? ',' : '.');
  if (mark == std::string_view::npos || mark + 1 == text.size()) return std::string(text);
  const std::string_view whole = text.substr(0, mark);
  const std::string_view plain = whole.substr(whole.starts_with('-') ? 1 : 0);
  const bool same = !plain.empty() && plain.find_first_not_of(digits) == std::string_view::npos &&
                    text.find_first_not_of('0', mark + 1) == std::string_view::npos;
  return std::string(same ? whole : text);
}

bool is_label(double value) noexcept {
  return value == std::floor(value) && value >= std::numeric_limits<std::int32_t>::min() &&
         value <= std::numeric_limits<std::int32_t>::max();
}

}  // namespace rbmpi

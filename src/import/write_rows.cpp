#include "import/write_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "import/examine.hpp"
#include "import/formats.hpp"
#include "import/text_lines.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/data/dataset_file.hpp"

namespace rbmpi {
namespace {

using Kind = FieldValue::Kind;
constexpr double missing_value = std::numeric_limits<double>::quiet_NaN();

/// The rows of the table as numbers: values as planned, one row at a time.
class PlannedRows {
 public:
  PlannedRows(const ImportOptions& options, const TableInfo& info, const ImportPlan& plan, const FieldReader& reader)
      : options_(options), info_(info), plan_(plan), reader_(reader), values_(info.sparse ? 0 : plan.values.size()) {
    if (!info.sparse || plan.all_values) return;
    places_.assign(info.columns, left_out);
    for (std::size_t i = 0; i < plan.values.size(); ++i) places_[plan.values[i]] = static_cast<std::uint32_t>(i);
  }

  /// False if the row is left out.
  [[nodiscard]] bool take(const TableRow& row) {
    row_ = &row;
    missing_ = false;
    if (info_.sparse)
      take_sparse();
    else
      take_dense();
    const bool labelled = !plan_.info.has_labels || take_label();
    return labelled && !(missing_ && options_.missing == MissingValues::drop_row);
  }

  /// Of a sparse table those that are not 0, of `columns`; else all.
  [[nodiscard]] const std::vector<double>& values() const noexcept { return values_; }
  [[nodiscard]] const std::vector<std::uint32_t>& columns() const noexcept { return columns_; }
  [[nodiscard]] std::int32_t label() const noexcept { return label_; }
  [[nodiscard]] std::string name() const {
    if (!plan_.uses.name) return name_in_utf8(row_->name);
    const std::size_t column = *plan_.uses.name;
    return row_->texts.empty() ? fmt::format("{}", row_->values[column]) : name_in_utf8(row_->texts[column]);
  }
  [[nodiscard]] float weight() const {
    if (!plan_.uses.weight) return static_cast<float>(row_->weight);
    const std::size_t column = *plan_.uses.weight;
    if (row_->texts.empty()) return static_cast<float>(row_->values[column]);
    return static_cast<float>(reader_.read_as_it_is(row_->texts[column]).number);
  }

  [[noreturn]] void changed() const { refuse_import(options_.file, "it changed while it was read"); }

 private:
  static constexpr std::uint32_t left_out = std::numeric_limits<std::uint32_t>::max();

  [[nodiscard]] double number(std::size_t column) const {
    if (row_->texts.empty()) return reader_.read(row_->values[column]);
    const FieldValue value = reader_.read(row_->texts[column]);
    if (value.kind == Kind::text) changed();  // there was none when it was examined
    return value.kind == Kind::missing ? missing_value : value.number;
  }

  void take_dense() {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = planned(number(plan_.values[i]), i);
  }

  [[nodiscard]] double planned(double value, std::size_t index) {
    if (std::isnan(value)) {
      missing_ = true;
      value = plan_.means.empty() ? 0.0 : plan_.means[index];
    } else if (plan_.spins && value == -1.0) {
      value = 0.0;
    }
    // Only a file that changes meanwhile can break what was found in it.
    const bool fits = value >= 0.0 && value <= plan_.info.scale &&
                      (plan_.info.type != ElementType::uint8 || value == std::floor(value));
    if (!fits) changed();
    return value;
  }

  void take_sparse() {
    values_.clear();
    columns_.clear();
    for (std::size_t i = 0; i < row_->columns.size(); ++i) {
      const std::uint32_t column = row_->columns[i];
      if (column >= info_.columns) changed();
      const std::uint32_t place = places_.empty() ? column : places_[column];
      if (place == left_out) continue;
      const double value = planned(reader_.read(row_->values[i]), 0);
      if (value == 0.0) continue;
      values_.push_back(value);
      columns_.push_back(place);
    }
  }

  [[nodiscard]] bool take_label() {
    const ColumnUses& uses = plan_.uses;
    if (!uses.one_hot.empty()) {
      const auto one = std::ranges::find_if(uses.one_hot, [&](std::size_t column) { return number(column) == 1.0; });
      if (one == uses.one_hot.end()) changed();
      label_ = static_cast<std::int32_t>(one - uses.one_hot.begin());
      return true;
    }
    if (!uses.label) return take_number_label(row_->label, row_->label_text);
    if (row_->texts.empty()) return take_number_label(row_->values[*uses.label], {});
    const std::string_view text = row_->texts[*uses.label];
    const FieldValue value = field_value(text, info_.decimal);
    if (value.kind == Kind::missing) return take_number_label(std::nullopt, {});
    return take_number_label(value.number, text);
  }

  [[nodiscard]] bool take_number_label(std::optional<double> number, std::string_view text) {
    if (!plan_.classes.empty() && !text.empty()) {
      const auto found = plan_.classes.find(class_of_label(text, info_.decimal));
      if (found == plan_.classes.end()) changed();
      label_ = found->second;
      return true;
    }
    if (!number || std::isnan(*number)) {
      if (options_.missing != MissingValues::drop_row) changed();
      return false;
    }
    if (!is_label(*number)) changed();
    label_ = static_cast<std::int32_t>(*number);
    if (plan_.signs) label_ = label_ > 0 ? 1 : 0;
    return true;
  }

  const ImportOptions& options_;
  const TableInfo& info_;
  const ImportPlan& plan_;
  const FieldReader& reader_;
  const TableRow* row_ = nullptr;
  std::vector<double> values_;
  std::vector<std::uint32_t> columns_;
  std::vector<std::uint32_t> places_;  // of a sparse table, some columns of which are left out: where each goes
  std::int32_t label_ = 0;
  bool missing_ = false;
};

/// Rows on their way to the file, a few megabytes at a time.
template <typename Value>
class RowBlocks {
 public:
  RowBlocks(const AtomicFile& output, const DatasetInfo& info) : info_(info), writer_(output, info) {}

  void add(const PlannedRows& row, bool sparse_rows) {
    if (info_.sparse)
      add_sparse(row, sparse_rows);
    else
      add_dense(row, sparse_rows);
    if (info_.has_labels) labels_.push_back(row.label());
    if (info_.has_weights) weights_.push_back(row.weight());
    if (info_.has_row_names) names_.push_back(row.name());
    ++count_;
    ++rows_;
    constexpr std::size_t block_bytes = 4U << 20U;
    if ((samples_.size() + labels_.size() + names_.size() * 16) * sizeof(Value) >= block_bytes) flush();
  }

  std::uint64_t finish() {
    flush();
    writer_.finish();
    return rows_;
  }
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }

 private:
  void add_dense(const PlannedRows& row, bool sparse_rows) {
    const std::vector<double>& values = row.values();
    const std::size_t begin = samples_.size();
    samples_.resize(begin + info_.columns);
    if (sparse_rows) {
      for (std::size_t i = 0; i < values.size(); ++i)
        samples_[begin + row.columns()[i]] = static_cast<Value>(values[i]);
    } else {
      std::ranges::transform(values, samples_.begin() + static_cast<std::ptrdiff_t>(begin),
                             [](double value) { return static_cast<Value>(value); });
    }
  }

  void add_sparse(const PlannedRows& row, bool sparse_rows) {
    const std::vector<double>& values = row.values();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = static_cast<Value>(values[i]);
      if (value == Value{0}) continue;
      samples_.push_back(value);
      columns_.push_back(static_cast<std::int32_t>(sparse_rows ? row.columns()[i] : i));
    }
    ends_.push_back(samples_.size());
  }

  void flush() {
    writer_.append({.count = count_,
                    .samples = samples_.data(),
                    .ends = ends_,
                    .columns = columns_.data(),
                    .labels = labels_.data(),
                    .weights = weights_.data(),
                    .names = names_});
    count_ = 0;
    samples_.clear();
    ends_.clear();
    columns_.clear();
    labels_.clear();
    weights_.clear();
    names_.clear();
  }

  const DatasetInfo& info_;
  DatasetWriter writer_;
  std::uint64_t rows_ = 0;
  std::uint64_t count_ = 0;  // since the last flush
  std::vector<Value> samples_;
  std::vector<std::uint64_t> ends_;
  std::vector<std::int32_t> columns_;
  std::vector<std::int32_t> labels_;
  std::vector<float> weights_;
  std::vector<std::string> names_;
};

template <typename Value>
std::uint64_t write_as(const ImportOptions& options, Table& table, const ImportPlan& plan, const FieldReader& reader,
                       const std::function<void()>& check_version, const AtomicFile& output) {
  constexpr std::uint64_t rows_between_looks = 1024;
  const TableInfo info = table.info();
  PlannedRows planned(options, info, plan, reader);
  RowBlocks<Value> blocks(output, plan.info);
  std::uint64_t read = 0;
  table.read([&](const TableRow& row) {
    if (read++ % rows_between_looks == 0) throw_if_stopped("importing a table");
    if (planned.take(row)) blocks.add(planned, info.sparse);
  });
  if (read != plan.info.rows) planned.changed();
  check_version();
  if (blocks.rows() == 0) refuse_import(options.file, "each of its rows has a missing value, so none is left");
  return blocks.finish();
}

}  // namespace

std::uint64_t write_rows(const ImportOptions& options, Table& table, const ImportPlan& plan, const FieldReader& reader,
                         const std::function<void()>& check_version, const AtomicFile& output) {
  switch (plan.info.type) {
    case ElementType::uint8:
      return write_as<std::uint8_t>(options, table, plan, reader, check_version, output);
    case ElementType::float32:
      return write_as<float>(options, table, plan, reader, check_version, output);
    default:
      return write_as<double>(options, table, plan, reader, check_version, output);
  }
}

}  // namespace rbmpi

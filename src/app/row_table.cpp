#include "app/row_table.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/storage/atomic_file.hpp"

namespace rbmpi {

namespace fs = std::filesystem;

namespace {

/// Rows that are written at a time.
constexpr std::size_t table_rows_at_once = 4096;

/// The names of the columns of figures, with the places of their values in what figures_of() gives.
struct FigureColumns {
  std::vector<std::string_view> names = {"free_energy"};
  std::vector<std::size_t> places = {0};
};

FigureColumns columns_of(const RowTable& table) {
  FigureColumns columns;
  const auto add = [&](std::string_view name, std::size_t place) {
    columns.names.push_back(name);
    columns.places.push_back(place);
  };
  if (table.pseudo_likelihood) add("pseudo_log_likelihood", 1);
  if (table.log_z != nullptr) add("log_likelihood", 2);
  return columns;
}

/// What log Z is and how it was found, which holds for all rows.
std::vector<std::pair<std::string, double>> log_z_figures(const RowTable& table) {
  if (table.log_z == nullptr) return {};
  if (!table.log_z->estimate) return {{"log_z_exact", table.log_z->log_z}};
  return {{"log_z_ais", table.log_z->log_z}, {"log_z_ais_error", table.log_z->standard_error()}};
}

std::array<double, 3> figures_of(const RowTable& table, std::size_t row) {
  const RowScores& scores = table.rows[row];
  const double log_z = table.log_z == nullptr ? 0 : table.log_z->log_z;
  return {scores.free_energy, scores.full_pseudo_likelihood, -scores.free_energy - log_z};
}

/// Numbers have the fewest digits that give the same bits again.
void write_csv(const fs::path& path, const RowTable& table) {
  const FigureColumns columns = columns_of(table);
  const std::vector<std::pair<std::string, double>> log_z = log_z_figures(table);
  AtomicFile file(path);
  fmt::memory_buffer text;
  const bool named = table.names != nullptr && table.names->there();
  fmt::format_to(std::back_inserter(text), "{}row{},{}", named ? "name," : "", table.labels == nullptr ? "" : ",label",
                 fmt::join(columns.names, ","));
  std::string same;  // in all rows
  for (const auto& [name, value] : log_z) {
    fmt::format_to(std::back_inserter(text), ",{}", name);
    same += fmt::format(",{}", value);
  }
  text.push_back('\n');
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    if (named) fmt::format_to(std::back_inserter(text), "{},", csv_field(table.names->of(row, 1).front()));
    fmt::format_to(std::back_inserter(text), "{}", row);
    if (table.labels != nullptr) fmt::format_to(std::back_inserter(text), ",{}", table.labels[row]);
    const std::array<double, 3> figures = figures_of(table, row);
    for (const std::size_t place : columns.places) fmt::format_to(std::back_inserter(text), ",{}", figures[place]);
    fmt::format_to(std::back_inserter(text), "{}\n", same);
    if (row % table_rows_at_once != table_rows_at_once - 1) continue;
    file.write({text.data(), text.size()});
    text.clear();
  }
  file.write({text.data(), text.size()});
  file.commit();
}

void write_dataset(const fs::path& path, const RowTable& table) {
  const FigureColumns columns = columns_of(table);
  DatasetInfo info;
  info.type = ElementType::float64;
  info.rows = table.rows.size();
  info.columns = columns.names.size();
  info.scale = 1.0;
  info.kind = ValueKind::numbers;
  info.has_labels = table.labels != nullptr;
  info.source = table.source;
  info.class_names = table.class_names;
  info.row_name_bytes = table.names == nullptr ? 0 : table.names->longest();
  info.column_names.assign(columns.names.begin(), columns.names.end());
  info.figures = log_z_figures(table);
  DatasetWriter writer(path, info);
  std::vector<double> values;
  for (std::size_t first = 0; first < table.rows.size(); first += table_rows_at_once) {
    const std::size_t count = std::min(table_rows_at_once, table.rows.size() - first);
    values.clear();
    for (std::size_t row = first; row < first + count; ++row) {
      const std::array<double, 3> figures = figures_of(table, row);
      for (const std::size_t place : columns.places) values.push_back(figures[place]);
    }
    const std::vector<std::string> names =
        table.names == nullptr ? std::vector<std::string>() : table.names->of(first, count);
    writer.append({.count = count,
                   .samples = values.data(),
                   .labels = table.labels == nullptr ? nullptr : table.labels + first,
                   .names = names});
  }
  writer.finish();
}

}  // namespace

bool names_hdf5_table(const fs::path& file) {
  return file.extension() == ".h5" || file.extension() == ".hdf5";
}

bool names_row_table(const fs::path& file) {
  return file.extension() == ".csv" || names_hdf5_table(file);
}

void try_row_table(const fs::path& file) {
  static_cast<void>(AtomicFile(file));
}

void write_row_table(const fs::path& file, const RowTable& table) {
  names_hdf5_table(file) ? write_dataset(file, table) : write_csv(file, table);
}

}  // namespace rbmpi

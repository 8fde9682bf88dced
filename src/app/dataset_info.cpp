#include "app/dataset_info.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "app/terminal.hpp"
#include "rbmpi/data/dataset_summary.hpp"
#include "rbmpi/storage/file_version.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t most_names = 5;
constexpr std::size_t most_classes_for_people = 20;
constexpr std::size_t most_classes_in_json = 1000;

/// A dataset file, and what was read of it.
struct SeenDataset {
  const DatasetInfo& info;
  DatasetSummary summary;
  std::vector<std::string> row_names;  ///< the first few, if there are any
  std::vector<Finding> findings;
};

/// What the values look like: a name for JSON, and words for people.
struct SeenValues {
  const char* name;
  std::string words;
};
SeenValues seen_values(const SeenDataset& seen) {
  const DataLook& look = seen.summary.look;
  if (seen.info.kind == ValueKind::colours) return {"colours", fmt::format("{} colours", seen.info.colours.count)};
  if (look.two_valued() && look.largest() == 1) return {"zeros-and-ones", "zeros and ones"};
  if (look.two_valued()) return {"two-valued", fmt::format("0 and {}", look.largest())};
  if (!look.whole()) return {"real", "real numbers"};
  const bool grey = seen.info.kind == ValueKind::amounts && look.smallest() >= 0 &&
                    seen.info.scale == std::floor(seen.info.scale) && seen.info.scale >= 2;
  return {"whole", grey ? fmt::format("grey values in {} steps", seen.info.scale + 1) : std::string("whole numbers")};
}

/// The first few, "a, b, ..."
template <typename Text>
std::string first_few(std::size_t count, const Text& text) {
  std::string list;
  for (std::size_t i = 0; i < std::min(count, most_names); ++i) list += (i > 0 ? ", " : "") + text(i);
  return count > most_names ? list + ", ..." : list;
}

std::string name_of_column(std::uint64_t column, const DatasetInfo& info) {
  return column < info.column_names.size() ? fmt::format("'{}'", info.column_names[column])
                                           : fmt::format("{}", column + 1);
}

/// Whether rows count differently.
bool weighted(const SeenDataset& seen) {
  return seen.summary.weights && seen.summary.weights->differ();
}

/// Over all rows as they count, in parts of what means 1.0.
double column_mean(const SeenDataset& seen, std::size_t column) {
  if (weighted(seen)) return seen.summary.weighted_means[column];
  return seen.summary.look.columns()[column].sum / static_cast<double>(seen.info.rows) / seen.info.scale;
}
double weighted_mean(const SeenDataset& seen) {
  const std::vector<double>& means = seen.summary.weighted_means;
  return std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(means.size());
}

/// The mean of all rows as a picture, made smaller by whole cells until it fits 32 lines of 32 cells: means of the
/// cells [height][width]; empty if the rows are no pictures.
std::vector<std::vector<double>> mean_picture(const SeenDataset& seen) {
  constexpr std::uint64_t most_cells = 32;
  const DatasetInfo& info = seen.info;
  if (info.picture.empty() || info.kind == ValueKind::numbers) return {};
  const std::uint64_t height = info.picture[0];
  const std::uint64_t width = info.picture[1];
  const std::uint64_t cell = (std::max(height, width) + most_cells - 1) / most_cells;
  const auto cells = [&](std::uint64_t points) { return (points + cell - 1) / cell; };
  std::vector<std::vector<double>> means(cells(height), std::vector<double>(cells(width)));
  for (std::uint64_t y = 0; y < height; ++y) {
    for (std::uint64_t x = 0; x < width; ++x) {
      const std::uint64_t points = std::min(cell, height - y / cell * cell) * std::min(cell, width - x / cell * cell);
      means[y / cell][x / cell] += column_mean(seen, y * width + x) / static_cast<double>(points);
    }
  }
  return means;
}

Json json_of_labels(const SeenDataset& seen) {
  const LabelLook& labels = seen.summary.look.labels();
  if (labels.rows() == 0) return nullptr;
  const auto& classes = labels.classes();
  Json counts = Json::array();
  for (std::size_t i = 0; i < std::min(classes.size(), most_classes_in_json); ++i) {
    const auto& [label, rows] = classes[i];
    const bool named = label >= 0 && static_cast<std::size_t>(label) < seen.info.class_names.size();
    counts.push_back({{"label", label},
                      {"name", named ? Json(seen.info.class_names[static_cast<std::size_t>(label)]) : Json()},
                      {"rows", rows}});
  }
  return {{"count", labels.rows()},
          {"classes", classes.size()},
          {"minimum", classes.front().first},
          {"maximum", classes.back().first},
          {"sorted_by_class", labels.sorted_by_class()},
          {"counts", counts}};
}

Json json_of_weights(const SeenDataset& seen) {
  const std::optional<RowWeights>& weights = seen.summary.weights;
  if (!weights) return nullptr;
  const bool colours = seen.info.kind == ValueKind::colours;
  return {{"sum", weights->sum},
          {"minimum", weights->smallest},
          {"maximum", weights->largest},
          {"effective_rows", weights->effective_rows()},
          {"weighted_mean", seen.summary.weighted_means.empty() || colours ? Json() : Json(weighted_mean(seen))}};
}

Json to_json(const SeenDataset& seen) {
  const DatasetInfo& info = seen.info;
  const DataLook& look = seen.summary.look;
  const std::vector<std::uint64_t> constant = look.constant_columns();
  const auto few = [](const auto& all) {
    return Json(std::vector(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), most_names))));
  };
  Json found = Json::array();
  for (const Finding& finding : seen.findings) {
    constexpr const char* severities[] = {"error", "note", "information"};
    found.push_back({{"kind", name_of(finding.kind)},
                     {"severity", severities[static_cast<std::size_t>(finding.severity)]},
                     {"text", finding.text}});
  }
  const std::vector<std::vector<double>> picture = mean_picture(seen);
  const bool colours = info.kind == ValueKind::colours;  // which have no mean, as none is more than another
  return {{"format", "rbmpi-dataset"},
          {"rows", info.rows},
          {"columns", info.columns},
          {"type", element_name(info.type)},
          {"scale", colours ? Json() : Json(info.scale)},
          {"scale_said", !colours && info.scale_said},
          {"colours", colours ? Json(info.colours.count) : Json()},
          {"alphabet", info.colours.alphabet},
          {"unbounded", info.kind == ValueKind::numbers},
          {"kind", seen_values(seen).name},
          {"minimum", look.smallest()},
          {"maximum", look.largest()},
          {"mean", colours ? Json() : Json(look.mean() / info.scale)},
          {"zeros", look.zeros()},
          {"sparse", info.sparse},
          {"stored_values", info.sparse ? info.nonzeros : info.rows * info.columns},
          {"constant_columns", {{"count", constant.size()}, {"first", few(constant)}}},
          {"constant_rows", look.constant_rows()},
          {"duplicate_rows", look.counts_duplicates() ? Json(look.duplicate_rows()) : Json()},
          {"picture", info.picture.empty() ? Json() : Json(info.picture)},
          {"mean_picture", picture.empty() ? Json() : Json(picture)},
          {"labels", json_of_labels(seen)},
          {"weights", json_of_weights(seen)},
          {"row_names", few(seen.row_names)},
          {"column_names", few(info.column_names)},
          {"source", info.source},
          {"digest", seen.summary.digest},
          {"findings", found}};
}

/// Of sequences, and of other states of which none is more than another.
void print_colours(const SeenDataset& seen) {
  const auto& [count, alphabet] = seen.info.colours;
  print("  type     {} of {}, a byte each\n", alphabet.empty() ? "colours" : "letters",
        alphabet.empty() ? fmt::format("{}", count) : alphabet);
  const bool gaps = alphabet.starts_with('-');
  print("  {}     {:.2f} %\n", gaps ? "gaps" : fmt::format("'{}' ", alphabet.empty() ? '0' : alphabet[0]),
        100.0 * seen.summary.look.zeros());
}

void print_numbers(const SeenDataset& seen) {
  const DatasetInfo& info = seen.info;
  const DataLook& look = seen.summary.look;
  const bool any = info.kind == ValueKind::numbers;
  print("  type     {}, {}\n", element_name(info.type),
        any               ? "any numbers: to look at, not to train on"
        : info.scale_said ? fmt::format("{} means 1.0", info.scale)
                          : fmt::format("{} means 1.0, as nothing else is said", info.scale));
  print("  stored   {}\n", info.sparse ? fmt::format("sparse, {} values", info.nonzeros) : std::string("dense"));
  print("  range    {} to {}: {}\n", look.smallest(), look.largest(), seen_values(seen).words);
  const std::string of_weighted = weighted(seen) ? fmt::format("{:.6g} weighted, ", weighted_mean(seen)) : "";
  print("  mean     {}{:.6g}{}{}\n", of_weighted, look.mean() / info.scale,
        weighted(seen) ? " of rows that count alike" : "", any ? "" : " (1.0 is full)");
  print("  zeros    {:.2f} %, so {:.2f} % are not 0\n", 100.0 * look.zeros(), 100.0 * (1.0 - look.zeros()));
}

void print_repetitions(const SeenDataset& seen) {
  const DatasetInfo& info = seen.info;
  const DataLook& look = seen.summary.look;
  const std::vector<std::uint64_t> constant = look.constant_columns();
  print("  constant {}{}, {}\n", plural(constant.size(), "column"),
        constant.empty()
            ? ""
            : fmt::format(" ({}{})",
                          first_few(constant.size(), [&](std::size_t i) { return name_of_column(constant[i], info); }),
                          info.column_names.empty() ? "; counted from 1" : ""),
        plural(look.constant_rows(), "row"));
  print("  repeated {}\n", look.counts_duplicates() ? plural(look.duplicate_rows(), "row") + " like one before"
                                                    : std::string("rows are not counted: there are too many"));
}

void print_labels(const SeenDataset& seen) {
  const LabelLook& labels = seen.summary.look.labels();
  if (labels.rows() == 0) return print("  labels   none\n");
  const auto& classes = labels.classes();
  print("  labels   {} different, {} to {}, {}\n", classes.size(), classes.front().first, classes.back().first,
        labels.sorted_by_class() ? "rows sorted by class" : "rows not sorted by class");
  for (std::size_t i = 0; i < std::min(classes.size(), most_classes_for_people); ++i) {
    print("  {:>9} rows ({:.2f} %) of class {}\n", classes[i].second,
          100.0 * static_cast<double>(classes[i].second) / static_cast<double>(labels.rows()),
          class_text(classes[i].first, seen.info.class_names));
  }
  if (classes.size() > most_classes_for_people) print("        ...\n");
}

void print_names(const SeenDataset& seen) {
  const DatasetInfo& info = seen.info;
  if (info.has_row_names) {
    print("  rows     are called {}\n", first_few(info.rows, [&](std::size_t i) {
            return i < seen.row_names.size() ? fmt::format("'{}'", seen.row_names[i]) : std::string();
          }));
  }
  if (!info.column_names.empty()) {
    print("  columns  are called {}\n",
          first_few(info.columns, [&](std::size_t i) { return name_of_column(i, info); }));
  }
}

/// Two characters for each cell, which are about as wide as a line is high.
void print_picture(const SeenDataset& seen) {
  constexpr std::string_view shades = " .:-=+*#%@";
  const std::vector<std::vector<double>> picture = mean_picture(seen);
  double largest = 0;
  for (const std::vector<double>& line : picture) largest = std::max(largest, *std::ranges::max_element(line));
  if (largest == 0) return;
  print("  mean of all rows{}, {} is {:.4g}:\n", weighted(seen) ? " by their weights" : "", shades.back(), largest);
  for (const std::vector<double>& line : picture) {
    std::string text;
    for (const double value : line) {
      const double shade = value / largest * static_cast<double>(shades.size());
      text.append(2, shades[std::min(static_cast<std::size_t>(shade), shades.size() - 1)]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    print("    {}\n", text);
  }
}

void print_for_people(const fs::path& path, const SeenDataset& seen) {
  const DatasetInfo& info = seen.info;
  print("{}: a dataset\n", path.string());
  print("  rows     {}\n", info.rows);
  print("  columns  {}{}\n", info.columns,
        info.picture.empty() ? "" : fmt::format(" (pictures of {})", fmt::join(info.picture, "x")));
  if (info.kind == ValueKind::colours)
    print_colours(seen);
  else
    print_numbers(seen);
  print_repetitions(seen);
  print_labels(seen);
  if (const std::optional<RowWeights>& weights = seen.summary.weights) {
    print("  weights  {:.6g} in all, {:.6g} to {:.6g}: as good as {:.6g} rows of equal weight\n", weights->sum,
          weights->smallest, weights->largest, weights->effective_rows());
  }
  print_names(seen);
  if (!info.source.empty()) print("  source   {}\n", info.source);
  print("  digest   {}\n", seen.summary.digest);
  print_picture(seen);
  for (const Finding& finding : seen.findings) {
    print("  {:<8} {}\n", finding.severity == Severity::error ? "refused" : "note", finding.text);
  }
}

}  // namespace

void print_dataset_info(const fs::path& path, bool json, bool digest_only, std::optional<double> scale) {
  const FileVersion version(path);
  const DatasetReader reader(path, Values::any, scale);
  const DatasetInfo& info = reader.info();
  SeenDataset seen{.info = info, .summary = summarise(reader), .row_names = {}, .findings = {}};
  if (info.has_row_names) seen.row_names = reader.read_row_names(0, std::min<std::uint64_t>(info.rows, most_names));
  version.throw_if_changed();
  if (digest_only) return print("{}\n", seen.summary.digest);
  seen.findings = findings(seen.summary.look, info, path);
  if (json) return print_text(json_text(to_json(seen)) + '\n');
  print_for_people(path, seen);
}

}  // namespace rbmpi

#include "app/report_data.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "app/imported_data.hpp"
#include "app/options.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/evaluate/stack_features.hpp"
#include "rbmpi/report/html.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

/// Reads those of a key, `data` or `validation`, and checks that they have as many columns as the model has visible
/// units.
FoundData read(const ReportSettings& settings, const RunSummary& run, const char* key, const RowSelection& selection,
               std::size_t visible, const char* units, std::string name) {
  FoundData found{.rows = {}, .name = std::move(name), .problem = {}};
  const fs::path path = settings.data.empty() ? dataset_in_use(key, run.value(key), run.folder) : settings.data;
  or_problem(settings, found, [&] {
    now_doing("reading the data");
    DataRows rows = read_rows(path, settings.rows, selection);
    if (rows.columns != visible) {
      throw Error(Failure::file, fmt::format("'{}' has {} columns, but the model has {} {}", path.string(),
                                             rows.columns, visible, units));
    }
    found.rows = std::move(rows);
  });
  return found;
}

/// The key `rows`: 0 for all.
std::uint64_t rows_in_use(const RunSummary& run) {
  constexpr double most = 0x1p48;
  const std::optional<double> rows = parse_number(run.value("rows"));
  return rows && *rows >= 1 && *rows < most ? static_cast<std::uint64_t>(*rows) : 0;
}

/// What means 1.0 in the data: as this command says, else as the run was told.
std::optional<double> scale_of(const ReportSettings& settings, const RunSummary& run) {
  return settings.train.scale ? settings.train.scale : parse_number(run.value("scale"));
}

/// The key `seed`.
std::uint64_t seed_of(const RunSummary& run) {
  std::uint64_t seed = 0;
  const std::string text = run.value("seed");
  std::from_chars(text.data(), text.data() + text.size(), seed);
  return seed;
}

}  // namespace

std::string FoundData::note() const {
  if (problem.empty()) return {};
  return "<p class=\"note\">" + escape("The data could not be used, so what needs them is left out: " + problem) +
         "</p>\n";
}

void or_problem(const ReportSettings& settings, FoundData& data, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    // A page without the data is better than none, unless the user named them.
    if (!settings.data.empty() || error.failure() == Failure::interrupted) throw;
    data.problem = error.what();
  }
}

FoundData find_training_rows(const ReportSettings& settings, const RunSummary& run) {
  if (!run.model) return {};
  const std::vector<Rbm>& layers = run.model->model.layers;
  const std::size_t labels = layers.size() == 1 ? run.model->model.classes.size() : 0;
  return read(settings, run, "data", {.in_use = rows_in_use(run), .scale = scale_of(settings, run)},
              layers.front().shape().visible - labels, "visible units", "row");
}

FoundData find_net_rows(const ReportSettings& settings, const RunSummary& run) {
  if (!run.model) return {};
  const std::size_t inputs = run.model->model.net->shape().inputs();
  const std::string validation = run.value("validation");
  if (validation.empty() || validation == "none") {
    return read(settings, run, "data", {.in_use = rows_in_use(run), .scale = scale_of(settings, run)}, inputs, "inputs",
                "training row");
  }
  const std::optional<double> share = parse_number(validation);
  if (!share)
    return read(settings, run, "validation", {.scale = scale_of(settings, run)}, inputs, "inputs", "validation row");
  RowSelection held_out{.in_use = rows_in_use(run), .held_out = *share, .validation_rows = true};
  held_out.scale = scale_of(settings, run);
  if (run.value("validation-rows") == "sample") held_out.drawn_with = seed_of(run);
  return read(settings, run, "data", held_out, inputs, "inputs", "validation row");
}

DataRows features_of(std::span<const Rbm> layers, const std::vector<std::int32_t>& classes, DataRows data) {
  if (layers.empty() && classes.empty()) return data;
  if (!classes.empty() && data.labels.empty()) {
    throw Error(Failure::file, "the layer has units for labels, but the data have none");
  }
  for (std::size_t row = 0; !classes.empty() && row < data.rows; ++row) {
    if (std::ranges::binary_search(classes, data.labels[row])) continue;
    throw Error(Failure::file, fmt::format("row {} of the data has the label {}, for which the model has no unit",
                                           data.numbers[row], data.labels[row]));
  }
  std::vector<RbmView<const Real>> views;
  for (const Rbm& layer : layers) views.push_back(layer.view());
  const std::size_t columns = (layers.empty() ? data.columns : layers.back().shape().hidden) + classes.size();
  AlignedBuffer<Real> values(data.rows * columns);
  const StackFeatures features(std::move(views), data.samples(), classes);
  RowBlocks(features, data.rows)
      .next(0, data.rows)
      .read({0, data.rows}, unrounded, {values.data(), data.rows, columns});
  data.values = std::move(values);
  data.columns = columns;
  if (!layers.empty()) data.picture.clear();
  return data;
}

DataRows spread_rows(const DataRows& data, std::size_t count) {
  count = std::min(count, data.rows);
  DataRows some{.rows = count,
                .columns = data.columns,
                .values = AlignedBuffer<Real>(count * data.columns),
                .labels = {},
                .numbers = {},
                .rows_in_use = data.rows_in_use,
                .picture = data.picture};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t row = i * data.rows / count;
    std::copy_n(data.view().row(row), data.columns, some.values.data() + i * data.columns);
    some.numbers.push_back(data.numbers[row]);
    if (!data.labels.empty()) some.labels.push_back(data.labels[row]);
  }
  return some;
}

std::string page_title(const RunSummary& run) {
  const fs::path name = fs::absolute(run.folder).lexically_normal();
  return "Run " + (name.has_filename() ? name : name.parent_path()).filename().string();
}

AlignedBuffer<Real> columns_of(ConstMatrixView rows, std::size_t columns) {
  AlignedBuffer<Real> some(rows.rows * columns);
  for (std::size_t i = 0; i < rows.rows; ++i) std::copy_n(rows.row(i), columns, some.data() + i * columns);
  return some;
}

std::vector<std::uint64_t> picture_to_show(const RunSummary& run, const FoundData& data, std::size_t columns) {
  const auto text = run.provenance.find("dataset_picture");
  std::vector<std::uint64_t> picture;
  if (data.rows) {
    picture = data.rows->picture;
  } else if (text != run.provenance.end()) {
    picture = parse_picture(text->second);
  }
  const bool fits = picture.size() == 2 && picture[0] * picture[1] == columns;
  return fits ? picture : std::vector<std::uint64_t>();
}

}  // namespace rbmpi

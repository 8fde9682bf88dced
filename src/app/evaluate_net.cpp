#include "app/evaluate_net.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/loaded_net.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/evaluate/net_scores.hpp"
#include "rbmpi/evaluate/row_mean.hpp"

namespace rbmpi {
namespace {

using Json = nlohmann::ordered_json;

/// What a classifier makes of the rows of one class.
struct ClassFigures {
  std::uint64_t rows = 0;       ///< of this class
  std::uint64_t predicted = 0;  ///< that are taken for it
  std::uint64_t right = 0;      ///< both

  /// Nothing without such rows.
  [[nodiscard]] std::optional<double> precision() const { return share_of(predicted); }
  [[nodiscard]] std::optional<double> recall() const { return share_of(rows); }

 private:
  [[nodiscard]] std::optional<double> share_of(std::uint64_t all) const {
    if (all == 0) return std::nullopt;
    return static_cast<double>(right) / static_cast<double>(all);
  }
};

std::vector<ClassFigures> class_figures(const NetScores& scores, std::size_t classes) {
  std::vector<ClassFigures> figures(classes);
  for (std::size_t truth = 0; truth < classes; ++truth) {
    for (std::size_t predicted = 0; predicted < classes; ++predicted) {
      const std::uint64_t count = scores.confusion[truth * classes + predicted];
      figures[truth].rows += count;
      figures[predicted].predicted += count;
      if (truth == predicted) figures[truth].right = count;
    }
  }
  return figures;
}

std::string percent(std::optional<double> share) {
  return share ? fmt::format("{:.2f} %", *share * 100) : "-";
}

std::string error_text(const RowMean& mean) {
  return mean.standard_error ? fmt::format("+- {:.2g}", *mean.standard_error) : "-";  // of a single row nobody knows
}

void print_classes(const LoadedNet& model, const NetScores& scores) {
  const std::size_t count = model.classes.size();
  print("\n  {:>8} {:>10} {:>10} {:>10} {:>10}\n", "class", "rows", "predicted", "precision", "recall");
  const std::vector<ClassFigures> figures = class_figures(scores, count);
  for (std::size_t k = 0; k < count; ++k) {
    print("  {:>8} {:>10} {:>10} {:>10} {:>10}\n", model.classes[k], figures[k].rows, figures[k].predicted,
          percent(figures[k].precision()), percent(figures[k].recall()));
  }
  constexpr std::size_t most_columns = 20;
  if (count > most_columns) return;  // --json has them
  const std::size_t width = std::max<std::size_t>(fmt::formatted_size("{}", std::ranges::max(scores.confusion)), 5) + 1;
  std::string text =
      fmt::format("\n  confusion matrix: rows of a class (down), as which class they are seen (across)\n  {:>8}", "");
  for (const std::int32_t name : model.classes) text += fmt::format("{:>{}}", name, width);
  for (std::size_t truth = 0; truth < count; ++truth) {
    text += fmt::format("\n  {:>8}", model.classes[truth]);
    for (std::size_t k = 0; k < count; ++k) text += fmt::format("{:>{}}", scores.confusion[truth * count + k], width);
  }
  print_text(text + '\n');
}

void print_scores(const NetEvaluation& settings, const LoadedNet& model, const NodeSamples& data,
                  const NetScores& scores) {
  print("  model       {}: {}\n", model.named.file.string(), to_text(model.net.shape()));
  print("  data        {}: {} x {}\n", settings.data.string(), plural(scores.rows, "row"), data.samples().columns);
  if (!model.is_classifier()) {
    print("  {:<22}{:>12.6g}  {:<10} a row, summed over its values\n", "squared error", scores.squared_error.mean,
          error_text(scores.squared_error));
    print("  {:<22}{:>12.6g}  {:<10} nats a row\n", "cross-entropy", scores.cross_entropy.mean,
          error_text(scores.cross_entropy));
    return;
  }
  print("  {:<22}{:>12}  {:<10} {} of {}\n", "error", percent(scores.error()), "", scores.errors,
        plural(scores.rows, "row"));
  print("  {:<22}{:>12.6g}  {:<10} nats a row\n", "cross-entropy", scores.cross_entropy.mean,
        error_text(scores.cross_entropy));
  print_classes(model, scores);
}

Json number_or_null(std::optional<double> number) {
  return number ? Json(*number) : Json();
}

Json to_json(const RowMean& score) {
  return {{"mean", score.mean}, {"standard_error", number_or_null(score.standard_error)}};
}

Json to_json(const NetEvaluation& settings, const LoadedNet& model, const NodeSamples& data, const NetScores& scores) {
  Json json = {{"model", model.named.file.string()},
               {"units", model.net.shape().units},
               {"model_digest", net_digest(model.net)},
               {"steps", model.named.progress ? Json(model.named.progress->steps) : Json()},
               {"data", settings.data.string()},
               {"data_digest", data.digest()},
               {"rows", scores.rows}};
  if (!model.is_classifier()) {
    json["squared_error"] = to_json(scores.squared_error);
    json["cross_entropy"] = to_json(scores.cross_entropy);
    return json;
  }
  json["errors"] = scores.errors;
  json["error"] = scores.error();
  json["cross_entropy"] = to_json(scores.cross_entropy);
  const std::size_t count = model.classes.size();
  const std::vector<ClassFigures> figures = class_figures(scores, count);
  for (std::size_t k = 0; k < count; ++k) {
    json["classes"].push_back({{"class", model.classes[k]},
                               {"rows", figures[k].rows},
                               {"predicted", figures[k].predicted},
                               {"precision", number_or_null(figures[k].precision())},
                               {"recall", number_or_null(figures[k].recall())}});
    const auto row = scores.confusion.begin() + static_cast<std::ptrdiff_t>(k * count);
    json["confusion"].push_back(std::vector(row, row + static_cast<std::ptrdiff_t>(count)));
  }
  return json;
}

}  // namespace

void evaluate_net(NamedModel named, const NetEvaluation& settings, const Layout& layout, const Communicator& world) {
  const LoadedNet model = loaded_net(std::move(named), world);
  NodeSamples data = load_rows(settings.data, settings.rows, settings.model, model.net.shape(), layout, world);
  Arena memory;
  std::optional<NetScoring> scoring;
  world.agree([&] {
    if (model.is_classifier())
      check_labels(data.samples(), model.classes, fmt::format("data in '{}'", settings.data.string()));
    scoring.emplace(model.net.shape(), memory);
  });
  const NetScores scores = scoring->score(model.net.parameters(), model.classes, data.samples(), world);
  world.agree_on_root([&] {
    if (settings.json) {
      print_text(json_text(to_json(settings, model, data, scores)) + '\n');
    } else {
      print_scores(settings, model, data, scores);
    }
  });
}

}  // namespace rbmpi

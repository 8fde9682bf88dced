#include "app/evaluate_net.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/loaded_net.hpp"
#include "app/score_text.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/evaluate/net_scores.hpp"
#include "rbmpi/evaluate/row_mean.hpp"

namespace rbmpi {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(std::optional<double> share) {
  return share ? fmt::format("{:.2f} %", *share * 100) : "-";
}

void print_classes(const LoadedNet& model, const NetScores& scores) {
  const std::size_t count = model.classes.size();
  print("\n  {:>8} {:>10} {:>10} {:>10} {:>10}\n", "class", "rows", "predicted", "precision", "recall");
  const ConfusionMatrix& confusion = scores.confusion;
  for (std::size_t k = 0; k < count; ++k) {
    print("  {:>8} {:>10} {:>10} {:>10} {:>10}\n", model.classes[k], confusion.rows_of(k), confusion.predicted_as(k),
          percent(confusion.precision(k)), percent(confusion.recall(k)));
  }
  constexpr std::size_t most_columns = 20;
  if (count > most_columns) return;  // --json has them
  const std::size_t width = std::max<std::size_t>(fmt::formatted_size("{}", std::ranges::max(confusion.counts)), 5) + 1;
  std::string text =
      fmt::format("\n  confusion matrix: rows of a class (down), as which class they are seen (across)\n  {:>8}", "");
  for (const std::int32_t name : model.classes) text += fmt::format("{:>{}}", name, width);
  for (std::size_t truth = 0; truth < count; ++truth) {
    text += fmt::format("\n  {:>8}", model.classes[truth]);
    for (std::size_t k = 0; k < count; ++k) text += fmt::format("{:>{}}", confusion.at(truth, k), width);
  }
  print_text(text + '\n');
}

void print_scores(const NetEvaluation& settings, const LoadedNet& model, const NodeSamples& data,
                  const NetScores& scores) {
  print("  model       {}: {}\n", model.named.file.string(), to_text(model.net.shape()));
  print("  data        {}: {} x {}\n", settings.data.string(), plural(scores.rows, "row"), data.rows().columns);
  if (!model.is_classifier()) {
    print("  {:<22}{:>12.6g}  {:<10} a row, summed over its values\n", "squared error", scores.squared_error.mean,
          error_text(scores.squared_error.standard_error));
    print("  {:<22}{:>12.6g}  {:<10} nats a row\n", "cross-entropy", scores.cross_entropy.mean,
          error_text(scores.cross_entropy.standard_error));
    return;
  }
  print("  {:<22}{:>12}  {:<10} {} of {}\n", "error", percent(scores.error()), "", scores.errors,
        plural(scores.rows, "row"));
  print("  {:<22}{:>12.6g}  {:<10} nats a row\n", "cross-entropy", scores.cross_entropy.mean,
        error_text(scores.cross_entropy.standard_error));
  print_classes(model, scores);
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
  const ConfusionMatrix& confusion = scores.confusion;
  for (std::size_t k = 0; k < count; ++k) {
    json["classes"].push_back({{"class", model.classes[k]},
                               {"rows", confusion.rows_of(k)},
                               {"predicted", confusion.predicted_as(k)},
                               {"precision", number_or_null(confusion.precision(k))},
                               {"recall", number_or_null(confusion.recall(k))}});
    const auto row = confusion.counts.begin() + static_cast<std::ptrdiff_t>(k * count);
    json["confusion"].push_back(std::vector(row, row + static_cast<std::ptrdiff_t>(count)));
  }
  return json;
}

}  // namespace

void evaluate_net(NamedModel named, const NetEvaluation& settings, const Layout& layout, const Communicator& world) {
  const LoadedNet model = loaded_net(std::move(named), world);
  NodeSamples data =
      load_rows(settings.data, settings.rows, settings.model, model.net.shape(), layout, world, settings.scale);
  Arena memory;
  std::optional<NetScoring> scoring;
  world.agree([&] {
    if (model.is_classifier())
      check_labels(data.rows(), model.classes, fmt::format("data in '{}'", settings.data.string()));
    scoring.emplace(model.net.shape(), memory);
  });
  const NetScores scores = scoring->score(model.net.parameters(), model.classes, data.rows(), world);
  world.agree_on_root([&] {
    if (settings.json) {
      print_text(json_text(to_json(settings, model, data, scores)) + '\n');
    } else {
      print_scores(settings, model, data, scores);
    }
  });
}

}  // namespace rbmpi

#include "app/evaluate_net.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/data_findings.hpp"
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

void print_classes(const ConfusionMatrix& confusion) {
  const std::size_t count = confusion.classes.size();
  std::vector<std::string> names;
  std::size_t longest = 8;
  for (std::size_t k = 0; k < count; ++k) {
    names.push_back(printable(confusion.name(k)));
    longest = std::max(longest, names.back().size());
  }
  print("\n  {:>{}} {:>10} {:>10} {:>10} {:>10}\n", "class", longest, "rows", "predicted", "precision", "recall");
  for (std::size_t k = 0; k < count; ++k) {
    print("  {:>{}} {:>10} {:>10} {:>10} {:>10}\n", names[k], longest, confusion.rows_of(k), confusion.predicted_as(k),
          percent(confusion.precision(k)), percent(confusion.recall(k)));
  }
  constexpr std::size_t most_columns = 20;
  if (count > most_columns) return;  // --json has them
  std::size_t width = std::max<std::size_t>(fmt::formatted_size("{}", std::ranges::max(confusion.counts)), 5) + 1;
  if (!confusion.names.empty()) width = std::max(width, longest + 1);
  std::string text = fmt::format(
      "\n  confusion matrix: rows of a class (down), as which class they are seen (across)\n  {:>{}}", "", longest);
  for (const std::string& name : names) text += fmt::format("{:>{}}", name, width);
  for (std::size_t truth = 0; truth < count; ++truth) {
    text += fmt::format("\n  {:>{}}", names[truth], longest);
    for (std::size_t k = 0; k < count; ++k) text += fmt::format("{:>{}}", confusion.at(truth, k), width);
  }
  print_text(text + '\n');
}

void print_scores(const NetEvaluation& settings, const LoadedNet& model, const NodeSamples& data,
                  const NetScores& scores) {
  print("  model       {}: {}\n", model.named.file.string(), to_text(model.net.shape()));
  print("  data        {}: {} x {}\n", settings.data.string(), plural(scores.rows, "row"), data.rows().columns);
  if (const std::string note = note_on_unused_weights(data); !note.empty()) print("  note        {}\n", note);
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
  print_classes(scores.confusion);
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
    Json one = {{"class", model.classes[k]}};
    if (!confusion.names.empty()) one["name"] = confusion.name(k);
    one.update({{"rows", confusion.rows_of(k)},
                {"predicted", confusion.predicted_as(k)},
                {"precision", number_or_null(confusion.precision(k))},
                {"recall", number_or_null(confusion.recall(k))}});
    json["classes"].push_back(one);
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
  world.agree_on_root([&] { check_class_names(model, data.info().class_names, settings.data); });
  Arena memory;
  std::optional<NetScoring> scoring;
  world.agree([&] {
    if (model.is_classifier())
      check_labels(data.rows(), model.classes, fmt::format("data in '{}'", settings.data.string()));
    scoring.emplace(model.net.shape(), memory);
  });
  NetScores scores = scoring->score(model.net.parameters(), model.classes, data.rows(), world);
  world.agree_on_root([&] {
    scores.confusion.names = model.named.model.class_names;
    if (settings.json) {
      print_text(json_text(to_json(settings, model, data, scores)) + '\n');
    } else {
      print_scores(settings, model, data, scores);
    }
  });
}

}  // namespace rbmpi

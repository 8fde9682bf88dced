#include "app/label_classes.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/data/data_look.hpp"

namespace rbmpi {
namespace {

/// Labelled rows of one of the files.
class LabelledRows {
 public:
  /// They begin with row `first` of the file, or are rows from all over it; `learner`: what wants the labels.
  LabelledRows(const char* key, std::string file, std::optional<std::uint64_t> first, const Rows& rows,
               const char* learner)
      : key_(key), file_(std::move(file)), first_(first) {
    if (rows.labels == nullptr) {
      throw Error(Failure::file, fmt::format("{} = {}: it has no labels, which {} learns from; rbmpi import takes them "
                                             "from --label-column or --idx-labels",
                                             key_, file_, learner));
    }
    labels_ = {rows.labels, rows.rows};
  }

  [[nodiscard]] std::span<const std::int32_t> labels() const noexcept { return labels_; }
  [[noreturn]] void refuse(std::size_t row, const std::string& what) const {
    const std::string place = first_ ? fmt::format("row {} (counted from 0)", *first_ + row) : std::string("a row");
    throw Error(Failure::file,
                fmt::format("{} = {}: the label of {} is {}; {}", key_, file_, place, labels_[row], what));
  }

 private:
  const char* key_;
  std::string file_;
  std::optional<std::uint64_t> first_;
  std::span<const std::int32_t> labels_;
};

LabelLook labels_of(const Rows& rows) {
  LabelLook look;
  if (rows.labels != nullptr) look.add({rows.labels, rows.rows});
  return look;
}

bool sorted_by_class(const TrainingData& data) {
  LabelLook all = labels_of(data.training);
  all.merge(labels_of(data.validation));
  return all.sorted_by_class();
}

/// Why the last rows, which are held out, have other classes than those before them.
std::string why_of_last_rows(const TrainingData& data) {
  return sorted_by_class(data) ? ": the rows are sorted by class, and the last ones are held out; validation-rows = "
                                 "sample holds out rows from all over"
                               : "";
}

}  // namespace

std::string note_on_held_out_classes(const TrainSettings& settings, const TrainingData& data,
                                     const std::vector<std::string>& names) {
  const bool last_rows = parse_number(settings.validation) && settings.validation_rows == ValidationRows::tail;
  if (!last_rows || data.training.labels == nullptr) return {};
  const LabelLook training = labels_of(data.training);
  const LabelLook validation = labels_of(data.validation);
  std::vector<std::string> held_out;
  std::vector<std::string> untrained;
  for (const auto& [label, rows] : validation.classes()) {
    held_out.push_back(class_text(label, names));
    const bool known =
        std::ranges::binary_search(training.classes(), label, {}, [](const auto& one) { return one.first; });
    if (!known) untrained.push_back(held_out.back());
  }
  const auto listed = [](const std::vector<std::string>& classes) {
    constexpr std::size_t most = 10;
    const std::span shown = std::span(classes).first(std::min(classes.size(), most));
    return fmt::format("{} {}{}", classes.size() == 1 ? "class" : "classes", fmt::join(shown, ", "),
                       classes.size() > most ? ", ..." : "");
  };
  const std::string rest = untrained.empty() ? "" : fmt::format("; no row of {} is trained on", listed(untrained));
  const std::string help = "; validation-rows = sample holds out rows from all over";
  const std::string last =
      fmt::format("last {}, which validation = {} holds out", plural(data.validation.rows, "row"), settings.validation);
  if (sorted_by_class(data)) {
    return fmt::format("the rows are sorted by class, and the {}, are all of {}{}{}", last, listed(held_out), rest,
                       help);
  }
  return untrained.empty() ? "" : fmt::format("the {}, have classes of their own{}{}", last, rest, help);
}

std::vector<std::string> names_of_classes(const std::vector<std::int32_t>& classes,
                                          const std::vector<std::string>& names) {
  std::vector<std::string> found;
  if (names.empty()) return found;
  for (const std::int32_t label : classes) {
    const bool named = label >= 0 && static_cast<std::size_t>(label) < names.size();
    found.push_back(named ? names[static_cast<std::size_t>(label)] : fmt::format("{}", label));
  }
  return found;
}

void check_class_names(const TrainSettings& settings, const std::vector<std::string>& training,
                       const std::vector<std::string>& validation) {
  if (training.empty() || validation.empty()) return;
  const auto [here, there] = std::ranges::mismatch(training, validation);
  if (there == validation.end()) return;
  throw Error(
      Failure::file,
      fmt::format("validation = {}: the class of the label {} is '{}', but {} in '{}'; rbmpi import --map "
                  "NAME=NUMBER,... gives classes the same numbers in both",
                  settings.validation, there - validation.begin(), *there,
                  here == training.end() ? "there is none" : fmt::format("'{}'", *here), settings.data.string()));
}

namespace {

/// The classes of the rows that are trained on: 2 to `most_classes`.
std::set<std::int32_t> classes_of(const LabelledRows& training, const std::string& file, const char* learner) {
  std::set<std::int32_t> classes;
  for (std::size_t row = 0; row < training.labels().size(); ++row) {
    if (training.labels()[row] < 0) training.refuse(row, "labels must be 0 or more");
    classes.insert(training.labels()[row]);
    if (classes.size() <= most_classes) continue;
    throw Error(
        Failure::file,
        fmt::format("data = {}: its first {} rows have {} different labels; {} wants 2 to {}. Are they a column "
                    "of IDs? rbmpi import takes labels from the column that --label-column names",
                    file, row + 1, classes.size(), learner, most_classes));
  }
  if (classes.size() < 2) {
    throw Error(Failure::file, fmt::format("data = {}: its rows have {} different label{}; {} wants 2 to {}", file,
                                           classes.size(), classes.size() == 1 ? "" : "s", learner, most_classes));
  }
  return classes;
}

}  // namespace

std::vector<std::int32_t> find_classes(const TrainSettings& settings, const TrainingData& data) {
  const char* const learner =
      settings.command == TrainingCommand::finetune ? "a classifier" : "a layer with join-labels = on";
  const bool share = data.validation.rows > 0 && parse_number(settings.validation).has_value();
  const bool in_order = !share || settings.validation_rows == ValidationRows::tail;  // rows as they are in the file
  const auto from = [&](std::uint64_t row) { return in_order ? std::optional(row) : std::nullopt; };
  const LabelledRows training("data", settings.data.string(), from(0), data.training, learner);
  const std::set<std::int32_t> classes = classes_of(training, settings.data.string(), learner);
  if (data.validation.rows > 0) {
    const LabelledRows validation(share ? "data" : "validation", share ? settings.data.string() : settings.validation,
                                  from(share ? data.training.rows : 0), data.validation, learner);
    for (std::size_t row = 0; row < validation.labels().size(); ++row) {
      if (validation.labels()[row] < 0) validation.refuse(row, "labels must be 0 or more");
      if (classes.contains(validation.labels()[row])) continue;
      validation.refuse(row, "no training row has that label" + (share ? why_of_last_rows(data) : ""));
    }
  }
  return {classes.begin(), classes.end()};
}

}  // namespace rbmpi

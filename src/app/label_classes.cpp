#include "app/label_classes.hpp"

#include <set>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"

namespace rbmpi {
namespace {

/// Labelled rows of one of the files.
class LabelledRows {
 public:
  /// They begin with row `first` of the file; `learner`: what wants the labels.
  LabelledRows(const char* key, std::string file, std::uint64_t first, const Rows& rows, const char* learner)
      : key_(key), file_(std::move(file)), first_(first) {
    if (rows.labels == nullptr) {
      throw Error(Failure::file, fmt::format("{} = {}: it has no labels, which {} learns from; rbmpi import takes them "
                                             "from --label-column or --idx-labels",
                                             key_, file_, learner));
    }
    labels_ = {rows.labels, rows.rows};
  }

  [[nodiscard]] std::span<const std::int32_t> labels() const noexcept { return labels_; }
  [[noreturn]] void refuse(std::size_t row, const char* what) const {
    throw Error(Failure::file, fmt::format("{} = {}: the label of row {} (counted from 0) is {}; {}", key_, file_,
                                           first_ + row, labels_[row], what));
  }

 private:
  const char* key_;
  std::string file_;
  std::uint64_t first_;
  std::span<const std::int32_t> labels_;
};

}  // namespace

std::vector<std::int32_t> find_classes(const TrainSettings& settings, const TrainingData& data) {
  const char* const learner =
      settings.command == TrainingCommand::finetune ? "a classifier" : "a layer with join-labels = on";
  const LabelledRows training("data", settings.data.string(), 0, data.training, learner);
  std::set<std::int32_t> classes;
  for (std::size_t row = 0; row < training.labels().size(); ++row) {
    if (training.labels()[row] < 0) training.refuse(row, "labels must be 0 or more");
    classes.insert(training.labels()[row]);
    if (classes.size() <= most_classes) continue;
    throw Error(
        Failure::file,
        fmt::format("data = {}: its first {} rows have {} different labels; {} wants 2 to {}. Are they a column "
                    "of IDs? rbmpi import takes labels from the column that --label-column names",
                    settings.data.string(), row + 1, classes.size(), learner, most_classes));
  }
  if (classes.size() < 2) {
    throw Error(Failure::file,
                fmt::format("data = {}: its rows have {} different label{}; {} wants 2 to {}", settings.data.string(),
                            classes.size(), classes.size() == 1 ? "" : "s", learner, most_classes));
  }
  if (data.validation.rows > 0) {
    const bool share = parse_number(settings.validation).has_value();
    const LabelledRows validation(share ? "data" : "validation", share ? settings.data.string() : settings.validation,
                                  share ? data.training.rows : 0, data.validation, learner);
    for (std::size_t row = 0; row < validation.labels().size(); ++row) {
      if (validation.labels()[row] < 0) validation.refuse(row, "labels must be 0 or more");
      if (!classes.contains(validation.labels()[row])) validation.refuse(row, "no training row has that label");
    }
  }
  return {classes.begin(), classes.end()};
}

}  // namespace rbmpi

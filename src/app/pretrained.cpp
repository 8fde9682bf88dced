#include "app/pretrained.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/model/model_file.hpp"
#include "rbmpi/parallel/from_root.hpp"

namespace rbmpi {
namespace {

/// Why the pre-training of a model is not finished; empty if it is, as far as one can see.
std::string unfinished(const NamedModel& named) {
  if (!named.progress) return {};
  const TrainingProgress& progress = *named.progress;
  try {
    const TrainSettings settings = parse_configuration(named.file.string(), named.model.configuration);
    const std::vector<TrainingOptions> layers = greedy_options(settings).layers;
    if (end_of_run(settings, progress) != RunEnd::not_yet) return {};
    const RunGoal goal = goal_of_layer(settings, progress.layer);
    const std::string place =
        goal.last_step > 0 ? fmt::format("at step {} of {}, in", progress.steps, goal.last_step)
                           : fmt::format("in epoch {} of {} of", std::min(progress.epoch, goal.epochs), goal.epochs);
    return fmt::format("it is {} layer {} of {}", place, progress.layer + 1, layers.size());
  } catch (const std::exception&) {
    return "it is a checkpoint whose configuration cannot be read";
  }
}

/// Hidden layers of a net: those below its outputs, or up to the code.
std::vector<std::size_t> hidden_of(const Model& model) {
  const std::vector<std::size_t>& units = model.net->shape().units;
  const auto last =
      model.code_layer > 0 ? units.begin() + static_cast<std::ptrdiff_t>(model.code_layer) + 1 : units.end() - 1;
  return {units.begin() + 1, last};
}

}  // namespace

Pretrained::Pretrained(const TrainSettings& settings, const Model* so_far, const Communicator& world)
    : from_scratch_(settings.finetune.from_scratch) {
  world.agree_on_root([&] {
    hidden_ = settings.layers.hidden;
    if (so_far != nullptr && so_far->net) {
      hidden_ = hidden_of(*so_far);
      inputs_ = so_far->net->shape().inputs();
    }
    const std::filesystem::path& model = settings.finetune.model;
    if (model.empty()) return;
    std::error_code ignored;
    if (so_far == nullptr || std::filesystem::exists(model, ignored)) {
      read(settings);
      return;
    }
    const auto before = so_far->provenance.find("pretrained_digest");
    if (before != so_far->provenance.end()) digest_ = before->second;
    warn(fmt::format("model = {}: it is not there any more; the run, which began with it, goes on without it",
                     model.string()));
  });
  inputs_ = from_root(inputs_, world);
  hidden_ = from_root(std::move(hidden_), world);
}

void Pretrained::read(const TrainSettings& settings) {
  now_doing("reading the model");
  NamedModel named = load_named_model(settings.finetune.model);
  const std::string file = named.file.string();
  if (named.model.net) {
    throw Error(Failure::file, fmt::format("model = {}: '{}' is a net already; rbmpi finetune takes a stack of RBMs, "
                                           "which rbmpi train makes",
                                           settings.finetune.model.string(), file));
  }
  if (!named.model.classes.empty()) {
    throw Error(Failure::file,
                fmt::format("model = {}: '{}' was trained with join-labels = on, so its highest layer has "
                            "labels among its units; rbmpi finetune takes a stack without",
                            settings.finetune.model.string(), file));
  }
  take_sizes(named, settings);
  if (from_scratch_) return;
  if (const std::string why = unfinished(named); !why.empty() && !settings.finetune.unfinished) {
    throw Error(Failure::usage, fmt::format("model = {}: the pre-training of '{}' is not finished, {}; --unfinished "
                                            "takes it as it is",
                                            settings.finetune.model.string(), file, why));
  }
  digest_ = model_digest(named.model);
  named_ = std::move(named);
}

void Pretrained::take_sizes(const NamedModel& named, const TrainSettings& settings) {
  const std::vector<Rbm>& stack = named.model.layers;
  for (const Rbm& layer : stack) want_logistic(layer.shape(), "a net of sigmoid units");
  for (std::size_t k = 1; k < stack.size(); ++k) {
    if (stack[k].shape().visible == stack[k - 1].shape().hidden) continue;
    throw Error(Failure::file,
                fmt::format("model = {}: layer {} of '{}' has {} visible units, but layer {} has {} hidden "
                            "ones: they are no stack to unroll",
                            settings.finetune.model.string(), k, named.file.string(), stack[k].shape().visible, k - 1,
                            stack[k - 1].shape().hidden));
  }
  inputs_ = stack.front().shape().visible;
  hidden_.clear();
  for (const Rbm& layer : stack) hidden_.push_back(layer.shape().hidden);
}

std::string Pretrained::in_words() const {
  if (from_scratch_) return "from random weights";
  return named_.file.empty() ? "pre-trained, as the run was" : fmt::format("pre-trained in {}", named_.file.string());
}

void Pretrained::check_columns(const TrainSettings& settings, std::uint64_t columns) const {
  if (inputs_ == 0 || inputs_ == columns) return;
  throw Error(Failure::file, fmt::format("data = {}: it has {}, but the model has {}", settings.data.string(),
                                         plural(columns, "column"), plural(inputs_, "visible unit")));
}

}  // namespace rbmpi

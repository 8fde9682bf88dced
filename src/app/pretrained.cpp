#include "app/pretrained.hpp"

#include <algorithm>
#include <exception>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/model/model_file.hpp"

namespace rbmpi {
namespace {

/// Why the pre-training of a model is not finished; empty if it is, as far as one can see.
std::string unfinished(const NamedModel& named) {
  if (!named.progress) return {};
  const TrainingProgress& progress = *named.progress;
  try {
    const TrainSettings settings = parse_configuration(named.file.string(), named.model.configuration);
    const std::vector<TrainingOptions> layers = greedy_options(settings).layers;
    const std::uint64_t epochs = layers.at(progress.layer).epochs;
    const bool highest = progress.layer + 1 == layers.size();
    if (highest && (progress.epoch > epochs || stopped_early(settings, progress))) return {};
    return fmt::format("it is in epoch {} of {} of layer {} of {}", std::min(progress.epoch, epochs), epochs,
                       progress.layer + 1, layers.size());
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
    if (settings.finetune.model.empty()) return;
    try {
      read(settings);
    } catch (const Error&) {
      if (so_far == nullptr) throw;
    }
  });
  std::uint64_t sizes[] = {inputs_, hidden_.size()};
  world.broadcast(std::as_writable_bytes(std::span(sizes)));
  inputs_ = sizes[0];
  hidden_.resize(sizes[1]);
  world.broadcast(std::as_writable_bytes(std::span(hidden_)));
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
  if (const std::string why = unfinished(named); !why.empty() && !settings.finetune.unfinished) {
    throw Error(Failure::usage, fmt::format("model = {}: the pre-training of '{}' is not finished, {}; --unfinished "
                                            "takes it as it is",
                                            settings.finetune.model.string(), file, why));
  }
  const std::vector<Rbm>& stack = named.model.layers;
  for (std::size_t k = 1; k < stack.size(); ++k) {
    if (stack[k].shape().visible == stack[k - 1].shape().hidden) continue;
    throw Error(Failure::file,
                fmt::format("model = {}: layer {} of '{}' has {} visible units, but layer {} has {} hidden "
                            "ones: they are no stack to unroll",
                            settings.finetune.model.string(), k, file, stack[k].shape().visible, k - 1,
                            stack[k - 1].shape().hidden));
  }
  digest_ = model_digest(named.model);
  inputs_ = stack.front().shape().visible;
  hidden_.clear();
  for (const Rbm& layer : stack) hidden_.push_back(layer.shape().hidden);
  named_ = std::move(named);
}

std::string Pretrained::in_words() const {
  return from_scratch_ ? "from random weights" : fmt::format("pre-trained in {}", named_.file.string());
}

void Pretrained::check_columns(const TrainSettings& settings, std::uint64_t columns) const {
  if (inputs_ == 0 || inputs_ == columns) return;
  throw Error(Failure::file, fmt::format("data = {}: it has {}, but the model has {}", settings.data.string(),
                                         plural(columns, "column"), plural(inputs_, "visible unit")));
}

}  // namespace rbmpi

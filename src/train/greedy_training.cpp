#include "rbmpi/train/greedy_training.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/evaluate/stack_features.hpp"
#include "rbmpi/evaluate/stack_weights.hpp"
#include "rbmpi/parallel/from_root.hpp"
#include "rbmpi/parallel/shared_window.hpp"
#include "rbmpi/parallel/workspace.hpp"
#include "rbmpi/train/run_end.hpp"
#include "rbmpi/train/steps_of_epoch.hpp"
#include "train/kept_chains.hpp"
#include "train/refuse_option.hpp"

namespace rbmpi {
namespace {

/// The finished layers, once on each node.
class SharedLayers {
 public:
  SharedLayers() = default;
  /// Collective. Those of the root.
  SharedLayers(std::span<const Rbm> layers, std::span<const RbmShape> shapes, const Communicator& world,
               const Communicator& node) {
    std::size_t size = 0;
    for (const RbmShape& shape : shapes) size += whole_lines<Real>(shape.parameters());
    window_ = SharedWindow::on_every_node(world, node, size * sizeof(Real), "the layers below");
    auto* place = reinterpret_cast<Real*>(window_.bytes().data());
    if (world.is_root()) {
      Real* to = place;
      for (const Rbm& layer : layers) {
        std::ranges::copy(layer.parameters(), to);
        to += whole_lines<Real>(layer.parameters().size());
      }
    }
    const Communicator roots = world.split(node.is_root() ? 0 : 1);
    if (node.is_root()) roots.broadcast(window_.bytes());
    window_.synchronise();
    for (const RbmShape& shape : shapes) {
      views_.emplace_back(shape, std::span<const Real>(place, shape.parameters()));
      place += whole_lines<Real>(shape.parameters());
    }
  }

  [[nodiscard]] const std::vector<RbmView<const Real>>& views() const noexcept { return views_; }

 private:
  SharedWindow window_;
  std::vector<RbmView<const Real>> views_;
};

/// Bytes that features may take on each node.
class FeatureLimit {
 public:
  /// Collective. `training`: bytes that each rank will want besides the features.
  FeatureLimit(std::optional<std::uint64_t> bytes, std::uint64_t training, const Communicator& world,
               const Communicator& node) {
    const Communicator machine = world.split_by_node(0);
    std::int64_t nodes = node.is_root() ? 1 : 0;
    machine.sum(std::span(&nodes, 1));
    const std::uint64_t free = room_for_features(
        available_memory(), training * static_cast<std::uint64_t>(machine.size()), static_cast<std::uint64_t>(nodes));
    const std::uint64_t here = bytes.value_or(free);
    constexpr std::uint64_t most = std::uint64_t{1} << 62U;
    left_ = static_cast<std::uint64_t>(-world.maximum(-static_cast<std::int64_t>(std::min(here, most))));
  }

  /// Collective. Memory for so much more, if it may be kept and all nodes have it.
  std::optional<SharedWindow> take(std::uint64_t bytes, const Communicator& world, const Communicator& node) {
    if (bytes > left_) return std::nullopt;
    try {
      SharedWindow window = SharedWindow::on_every_node(world, node, bytes, "the features of a layer");
      left_ -= bytes;
      return window;
    } catch (const AgreedError&) {
      return std::nullopt;
    }
  }

 private:
  std::uint64_t left_ = 0;
};

/// The data of a layer: those of the training, or features of them, kept or made on the fly.
class LayerData {
 public:
  /// Collective.
  LayerData(const SharedLayers& below, TrainingData data, const std::vector<std::int32_t>& classes, FeatureLimit limit,
            const Communicator& world, const Communicator& node)
      : views_(std::move(data)) {
    if (below.views().empty() && classes.empty()) return;
    round(below, world, node);
    // Those that are validated on first: they are few, and read several times.
    for (const bool validation : {true, false}) {
      Rows* const view = validation ? &views_.validation : &views_.training;
      auto* const part = validation ? &validation_ : &training_;
      if (view->rows == 0) continue;
      world.agree([&] { part->features = std::make_unique<StackFeatures>(*weights_, *view, classes); });
      *view = *part->features;
      const std::uint64_t bytes = view->rows * view->columns * sizeof(Real);
      if (std::optional<SharedWindow> window = limit.take(bytes, world, node)) {
        part->window = *std::move(window);
        keep(*view, *part, world, node);
        kept_bytes_ += bytes;
      } else {
        made_rows_ += view->rows;
      }
    }
    if (made_rows_ == 0) {  // then nobody needs the weights any more
      weights_.reset();
      rounded_ = {};
    }
  }

  [[nodiscard]] const TrainingData& views() const noexcept { return views_; }
  [[nodiscard]] std::uint64_t kept_bytes() const noexcept { return kept_bytes_; }
  [[nodiscard]] std::uint64_t made_rows() const noexcept { return made_rows_; }

 private:
  struct Part {
    std::unique_ptr<StackFeatures> features;
    SharedWindow window;
  };

  /// Collective. One rank of each node rounds the weights for all of it.
  void round(const SharedLayers& below, const Communicator& world, const Communicator& node) {
    Arena counted(ArenaUse::count);
    Arena own(ArenaUse::count);  // `round` has what it needs by itself
    (void)StackWeights(below.views(), counted, own);
    if (counted.taken() > 0)
      rounded_ = SharedWindow::on_every_node(world, node, counted.taken(), "the weights of the layers below");
    world.agree([&] {
      Arena window(rounded_.bytes());
      weights_.emplace(below.views(), window, own);
      if (node.is_root()) weights_->round();
    });
    rounded_.synchronise();
  }

  /// Collective. Makes the rows, shared out over the ranks of the node.
  static void keep(Rows& view, Part& part, const Communicator& world, const Communicator& node) {
    constexpr std::uint64_t rows_at_once = 256;
    auto* const values = reinterpret_cast<Real*>(part.window.bytes().data());
    world.agree([&] {
      const Shard mine = shard(view.rows, node.rank(), node.size());
      RowBlocks blocks(view, rows_at_once);
      for (std::uint64_t done = 0; done < mine.count; done += rows_at_once) {
        now_doing("making the features of a layer");
        throw_if_stopped("making the features of a layer");
        const std::uint64_t first = mine.first + done;
        const std::uint64_t count = std::min(rows_at_once, mine.count - done);
        blocks.next(first, count)
            .read_on_all_threads({0, count}, unrounded, {values + first * view.columns, count, view.columns});
      }
    });
    part.window.synchronise();
    view = Samples{.type = ElementType::float32,
                   .values = part.window.bytes().data(),
                   .rows = view.rows,
                   .columns = view.columns,
                   .scale = 1,
                   .labels = view.labels};
    part.features.reset();
  }

  TrainingData views_;
  SharedWindow rounded_;
  std::optional<StackWeights> weights_;  // in that memory
  Part validation_;
  Part training_;
  std::uint64_t kept_bytes_ = 0;
  std::uint64_t made_rows_ = 0;
};

/// The classes of the labels, which all rows must have.
std::vector<std::int32_t> classes_of(const TrainingData& data) {
  const auto labels_of = [](const Rows& samples, const char* what) {
    if (samples.labels == nullptr) {
      throw Error(Failure::file, fmt::format("join-labels = on: the {} data have no labels", what));
    }
    return std::span(samples.labels, samples.rows);
  };
  const std::span<const std::int32_t> labels = labels_of(data.training, "training");
  std::vector<std::int32_t> classes;
  for (const std::int32_t label : labels) {
    const auto place = std::ranges::lower_bound(classes, label);
    if (place != classes.end() && *place == label) continue;
    if (classes.size() == most_joined_classes) {
      throw Error(Failure::file, fmt::format("join-labels = on: the training data have more than {} different labels",
                                             most_joined_classes));
    }
    classes.insert(place, label);
  }
  if (data.validation.rows == 0) return classes;
  const std::span<const std::int32_t> others = labels_of(data.validation, "validation");
  for (std::size_t row = 0; row < others.size(); ++row) {
    if (std::ranges::binary_search(classes, others[row])) continue;
    throw Error(Failure::file, fmt::format("join-labels = on: row {} of the validation data has the label {}, which "
                                           "no row of the training data has",
                                           row, others[row]));
  }
  return classes;
}

/// Throws if a start is of other layers than these.
void check_start(const GreedyStart& start, std::span<const RbmShape> shapes) {
  const std::size_t layer = start.below.size();
  if (layer >= shapes.size() || start.state.progress.layer != layer) {
    throw Error(Failure::file, fmt::format("the start is in layer {} with {} below it, of {}",
                                           start.state.progress.layer, layer, shapes.size()));
  }
  for (std::size_t i = 0; i < layer; ++i) {
    const RbmShape shape = start.below[i].shape();
    if (shape == shapes[i]) continue;
    throw Error(Failure::file, fmt::format("layer {} of the start is {} x {}, {}, instead of {} x {}, {}", i,
                                           shape.visible, shape.hidden, units_in_words(shape), shapes[i].visible,
                                           shapes[i].hidden, units_in_words(shapes[i])));
  }
  for (const auto& [i, chains] : start.chains) {
    if (i < layer && chains.columns == shapes[i].visible) continue;
    throw Error(Failure::file, fmt::format("the start has chains of {} in layer {}, which do not fit the {} layers "
                                           "below that in work",
                                           plural(chains.columns, "unit"), i, layer));
  }
  const ParameterLayout& layout = start.state.layout;
  const ParameterLayout wanted = rbm_layout(shapes[layer], layer);
  if (layout.same_shapes(wanted) && start.state.parameters.size() == wanted.size()) return;
  throw Error(Failure::file,
              fmt::format("the start has {} parameters ({}) in layer {} instead of {} ({})",
                          start.state.parameters.size(), to_text(layout), layer, wanted.size(), to_text(wanted)));
}

/// Collective. Whether the start's layer is finished as well: then it joins those below.
bool is_finished(const std::optional<GreedyStart>& start, const GreedyOptions& options, std::uint64_t rows,
                 const Communicator& world) {
  bool finished = false;
  if (start) {
    const std::size_t layer = start->below.size();
    const TrainingProgress& progress = start->state.progress;
    const RunGoal goal = goal_of(options_of_layer(options, layer, rows));
    finished = layer + 1 < options.layers.size() && layer_is_done(goal, progress) && !is_beyond(goal, progress);
  }
  return from_root(finished, world);
}

void add(OptimizationOutcome& all, const OptimizationOutcome& layer) {
  all.shared_bytes = std::max(all.shared_bytes, layer.shared_bytes);
  for (std::size_t phase = 0; phase < all.time_split.size(); ++phase) all.time_split[phase] += layer.time_split[phase];
  all.progress = layer.progress;
  all.finished = layer.finished;
}

/// Where a training of a stack begins: at a layer, and in the middle of it if there is a state.
struct StackBeginning {
  std::uint64_t layer = 0;
  std::optional<SavedState> state;
};

/// Collective. What was finished before goes to `result`.
StackBeginning begin_stack(std::optional<GreedyStart> start, const GreedyOptions& options,
                           const std::vector<RbmShape>& shapes, std::uint64_t rows, GreedyResult& result,
                           const Communicator& world) {
  ChainStates of_start;
  world.agree_on_root([&] {
    if (!start) return;
    check_start(*start, shapes);
    of_start = kept_chains(start->state.arrays, shapes[start->below.size()]);
  });
  StackBeginning beginning{.layer = start ? start->below.size() : 0, .state = {}};
  const bool goes_on_above = is_finished(start, options, rows, world);
  if (start) {
    result.layers = std::move(start->below);
    result.chains = std::move(start->chains);
    result.progress = start->state.progress;
    if (goes_on_above) {
      result.layers.emplace_back(shapes[beginning.layer], std::move(start->state.parameters));
      if (of_start.rows > 0) result.chains[beginning.layer] = std::move(of_start);
      ++beginning.layer;
    } else {
      beginning.state = std::move(start->state);
    }
  }
  beginning.layer = from_root(beginning.layer, world);
  result.progress = from_root(result.progress, world);
  return beginning;
}

/// Collective. One layer; its mistakes name it.
TrainingResult train_layer(const TrainingOptions& options, std::size_t layers, const TrainingData& data,
                           const Communicator& world, const TrainingEvents& events, std::optional<SavedState> start) {
  try {
    return train_rbm(options, data, world, events, std::move(start));
  } catch (const AgreedError& error) {
    if (layers == 1) throw;
    throw AgreedError(error.failure(), fmt::format("layer {} of {}: {}", options.layer + 1, layers, error.what()));
  }
}

}  // namespace

std::vector<RbmShape> shapes_of_layers(const GreedyOptions& options, std::uint64_t visible, std::size_t classes) {
  std::vector<RbmShape> shapes;
  std::size_t below = visible;
  for (const TrainingOptions& layer : options.layers) {
    shapes.push_back(shape_of(layer, below));
    below = layer.hidden;
  }
  shapes.back().visible += classes;
  return shapes;
}

GreedyResult train_stack(const GreedyOptions& options, const TrainingData& data, const Communicator& world,
                         const GreedyEvents& events, std::optional<GreedyStart> start) {
  GreedyResult result;
  world.agree([&] {
    check_options(options);
    if (options.join_labels) result.classes = classes_of(data);
  });
  const std::vector<RbmShape> shapes = shapes_of_layers(options, data.training.columns, result.classes.size());
  auto [first, state] = begin_stack(std::move(start), options, shapes, data.training.rows, result, world);

  const Communicator node = world.split_by_node(options.layers.front().ranks_per_node);
  for (std::uint64_t layer = first; layer < options.layers.size(); ++layer) {
    const TrainingOptions of_layer = options_of_layer(options, layer, data.training.rows);
    const bool top = layer + 1 == options.layers.size();
    SharedLayers below;
    if (layer > 0) below = SharedLayers(result.layers, std::span(shapes).first(layer), world, node);
    const std::uint64_t training = training_memory(of_layer, shapes[layer].visible, data.validation.rows > 0,
                                                   world.size(), node.size(), data.training.weights != nullptr);
    std::optional<LayerData> rows;
    try {
      rows.emplace(below, data, top ? result.classes : std::vector<std::int32_t>(),
                   FeatureLimit(options.features_memory, training, world, node), world, node);
    } catch (const AgreedError& error) {
      if (error.failure() != Failure::interrupted) throw;
      result.finished = false;  // between two layers
      return result;
    }
    world.agree([&] {
      if (!events.layer) return;
      events.layer({.layer = of_layer.layer,
                    .options = of_layer,
                    .rows = data.training.rows,
                    .visible = shapes[layer].visible,
                    .kept_bytes = rows->kept_bytes(),
                    .made_rows = rows->made_rows(),
                    .below = result.layers,
                    .chains = result.chains,
                    .classes = top ? std::span<const std::int32_t>(result.classes) : std::span<const std::int32_t>()});
    });
    TrainingResult trained = train_layer(of_layer, options.layers.size(), rows->views(), world, events.training,
                                         std::exchange(state, std::nullopt));
    add(result, trained);
    if (!trained.finished) return result;
    if (world.is_root()) result.layers.push_back(std::move(trained.rbm));
    if (trained.chains.rows > 0) result.chains[layer] = std::move(trained.chains);
  }
  return result;
}

TrainingOptions options_of_layer(const GreedyOptions& options, std::size_t layer, std::uint64_t rows) {
  TrainingOptions of_layer = options.layers.at(layer);
  of_layer.layer = static_cast<std::uint32_t>(layer);
  of_layer.first_step = 0;
  for (std::size_t i = 0; i < layer; ++i) {
    of_layer.first_step += steps_of_training(options.layers[i], rows);
  }
  if (layer + 1 < options.layers.size()) of_layer.early_stop = EarlyStop::off;
  return of_layer;
}

void check_options(const GreedyOptions& options) {
  if (options.layers.empty()) throw Error(Failure::usage, "layers: at least one is wanted");
  for (const TrainingOptions& layer : options.layers) check_options(layer);
  for (std::size_t i = 1; i < options.layers.size(); ++i) {
    const std::string& below = options.layers[i - 1].hidden_unit;
    const std::string& visible = options.layers[i].visible_unit;
    if (visible == below) continue;
    throw Error(Failure::usage, fmt::format("layer {} of {} has {} as visible units, but the hidden units of the layer "
                                            "below are {}, and their means are its data: both have to be of one kind",
                                            i + 1, options.layers.size(), visible, below));
  }
  if (const TrainingOptions& highest = options.layers.back();
      options.join_labels && !shape_of(highest, 0).visible_unit->logistic) {
    refuse_option("join-labels", "on",
                  fmt::format("wants visible units of zeros and ones beside it, not {}, as the "
                              "labels are such units",
                              highest.visible_unit));
  }
}

std::uint64_t room_for_features(std::uint64_t free, std::uint64_t training, std::uint64_t nodes) {
  return free <= training ? 0 : (free - training) / 2 / nodes;
}

std::uint64_t greedy_memory(const GreedyOptions& options, std::uint64_t visible, bool validation, int ranks,
                            int ranks_on_node, bool weighted) {
  const auto on_node = static_cast<std::uint64_t>(ranks_on_node);
  const Rows data = Samples{.columns = visible};
  std::uint64_t most = 0;
  std::vector<RbmView<const Real>> below;
  for (const RbmShape shape : shapes_of_layers(options, visible)) {
    Workspace counted(ArenaUse::count);
    for (const RbmView<const Real>& layer : below) {
      for (int copy = 0; copy < 2; ++copy)
        (void)counted.node.take<Real>(layer.shape().parameters());  // one is the root's
    }
    if (!below.empty()) {
      const StackWeights weights(below, counted.node, counted.rank);
      const StackFeatures features(weights, data, {});
      for (int reader = 0; reader < 2; ++reader) {  // one of the steps, and one of what is measured meanwhile
        (void)features.reader(features, {}, counted);
      }
    }
    most = std::max(most, counted.rank.most() + (counted.node.taken() + on_node - 1) / on_node +
                              training_memory(options.layers[below.size()], shape.visible, validation, ranks,
                                              ranks_on_node, weighted));
    below.emplace_back(shape, std::span<const Real>());
  }
  return most;
}

}  // namespace rbmpi

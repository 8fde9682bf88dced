#include "rbmpi/train/back_propagation.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/net_kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/evaluate/net_scores.hpp"
#include "rbmpi/model/net_pass.hpp"
#include "rbmpi/train/net_gradient.hpp"

namespace rbmpi {

namespace {

MatrixView of_rows(std::span<Real> states, Shard rows, std::size_t columns) {
  return {states.data() + rows.first * columns, rows.count, columns};
}

/// Rows of the node: what the units say, of the inputs and each layer but the last, and the deltas of each layer.
struct States {
  States(const NetShape& shape, const NodeShare& share, Arena& memory) {
    for (std::size_t k = 0; k < shape.layers(); ++k) {
      activations.push_back(memory.take<Real>(share.node_rows * shape.units[k]));
      deltas.push_back(memory.take<Real>(share.node_rows * shape.units[k + 1]));
    }
  }

  std::vector<std::span<Real>> activations;  // [k]: what layer k takes, node_rows x units[k]
  std::vector<std::span<Real>> deltas;       // [k]: of layer k, node_rows x units[k + 1]
};

class NetBatchGradient final : public BatchGradient {
 public:
  NetBatchGradient(const NetTrainingOptions& options, const NetShape& shape, std::span<const std::int32_t> classes,
                   const NodeShare& share, std::span<const Real> parameters, Workspace& memory)
      : options_(options),
        shape_(shape),
        classes_(classes),
        share_(share),
        layout_(net_layout(shape)),
        parameters_(parameters),
        states_(shape, share, memory.node) {
    const std::size_t rows = shard(share.node_rows, 0, static_cast<int>(share.slots)).count;
    targets_ = memory.rank.take<Real>(keeps_targets() ? rows * shape_.inputs() : 0);
    row_labels_ = memory.rank.take<std::int32_t>(shape_.is_classifier() ? rows : 0);
    row_classes_ = memory.rank.take<std::uint32_t>(rows);
    losses_ = memory.rank.take<std::int64_t>(rows);
  }

  BatchTotals propagate(const MiniBatch& batch, Shard /*chains*/, PhaseClock& clock) override {
    node_rows_ = batch.count;
    const Shard mine = share_.rows_of_rank(node_rows_);
    if (mine.count == 0) return {};
    const MiniBatch part = batch.part(mine.first, mine.count);
    const std::size_t layers = shape_.layers();
    const auto activations = [&](std::size_t k) { return of_rows(states_.activations[k], mine, shape_.units[k]); };
    const auto deltas = [&](std::size_t k) { return of_rows(states_.deltas[k], mine, shape_.units[k + 1]); };
    const auto layer = [&](std::size_t k) { return net_layer<const Real>(shape_, layout_, parameters_, k); };

    load_rows(part, activations(0));
    clock.lap(TimePhase::input);
    for (std::size_t k = 0; k < layers; ++k) {
      drop_units(part, k, activations(k));
      forward_layer(layer(k), activations(k), k + 1 < layers ? activations(k + 1) : deltas(k));
    }
    const std::span<std::int64_t> losses = losses_.first(mine.count);
    if (shape_.is_classifier()) {
      classifier_deltas(deltas(layers - 1), row_classes_, losses);
    } else {
      const MatrixView targets =
          keeps_targets() ? MatrixView{targets_.data(), mine.count, shape_.inputs()} : activations(0);
      reconstruction_deltas(targets, deltas(layers - 1), losses);
    }
    for (std::size_t k = layers - 1; k > 0; --k) {
      backward_layer(layer(k), deltas(k), activations(k), shape_.activations[k - 1], kept(k), deltas(k - 1));
    }
    clock.lap(TimePhase::products);
    return {.loss = std::accumulate(losses.begin(), losses.end(), std::int64_t{0})};
  }

  void sum(GradientPhase /*phase*/, std::size_t array, Shard rows, std::size_t /*thread*/, Real* sums) override {
    const std::size_t k = array / 2;
    const std::size_t columns = shape_.units[k + 1];
    const ConstMatrixView deltas{states_.deltas[k].data(), node_rows_, columns};
    if (array % 2 == 0) {
      transposed_times(ConstMatrixView{states_.activations[k].data(), node_rows_, shape_.units[k]}, rows.first, deltas,
                       MatrixView{sums, rows.count, columns});
    } else {
      bias_gradient(deltas, rows.first, {sums, rows.count});
    }
  }

  [[nodiscard]] std::size_t panel_rows(std::size_t array) const noexcept override {
    // Enough for matrix products at full speed; few enough for the gradient to stay in a cache until the update.
    constexpr std::size_t rows_of_weights = 256;
    return array % 2 == 0 ? rows_of_weights : shape_.units[array / 2 + 1];
  }

 private:
  /// The rows of this rank become the inputs, and their classes are looked up.
  void load_rows(const MiniBatch& batch, MatrixView inputs) {
    batch.rows->read_on_all_threads(batch.all(), unrounded, inputs);
    if (shape_.is_classifier()) batch.rows->read_labels(batch.all(), row_labels_);
    parallel_for(batch.count, [&](std::size_t i) {
      if (keeps_targets()) std::copy_n(inputs.row(i), inputs.columns, targets_.data() + i * inputs.columns);
      if (!shape_.is_classifier()) return;
      row_classes_[i] = static_cast<std::uint32_t>(class_of(classes_, row_labels_[i]).value_or(0));
    });
  }

  void drop_units(const MiniBatch& batch, std::size_t layer, MatrixView activations) const {
    const Real keep = kept(layer);
    if (keep == 1) return;
    parallel_for(batch.count, [&](std::size_t i) {
      const RandomStream stream(options_.seed, static_cast<std::uint32_t>(layer), batch.step, Phase::dropout,
                                static_cast<std::uint32_t>(batch.position + i));
      drop_out(activations.row(i), activations.columns, stream, keep);
    });
  }

  /// The share of the units below a layer that stay.
  [[nodiscard]] Real kept(std::size_t layer) const noexcept {
    if (layer == 0) return static_cast<Real>(1 - options_.input_dropout);
    if (shape_.activations[layer - 1] != Activation::sigmoid) return 1;
    return static_cast<Real>(1 - options_.hidden_dropout);
  }

  [[nodiscard]] bool keeps_targets() const noexcept { return !shape_.is_classifier() && options_.input_dropout > 0; }

  const NetTrainingOptions& options_;
  const NetShape& shape_;
  std::span<const std::int32_t> classes_;
  NodeShare share_;
  ParameterLayout layout_;
  std::span<const Real> parameters_;
  States states_;
  std::size_t node_rows_ = 0;           // of this part of the batch
  std::span<Real> targets_;             // data to reconstruct, where dropout spoils those in `states_`
  std::span<std::int32_t> row_labels_;  // of this rank's rows of the batch, as the next two
  std::span<std::uint32_t> row_classes_;
  std::span<std::int64_t> losses_;
};

class NetMeasures final : public EpochMeasures {
 public:
  NetMeasures(const NetShape& shape, std::span<const std::int32_t> classes, const Rows& validation,
              const Communicator& world, std::span<const Real> parameters, Arena& memory)
      : shape_(shape), classes_(classes), data_(validation), world_(world), parameters_(parameters) {
    if (validation.rows > 0) validation_.emplace(shape, memory);
  }

  [[nodiscard]] std::string loss_name() const override { return "cross_entropy"; }

  [[nodiscard]] bool measure(TrainingProgress& progress, std::vector<Figure>& figures) override {
    if (!validation_) return true;
    NetScores scores;
    try {
      scores = validation_->score(parameters_, classes_, data_, world_);
    } catch (const AgreedError& error) {
      if (error.failure() == Failure::interrupted) return false;
      throw;
    }
    const double cross_entropy = scores.cross_entropy.mean;
    double figure = scores.squared_error.mean;
    if (shape_.is_classifier()) {
      // Errors first, then cross-entropy: one number that orders epochs by both.
      figure = static_cast<double>(scores.errors) + cross_entropy / (1 + cross_entropy);
      figures.push_back({"validation_error", scores.error()});
    } else {
      figures.push_back({"validation_squared_error", figure});
    }
    figures.push_back({"validation_cross_entropy", cross_entropy});
    if (progress.best_epoch == 0 || figure <= progress.best_figure) {
      progress.best_epoch = progress.epoch;
      progress.best_figure = figure;
    }
    return true;
  }

 private:
  const NetShape& shape_;
  std::span<const std::int32_t> classes_;
  const Rows& data_;
  const Communicator& world_;
  std::span<const Real> parameters_;
  std::optional<NetScoring> validation_;
};

}  // namespace

BackPropagation::BackPropagation(const NetTrainingOptions& options, const NetShape& shape,
                                 std::span<const Real> initial, std::span<const std::int32_t> classes,
                                 const TrainingData& data, const Communicator& world)
    : options_(options),
      shape_(shape),
      initial_(initial),
      classes_(classes),
      data_(data),
      world_(world),
      layout_(net_layout(shape)) {}

void BackPropagation::begin(std::span<Real> parameters, bool is_first_of_node) const {
  if (world_.is_root()) std::ranges::copy(initial_, parameters.begin());
  const Communicator firsts = world_.split(is_first_of_node ? 0 : 1);
  if (is_first_of_node) firsts.broadcast(std::as_writable_bytes(parameters));
}

PreparedGradient BackPropagation::prepare(const NodeShare& share, std::span<Real> parameters, Workspace& memory) const {
  return {
      .follower = nullptr,
      .gradient = std::make_unique<NetBatchGradient>(options_, shape_, classes_, share, parameters, memory),
      .measures = std::make_unique<NetMeasures>(shape_, classes_, data_.validation, world_, parameters, memory.rank)};
}

}  // namespace rbmpi

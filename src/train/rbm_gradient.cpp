#include "train/rbm_gradient.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_maker.hpp"
#include "rbmpi/data/unit_means.hpp"
#include "rbmpi/train/early_stop.hpp"
#include "rbmpi/train/likelihood.hpp"

namespace rbmpi {
namespace {

enum Block : std::size_t { weights, biases };

/// Collective. Mean of each unit over all rows.
std::vector<double> unit_means(const Samples& samples, const Communicator& world) {
  std::vector<Real> values(samples.columns);
  const AddRow add_row = [&](const Samples& block, std::uint64_t, std::uint64_t row, std::span<std::int64_t> sums) {
    row_probabilities(block, block.row(row), finest, values.data());
    for (std::size_t j = 0; j < values.size(); ++j) sums[j] += static_cast<std::int64_t>(values[j] * 0x1p24F);
  };
  return unit_means(samples, add_row, world);
}

WeightRounding rounding(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::exact ? WeightRounding::two_grids : WeightRounding::none;
}

void add_figures(const ValidationFigures& validation, std::vector<Figure>& figures) {
  const RowMean gap = validation.free_energy_gap();
  figures.push_back({"validation_reconstruction_mse", validation.reconstruction_mse});
  figures.push_back({"training_free_energy", validation.training_free_energy.mean});
  figures.push_back({"validation_free_energy", validation.free_energy.mean});
  figures.push_back({"free_energy_gap", gap.mean});
  figures.push_back({"free_energy_gap_standard_error", gap.standard_error.value_or(NAN)});
  figures.push_back({"validation_pseudo_likelihood", validation.pseudo_likelihood});
}

void add_figures(const LikelihoodFigures& likelihood, std::vector<Figure>& figures) {
  figures.push_back({"log_z", likelihood.log_z});
  figures.push_back({"log_z_standard_error", likelihood.log_z_standard_error});
  if (likelihood.log_z_effective_chains) {
    figures.push_back({"log_z_effective_chains", *likelihood.log_z_effective_chains});
  }
  figures.push_back({"training_log_likelihood", likelihood.training});
  if (likelihood.validation) figures.push_back({"validation_log_likelihood", *likelihood.validation});
}

}  // namespace

RbmGradient::RbmGradient(const TrainingOptions& options, const TrainingData& data, const Communicator& world)
    : options_(options),
      data_(data),
      world_(world),
      shape_{data.training.columns, options.hidden},
      blocks_(rbm_blocks(shape_)),
      made_order_(data.training.rows, /*shuffled=*/false, 0, 0, 0) {}

EstimatorSizes RbmGradient::sizes(const NodeShare& share) const {
  return {.shape = shape_,
          .engine = options_.engine,
          .sample_data = options_.sample_data,
          .node_rows = share.node_rows,
          .slots = share.slots};
}

std::size_t RbmGradient::probability_rows(const NodeShare& share) const {
  const std::size_t of_batch = shard(share.node_rows, 0, static_cast<int>(share.slots)).count;
  return std::max(options_.sample_data ? 0 : of_batch, data_.validation.rows > 0 ? validation_rows_at_once : 0);
}

void RbmGradient::prepare(const NodeShare& share, std::span<Real> parameters, Workspace& memory) {
  parameters_ = parameters;
  share_ = share;
  shared_ = &memory.node;
  if (data_.training.maker != nullptr) {
    made_values_ = memory.node.take<Real>(share.node_rows * shape_.visible);
    made_ = {.type = ElementType::float32,
             .values = reinterpret_cast<const std::byte*>(made_values_.data()),
             .rows = share.node_rows,
             .columns = shape_.visible,
             .scale = 1};
    made_numbers_ = memory.rank.take<std::uint64_t>(share.rows_of_rank(share.node_rows).count);
  }
  const RbmView<Real> rbm(shape_, parameters);
  couplings_.emplace(rounding(options_.arithmetic), rbm.weights, probability_rows(share), share.slots * share.threads,
                     memory);
  estimator_ = gradient_estimator(options_.estimator)
                   .make({.rbm = rbm,
                          .couplings = *couplings_,
                          .options = options_,
                          .sizes = sizes(share),
                          .layer = options_.layer,
                          .slot = share.slot},
                         memory);
  if (data_.validation.rows > 0) {
    validation_.emplace(data_.training, data_.validation, shape_, options_.layer, options_, memory.rank);
  }
  if (options_.evaluate_every > 0) expect_likelihood(shape_, options_, share.ranks, memory.rank);
}

void RbmGradient::begin(std::span<Real> parameters, bool is_first_of_node) {
  std::vector<double> means;
  if (options_.visible_bias_init == VisibleBiasInit::data) means = unit_means(data_.training, world_);
  if (!is_first_of_node) return;
  const RbmView<Real> rbm(shape_, parameters);
  initialise_weights(rbm, options_.weight_init, options_.seed, options_.layer);
  if (!means.empty()) set_visible_bias_to_log_odds(rbm, means, data_.training.rows);
}

std::int64_t RbmGradient::take_rows(const MiniBatch& batch, PhaseClock& clock) {
  if (made_values_.empty()) return static_cast<std::int64_t>(estimator_->sample_states(batch, clock));
  // Each rank of the node makes its share of the rows, and then all take them together. Nobody is still at those of the
  // step before: the ranks have waited for each other since.
  const Shard mine = share_.rows_of_rank(batch.count);
  const std::span<std::uint64_t> numbers = made_numbers_.first(mine.count);
  batch.order->rows(batch.first + mine.first, numbers);
  for (std::uint64_t& number : numbers) number += batch.samples->first_made;
  batch.samples->maker->make(numbers, made_values_.data() + mine.first * shape_.visible);
  clock.lap(TimePhase::input);
  shared_->synchronise();
  clock.lap(TimePhase::exchange);
  const MiniBatch made{.samples = &made_,
                       .order = &made_order_,
                       .first = 0,
                       .count = batch.count,
                       .position = batch.position,
                       .step = batch.step};
  return static_cast<std::int64_t>(estimator_->sample_states(made, clock));
}

void RbmGradient::gradient(std::size_t block, Shard rows, std::size_t thread, Real* sums) {
  if (block == Block::weights) {
    estimator_->weight_gradient(rows, thread, sums);
  } else {
    estimator_->bias_gradient(rows, sums);
  }
}

std::size_t RbmGradient::panel_rows(std::size_t block) const noexcept {
  return block == Block::biases ? blocks_[block].rows : estimator_->panel_rows();
}

void RbmGradient::follow(std::size_t block, Shard rows, std::size_t part) noexcept {
  if (block == Block::weights) {
    couplings_->follow_rows(rows, part);
  } else if (!all_finite(parameters_.data() + shape_.weights() + rows.first, rows.count)) {
    couplings_->reject_part(part);
  }
}

GradientFunction::Fit RbmGradient::settle() noexcept {
  switch (couplings_->settle()) {
    case Couplings::Fit::good:
      return Fit::good;
    case Couplings::Fit::other_grid:
      return Fit::again;
    case Couplings::Fit::impossible:
      break;
  }
  return Fit::impossible;
}

std::string RbmGradient::refusal() const {
  return fmt::format("weight-init = {}: the initial weights are too large to be summed exactly; 0.01 is usual",
                     options_.weight_init);
}

double RbmGradient::mean_loss(double loss, std::uint64_t rows) const noexcept {
  return loss * loss_unit / (static_cast<double>(rows) * static_cast<double>(shape_.visible));
}

bool RbmGradient::measure(TrainingProgress& progress, std::vector<Figure>& figures) {
  const RbmView<const Real> rbm(shape_, parameters_);
  std::optional<ValidationFigures> validation;
  if (validation_) {
    validation = validation_->measure(rbm, *couplings_, progress.epoch, world_);
    if (!validation) return false;
    add_figures(*validation, figures);
  }
  if (options_.evaluate_every > 0 && progress.epoch % options_.evaluate_every == 0) {
    const std::optional<LikelihoodFigures> likelihood = measure_likelihood(rbm, data_, options_, world_);
    if (!likelihood) return false;
    add_figures(*likelihood, figures);
  }
  if (options_.early_stop != EarlyStop::off) (void)judge_epoch(options_.early_stop, *validation, progress);
  return true;
}

}  // namespace rbmpi

#include "train/sampled_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/exact_sums.hpp"

namespace rbmpi {
namespace {

/// Means that are multiplied by means or by weights, and of how many rows or chains such products are added up exactly
/// in single precision.
constexpr Grid product_grid{8};
constexpr std::uint64_t exact_products = 256;

bool takes_hidden_means(const TrainingOptions& options) {
  if (options.statistics != UnitValues::automatic) return options.statistics == UnitValues::means;
  return persistent_chains(options) > 0;
}

}  // namespace

bool multiplies_means(const TrainingOptions& options, bool weighted) noexcept {
  return options.reconstruction == UnitValues::means ||
         (!options.sample_data && (weighted || takes_hidden_means(options)));
}

std::uint64_t chains_that_go_on(const TrainingOptions& options) {
  return options.chains > 0 ? options.chains : options.batch_size;
}

bool has_two_phases(const TrainingOptions& options) {
  return persistent_chains(options) > 0 || options.centring != CentringOffsets::off;
}

std::uint64_t exact_rows_of_samples(const TrainingOptions& options, RbmShape shape) {
  return multiplies_means(options, /*weighted=*/false) ? std::min(exact_rows(shape), exact_products)
                                                       : exact_rows(shape);
}

bool shows_for_centring(const TrainingOptions& options, std::size_t array) {
  return options.centring != CentringOffsets::off && array != weights_array;
}

ProbabilityRounding state_rounding(const TrainingOptions& options, RbmShape shape, bool weighted) {
  const std::uint64_t summed = std::max(options.batch_size, persistent_chains(options));
  return {.exact = options.arithmetic == Arithmetic::exact,
          .grid = multiplies_means(options, weighted) ? product_grid : state_grid(shape, summed)};
}

SampledGradientPlan::SampledGradientPlan(const TrainingOptions& options, RbmShape shape, const RowWeighting& weighting)
    : sweeps(options.sweeps),
      chains(persistent_chains(options)),
      hidden_means(takes_hidden_means(options)),
      visible_means(options.reconstruction == UnitValues::means),
      weighted(weighting.differ),
      two_phases(has_two_phases(options) || weighted),
      rounding(state_rounding(options, shape, weighted)) {}

SampledGradient::SampledGradient(const EstimatorSettings& settings, Workspace& memory)
    : plan_(settings.options, settings.rbm.shape(), settings.weighting),
      rbm_(settings.rbm),
      couplings_(settings.couplings),
      share_(settings.share),
      weighting_(settings.weighting),
      weights_(memory.rank.take<Real>(plan_.weighted ? share_.node_rows : 0)),
      loss_weights_(memory.rank.take<std::int64_t>(plan_.weighted ? share_.node_rows : 0)),
      draws_{.seed = settings.options.seed, .layer = settings.options.layer} {
  if (plan_.persistent()) chains_.emplace(settings, plan_.chains, memory);
  if (settings.options.centring != CentringOffsets::off) {
    centring_.emplace(rbm_.shape(), settings.options.centring, share_, memory);
  }
}

void SampledGradient::combine(std::size_t array, Shard rows, std::size_t thread, const PhaseSums& sums,
                              std::span<Real> data, std::span<const Real> model) {
  if (centring_) return centring_->combine(array, rows, thread, sums, data, model);
  BatchGradient::combine(array, rows, thread, sums, data, model);
}

std::vector<StateArray> SampledGradient::state() {
  std::vector<StateArray> arrays;
  if (chains_) arrays = chains_->state();
  if (centring_) std::ranges::move(centring_->state(), std::back_inserter(arrays));
  return arrays;
}

void SampledGradient::begin_state() {
  if (chains_) chains_->begin();
  if (centring_ && share_.slot == 0) centring_->begin();
}

void SampledGradient::begin_part(const MiniBatch& batch, Shard chains) {
  rows_ = batch.count;
  chains_here_ = plan_.persistent() ? chains : Shard{batch.position, batch.count};
  draws_.step = batch.step;
  draws_.first = batch.position;
  if (plan_.weighted) {
    batch.rows->read_weights(batch.all(), weights_.first(rows_));
    for (std::size_t row = 0; row < rows_; ++row) {
      weights_[row] = weighting_.weight(weights_[row]);
      loss_weights_[row] = std::llrint(std::ldexp(weights_[row], weighting_.loss_exponent));
    }
  }
  begins_epoch_ = batch.begins_epoch;
}

Draws SampledGradient::sweep_draws(std::uint64_t sweep) const noexcept {
  Draws draws = draws_;
  draws.step = draws_.step * plan_.sweeps + sweep;
  draws.first = chains_here_.first;
  return draws;
}

BatchTotals SampledGradient::totals(std::int64_t loss) const {
  BatchTotals totals{.loss = loss};
  if (!plan_.two_phases || share_.slot != 0) return totals;  // the first rank tells the weights for all of its node
  constexpr auto units_of_one = static_cast<std::int64_t>(1 / weight_unit);
  totals.weights = {static_cast<std::int64_t>(rows_) * units_of_one,
                    static_cast<std::int64_t>(chains_here_.count) * units_of_one};
  if (!plan_.weighted) return totals;
  std::int64_t of_rows = 0;
  for (const Real weight : weights_.first(rows_)) of_rows += std::llrint(static_cast<double>(weight) / weight_unit);
  for (const GradientPhase phase : {GradientPhase::data, GradientPhase::model}) {
    if (plan_.weighs(phase)) totals.weights[static_cast<std::size_t>(phase)] = of_rows;
  }
  return totals;
}

std::unique_ptr<BatchGradient> make_sampled_gradient(const EstimatorSettings& settings, Workspace& memory) {
  const RbmShape shape = settings.rbm.shape();
  const TrainingOptions& options = settings.options;
  if (rbm_layout(shape).count() != 3) {
    throw Error(Failure::usage,
                fmt::format("estimator = {} takes units of one parameter each; this machine has {} units",
                            options.estimator, units_in_words(shape)));
  }
  if (persistent_chains(options) > 0) want_logistic(shape, "estimator = pcd");
  return options.engine == Engine::active ? make_sampled_gradient_active(settings, memory)
                                          : make_sampled_gradient_blas(settings, memory);
}

}  // namespace rbmpi

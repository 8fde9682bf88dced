#include "train/rbm_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/data/unit_means.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "rbmpi/train/early_stop.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/likelihood.hpp"
#include "rbmpi/train/validation.hpp"
#include "train/chain_measures.hpp"
#include "train/kept_chains.hpp"
#include "train/persistent_chains.hpp"

namespace rbmpi {
namespace {

/// Collective. Mean of each unit over all rows.
std::vector<double> unit_means(const Rows& rows, const Communicator& world) {
  std::vector<Real> probabilities(rows.columns);
  const ReadRow read_row = [&](const RowReader& reader, std::uint64_t, std::uint64_t row, std::span<double> values) {
    reader.read({row, 1}, finest, {probabilities.data(), 1, probabilities.size()});
    std::ranges::copy(probabilities, values.begin());
  };
  return unit_means(rows, read_row, world);
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

/// The copies of the weights that products are formed with.
class RbmCopies final : public ParameterFollower {
 public:
  RbmCopies(const TrainingOptions& options, RbmView<const Real> rbm, std::size_t probability_rows,
            const NodeShare& share, Workspace& memory)
      : couplings(rounding(options.arithmetic), rbm.weights, probability_rows, share.slots * share.threads, memory),
        rbm_(rbm),
        layout_(rbm_layout(rbm.shape())),
        weight_init_(options.weight_init) {}

  void begin(std::size_t worker) noexcept override { couplings.begin(worker); }

  void follow(std::size_t array, Shard rows, std::size_t worker) noexcept override {
    if (array == weights_array) {
      couplings.follow(rows, worker);
      return;
    }
    const Real* const parameters = rbm_.parameters().data() + layout_.offset(array, rows.first);
    if (!all_finite(parameters, rows.count)) couplings.reject(worker);
  }

  [[nodiscard]] Fit settle() noexcept override {
    switch (couplings.settle()) {
      case Couplings::Fit::good:
        return Fit::good;
      case Couplings::Fit::other_grid:
        return Fit::again;
      case Couplings::Fit::impossible:
        break;
    }
    return Fit::impossible;
  }

  [[nodiscard]] std::string refusal() const override {
    return fmt::format("weight-init = {}: the initial weights are too large to be summed exactly; 0.01 is usual",
                       weight_init_);
  }

  Couplings couplings;

 private:
  RbmView<const Real> rbm_;
  ParameterLayout layout_;
  double weight_init_;
};

/// Validation and likelihood.
class RbmMeasures final : public EpochMeasures {
 public:
  RbmMeasures(const TrainingOptions& options, const TrainingData& data, const RowWeighting& weighting,
              RbmView<const Real> rbm, Couplings& couplings, std::span<const StateArray> state, const NodeShare& share,
              const Communicator& world, Arena& memory)
      : options_(options),
        data_(data),
        loss_unit_(std::ldexp(loss_unit, -weighting.loss_exponent)),
        rbm_(rbm),
        couplings_(couplings),
        world_(world),
        reconstructs_(gradient_estimator(options.estimator).reconstructs) {
    if (data.validation.rows > 0) {
      validation_.emplace(data.training, data.validation, rbm.shape(), options.layer, options, memory);
    }
    const auto visible = std::ranges::find(state, visible_chains, &StateArray::name);
    const auto before = std::ranges::find(state, visible_chains_before, &StateArray::name);
    if (visible != state.end() && before != state.end() && has_visible_states(*visible, rbm.shape()) &&
        has_visible_states(*before, rbm.shape()) && visible->rows == before->rows) {
      chains_.emplace(options, data.training, rbm, couplings, *visible, *before, share, memory);
    }
    if (options.evaluate_every > 0) expect_likelihood(rbm.shape(), options, share.ranks, memory);
  }

  [[nodiscard]] std::string loss_name() const override { return reconstructs_ ? "reconstruction_mse" : ""; }

  [[nodiscard]] double mean_loss(double loss, std::uint64_t rows) const noexcept override {
    return loss * loss_unit_ / (static_cast<double>(rows) * static_cast<double>(rbm_.shape().visible));
  }

  [[nodiscard]] bool measure(TrainingProgress& progress, std::vector<Figure>& figures) override {
    if (chains_ && !chains_->measure(world_, figures)) return false;
    std::optional<ValidationFigures> validation;
    if (validation_) {
      validation = validation_->measure(rbm_, couplings_, progress.epoch, world_);
      if (!validation) return false;
      add_figures(*validation, figures);
    }
    if (options_.evaluate_every > 0 && progress.epoch % options_.evaluate_every == 0) {
      const std::optional<LikelihoodFigures> likelihood = measure_likelihood(rbm_, data_, options_, world_);
      if (!likelihood) return false;
      add_figures(*likelihood, figures);
    }
    if (options_.early_stop != EarlyStop::off) (void)judge_epoch(options_.early_stop, *validation, progress);
    return true;
  }

 private:
  const TrainingOptions& options_;
  const TrainingData& data_;
  double loss_unit_;
  RbmView<const Real> rbm_;
  Couplings& couplings_;
  const Communicator& world_;
  bool reconstructs_;
  std::optional<ChainMeasures> chains_;
  std::optional<Validation> validation_;
};

}  // namespace

RbmGradient::RbmGradient(const TrainingOptions& options, const TrainingData& data, const Communicator& world)
    : RbmGradient(options, data, row_weights(data.training), world) {}

RbmGradient::RbmGradient(const TrainingOptions& options, const TrainingData& data, const RowWeights& weights,
                         const Communicator& world)
    : options_(options),
      data_(data),
      world_(world),
      shape_(shape_of(options, data.training.columns)),
      layout_(rbm_layout(shape_, options.layer)),
      estimator_(gradient_estimator(options.estimator)),
      weighting_(weights, options, shape_) {}

std::uint64_t RbmGradient::exact_rows() const noexcept {
  if (options_.arithmetic != Arithmetic::exact) return 0;
  return std::min(estimator_.exact_rows(options_, shape_), weighting_.exact_rows);
}

std::uint64_t RbmGradient::chains() const noexcept {
  return estimator_.chains(options_);
}

bool RbmGradient::has_two_phases() const noexcept {
  return estimator_.has_two_phases(options_) || weighting_.differ;
}

bool RbmGradient::shows(std::size_t array) const noexcept {
  return estimator_.shows(options_, array);
}

std::size_t RbmGradient::probability_rows(const NodeShare& share) const {
  const std::size_t of_batch = shard(share.node_rows, 0, static_cast<int>(share.slots)).count;
  const bool are_probabilities = !options_.sample_data || options_.reconstruction == UnitValues::means;
  return std::max(are_probabilities ? of_batch : 0, data_.validation.rows > 0 ? validation_rows_at_once : 0);
}

void RbmGradient::begin(std::span<Real> parameters, bool is_first_of_node) const {
  std::vector<double> means;
  if (visible_bias_init_in_use(options_) == VisibleBiasInit::data) means = unit_means(data_.training, world_);
  if (!is_first_of_node) return;
  const RbmView<Real> rbm(shape_, parameters);
  initialise_weights(rbm, options_.weight_init, options_.seed, options_.layer);
  if (!means.empty()) start_from_means(rbm, means, static_cast<std::uint64_t>(std::llround(weighting_.effective_rows)));
}

PreparedGradient RbmGradient::prepare(const NodeShare& share, std::span<Real> parameters, Workspace& memory) const {
  const RbmView<const Real> rbm(shape_, parameters);
  PreparedGradient prepared;
  auto copies = std::make_unique<RbmCopies>(options_, rbm, probability_rows(share), share, memory);
  Couplings& couplings = copies->couplings;
  prepared.follower = std::move(copies);
  prepared.gradient = estimator_.make({rbm, couplings, data_.training, options_, share, weighting_}, memory);
  prepared.measures = std::make_unique<RbmMeasures>(options_, data_, weighting_, rbm, couplings,
                                                    prepared.gradient->state(), share, world_, memory.rank);
  return prepared;
}

}  // namespace rbmpi

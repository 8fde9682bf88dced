#include "rbmpi/train/likelihood.hpp"

#include <algorithm>
#include <vector>

#include "rbmpi/evaluate/annealed_importance_sampling.hpp"
#include "rbmpi/evaluate/binary_rows.hpp"
#include "rbmpi/evaluate/data_scores.hpp"
#include "rbmpi/evaluate/exact_partition.hpp"
#include "rbmpi/evaluate/temperatures.hpp"

namespace rbmpi {
namespace {

LikelihoodFigures measure(RbmView<const Real> rbm, const TrainingData& data, const BinaryRows& rows,
                          const TrainingOptions& options, const Communicator& world) {
  LikelihoodFigures figures;
  if (can_enumerate(rbm.shape())) {
    figures.log_z = exact_log_partition(rbm, world);
  } else {
    const std::vector<Real> base = base_visible_bias(unit_means(data.training, rows, world));
    const AisSettings settings{.chains = options.evaluate_chains,
                               .temperatures = parse_temperatures(options.evaluate_temperatures),
                               .seed = rows.seed};
    const LogPartition estimate = annealed_importance_sampling(rbm, base, settings, world);
    figures.log_z = estimate.log_z;
    figures.log_z_standard_error = estimate.standard_error;
    figures.log_z_effective_chains = estimate.effective_samples;
  }
  const auto likelihood_of = [&](const Samples& samples) {
    const ScoreSettings free_energy{
        .rows = rows, .reconstruction = false, .pseudo_likelihood = false, .full_pseudo_likelihood = false};
    return -score_data(rbm, samples, free_energy, world).free_energy.mean - figures.log_z;
  };
  const bool validates = data.validation.rows > 0;
  const std::uint64_t most = validates ? data.validation.rows : most_likelihood_rows;
  figures.training = likelihood_of(data.training.part(0, std::min(data.training.rows, most)));
  if (validates) figures.validation = likelihood_of(data.validation);
  return figures;
}

}  // namespace

std::optional<LikelihoodFigures> measure_likelihood(RbmView<const Real> rbm, const TrainingData& data,
                                                    const TrainingOptions& options, const Communicator& world) {
  const BinaryRows rows{.binarise = options.sample_data ? Binarise::sample : Binarise::none, .seed = options.seed};
  try {
    return measure(rbm, data, rows, options, world);
  } catch (const AgreedError& error) {
    if (error.failure() == Failure::interrupted) return std::nullopt;
    throw;
  }
}

void expect_likelihood(RbmShape shape, const TrainingOptions& options, int ranks, Arena& memory) {
  memory.expect(scoring_memory(shape));
  memory.expect(can_enumerate(shape)
                    ? enumeration_memory(shape)
                    : annealing_memory(shape, options.evaluate_chains,
                                       parse_temperatures(options.evaluate_temperatures).size(), ranks));
}

}  // namespace rbmpi

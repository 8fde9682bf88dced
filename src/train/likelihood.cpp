#include "rbmpi/train/likelihood.hpp"

#include <algorithm>

#include "rbmpi/data/row_weights.hpp"
#include "rbmpi/evaluate/binary_rows.hpp"
#include "rbmpi/evaluate/data_scores.hpp"
#include "rbmpi/evaluate/exact_partition.hpp"
#include "rbmpi/evaluate/log_z.hpp"
#include "rbmpi/evaluate/temperatures.hpp"

namespace rbmpi {
namespace {

AisSettings annealing(const TrainingOptions& options) {
  return {.chains = options.evaluate_chains,
          .temperatures = parse_temperatures(options.evaluate_temperatures),
          .seed = options.seed};
}

LikelihoodFigures measure(RbmView<const Real> rbm, const TrainingData& data, const BinaryRows& rows,
                          const TrainingOptions& options, const Communicator& world) {
  const FoundLogZ found = find_log_z(rbm, can_enumerate(rbm.shape()), annealing(options), data.training, rows, world);
  LikelihoodFigures figures;
  figures.log_z = found.log_z;
  figures.log_z_standard_error = found.standard_error();
  if (found.estimate) figures.log_z_effective_chains = found.estimate->effective_samples;
  const auto likelihood_of = [&](const Rows& samples) {
    const ScoreSettings free_energy{
        .rows = rows, .reconstruction = false, .pseudo_likelihood = false, .full_pseudo_likelihood = false};
    return -score_data(rbm, samples, free_energy, world).free_energy.mean - figures.log_z;
  };
  const bool validates = data.validation.rows > 0;
  const std::uint64_t most = validates ? data.validation.rows : most_likelihood_rows;
  figures.training = likelihood_of(first_rows_that_count(data.training, most));
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
  memory.expect(log_z_memory(shape, can_enumerate(shape), annealing(options), ranks));
}

}  // namespace rbmpi

#pragma once

#include <cstdint>
#include <optional>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/trainer.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// The most training rows whose likelihood is measured.
inline constexpr std::uint64_t most_likelihood_rows = 10000;

/// Collective. The likelihood of a model on the first training rows, as many as there are validation rows (or, without
/// any, at most `most_likelihood_rows`), and on the validation rows. log Z is exact where one side of the model can be
/// enumerated, else by annealed importance sampling with the chains and temperatures of the options. Nothing, on
/// all ranks, if a signal asked one of them to stop.
[[nodiscard]] std::optional<LikelihoodFigures> measure_likelihood(RbmView<const Real> rbm, const TrainingData& data,
                                                                  const TrainingOptions& options,
                                                                  const Communicator& world);

/// Local. Expects of `memory` what it needs on one of `ranks` ranks.
void expect_likelihood(RbmShape shape, const TrainingOptions& options, int ranks, Arena& memory);

}  // namespace rbmpi

#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// What `hidden_features` makes.
struct FeatureSettings {
  bool sample = false;     ///< zeros and ones drawn with the probabilities, instead of the probabilities
  std::uint64_t seed = 1;  ///< of what is drawn
};

/// Collective. The hidden units of rows of data as features of them: p(h = 1 | v) = sigmoid(v W + c) with the values v
/// in [0, 1] as they are (scikit-learn's BernoulliRBM.transform), to about 1e-6; through a stack, layer after layer,
/// lowest first (evaluate/stack_features.hpp). `take` is called on the root with one
/// piece of rows after the other, in their order: the number of its first row, and the features [rows x H]; it may
/// throw. The rows are shared out over ranks and threads; the features are the same bit for bit on any number of them.
/// Throws an AgreedError: Failure::usage if model and data do not fit, Failure::other without the memory for a piece,
/// Failure::interrupted after a signal.
void hidden_features(std::span<const RbmView<const Real>> layers, const Rows& samples, const FeatureSettings& settings,
                     const Communicator& world,
                     const std::function<void(std::uint64_t first, ConstMatrixView features)>& take,
                     const ProgressReport& progress = {});
inline void hidden_features(RbmView<const Real> rbm, const Rows& samples, const FeatureSettings& settings,
                            const Communicator& world,
                            const std::function<void(std::uint64_t first, ConstMatrixView features)>& take,
                            const ProgressReport& progress = {}) {
  hidden_features(std::span(&rbm, 1), samples, settings, world, take, progress);
}

}  // namespace rbmpi

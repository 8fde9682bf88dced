#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/evaluate/binary_rows.hpp"
#include "rbmpi/evaluate/row_mean.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// What is asked of `score_data`.
struct ScoreSettings {
  BinaryRows rows = {};                ///< how values between 0 and 1 become zeros and ones
  bool reconstruction = true;          ///< reconstruction error and cross-entropy
  bool pseudo_likelihood = true;       ///< the stochastic one
  bool full_pseudo_likelihood = true;  ///< V times as much work
  bool by_row = false;                 ///< and figures of each row
};

/// Figures of one row, in nats.
struct RowScores {
  double free_energy = 0;             ///< F(v)
  double full_pseudo_likelihood = 0;  ///< 0 if it was not asked for, or the units have none
};

/// How well a model fits rows of data: means over the rows, weighted if they have weights. In nats but for the
/// reconstruction error.
struct DataScores {
  std::uint64_t rows = 0;
  double effective_rows = 0;    ///< equally weighted rows of which a mean would be as uncertain
  std::uint64_t grey_rows = 0;  ///< rows that were used with a value in them that no state has: other than 0 and 1
  RowMean free_energy;          ///< F(v); the log-likelihood is -F(v) - log Z
  /// Of r = the mean of the visible units at the field W p, p = that of the hidden ones at v W (of zeros and ones the
  /// sigmoids of these and their biases), without sampling: the mean over the units of (v - r)^2,
  std::optional<RowMean> reconstruction_mse;
  /// and the sum over the units of -log p(v | W p), of zeros and ones -v log r - (1 - v) log(1 - r).
  std::optional<RowMean> cross_entropy;
  /// V log p(v_i | v without i) of one random unit i a row: V log sigmoid(F(v') - F(v)), where v' has the other state
  /// of unit i, 1 - v_i. It is what scikit-learn's BernoulliRBM.score_samples gives. Units without just two states have
  /// none.
  std::optional<RowMean> pseudo_likelihood;
  /// The sum over all units of log p(v_i | v without i): what the stochastic one estimates (Besag 1975).
  std::optional<RowMean> full_pseudo_likelihood;
  /// If asked for, on the root: what the means are the means of, row after row; else none.
  std::vector<RowScores> by_row;
};

/// Collective. Scores rows that every rank has, in double precision with the parameters as they are. Each rank takes
/// its share of the rows; sums are formed in one order, so the scores are the same bit for bit on any number of ranks
/// and threads. Throws an AgreedError: Failure::file if the model does not fit the data, or there are no rows that have
/// a weight above 0,
/// Failure::other without the memory for it (`scoring_memory`), Failure::interrupted after a signal.
[[nodiscard]] DataScores score_data(RbmView<const Real> rbm, const Rows& samples, const ScoreSettings& settings,
                                    const Communicator& world, const ProgressReport& progress = {});

/// Local. Bytes that `score_data` needs on one rank, besides a little for each row, and what follows.
[[nodiscard]] std::uint64_t scoring_memory(RbmShape shape);
/// Local. Bytes of the figures of so many rows, if they are asked for, on the root of `ranks` ranks, which has most.
[[nodiscard]] std::uint64_t row_scores_memory(std::uint64_t rows, int ranks);

/// Local. The unit that the stochastic pseudo-likelihood flips in a row: a pure function of its arguments, equally
/// probable among `units`.
[[nodiscard]] std::uint64_t flipped_unit(std::uint64_t units, std::uint64_t seed, std::uint64_t row) noexcept;

/// Local. Of zeros and ones on both sides: log p(v_i | v without i) = log sigmoid(F(v') - F(v)), where v' has 1 - v_i
/// for v_i = `value`; `fields` [H] = c + v W.
[[nodiscard]] double unit_log_likelihood(RbmView<const Real> rbm, std::uint64_t unit, double value,
                                         const double* fields) noexcept;

}  // namespace rbmpi

#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Where Gibbs chains begin. Chain i begins at row `first_row` + i of the samples, which begin anew behind their last
/// row: the values are drawn as states, of zeros and ones each with its value as the probability. Without samples each
/// unit is drawn without field and parameters, of zeros and ones with probability 1/2: noise.
struct ChainStart {
  Rows samples;  ///< n x V, the same on all ranks; no rows: noise
  std::uint64_t first_row = 0;
  /// For each visible unit whether it stays, in all steps, what was drawn for it from its row; the others then begin as
  /// noise. Empty: all units begin as in their row, and none stays.
  std::vector<bool> clamped;
};

/// What is asked of `run_gibbs_chains`.
struct GibbsSettings {
  std::uint64_t chains = 100;  ///< at most 2^32 - 1
  std::uint64_t steps = 1000;  ///< from v to h and back to v
  std::uint64_t every = 0;     ///< chains are looked at after each so many steps; 0: after the last
  bool start_too = false;      ///< and before the first step
  bool probabilities = false;  ///< whether probabilities are wanted besides states
  std::uint64_t seed = 1;
};

/// The chains after some step.
struct ChainRecord {
  std::uint64_t step = 0;
  ConstBitMatrixView states;      ///< v: chains x V, of zeros and ones on both sides
  ConstMatrixView numbers;        ///< v: chains x V, of other units
  ConstMatrixView probabilities;  ///< p(v = 1 | h) that v was drawn with, of other units the means: chains x V. Where
                                  ///< there was none, at the start and in clamped units, the states. Without numbers if
                                  ///< not wanted
};

/// Collective. Block Gibbs sampling (Geman and Geman 1984) of p(v, h), each step h ~ p(h | v), v ~ p(v | h), of zeros
/// and ones
///   h ~ Bernoulli(sigmoid(v W + c)),   v ~ Bernoulli(sigmoid(h W^T + b))
/// with weights rounded to one grid for both (gibbs/couplings.hpp), so that a step leaves one distribution as it
/// is.
/// Calls `take` on the root with each record; it may throw. The chains are shared out over ranks and threads; what is
/// drawn depends on seed, chain, step and unit alone, so the records are the same bit for bit on any number of them.
/// Throws an AgreedError: Failure::usage if shapes do not fit or there is nothing to do, Failure::other without the
/// memory for a record, Failure::interrupted after a signal.
void run_gibbs_chains(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings,
                      const Communicator& world, const std::function<void(const ChainRecord&)>& take,
                      const ProgressReport& progress = {});

}  // namespace rbmpi

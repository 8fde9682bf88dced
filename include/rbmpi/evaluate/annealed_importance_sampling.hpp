#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/evaluate/row_mean.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

// Annealed importance sampling (Neal 2001) of log Z of an RBM (Salakhutdinov and Murray 2008). Between a base model A
// without weights, whose Z is known, and the model lie the distributions
//   p*_k(v) = exp((1 - b_k) a.v + b_k b.v) prod_j (1 + exp(b_k (c_j + (v W)_j))),   0 = b_0 < ... < b_K = 1,
// where a is the visible bias of the base model. A chain begins with v_0 ~ p_0, goes on with a Gibbs step v_k of each
// p_k, and has the weight
//   w = prod over k = 1..K of p*_k(v_{k-1}) / p*_{k-1}(v_{k-1}),   whose expectation is Z / Z_0.
//
// States are bits, so the sums of weights are exact, in the fast way of training, for weights rounded to a grid
// (Couplings). All p_k but the last have the rounded weights; the last has the weights as they are. So the rounding
// is one more intermediate distribution, and its effect is in w: no approximation.
//
// A chain is a pure function of (seed, its number), its weight is found in double precision, and weights are added in
// the order of the chains: the same bits on any number of ranks and threads.

struct AisSettings {
  std::uint64_t chains = 100;        ///< of the forward direction
  std::vector<double> temperatures;  ///< b_0 = 0 < ... < b_K = 1; empty: the default (evaluate/temperatures.hpp)
  std::uint64_t seed = 1;
  std::uint64_t gibbs_steps = 0;  ///< of the reverse direction: steps that the samples are moved first, in the model
};

/// Chains of an estimate.
inline constexpr std::uint64_t most_annealing_chains = 1'000'000;

/// An estimate of log Z, in nats.
struct LogPartition {
  double log_z = 0;
  /// Of log_z, from the spread of the weights of the chains (delta method: standard deviation / (mean sqrt(chains))).
  /// Where few effective samples carry it, it is too small as well.
  double standard_error = 0;
  /// The same three standard errors up and down the mean weight, in log_z; the lower end may be -infinity, and the
  /// upper one of the reverse direction infinity.
  double low = 0;
  double high = 0;
  /// (sum of w)^2 / sum of w^2, between 1 and the number of chains (Kish 1965).
  double effective_samples = 0;
  double base_log_z = 0;            ///< log Z_0, of the base model
  std::vector<double> log_weights;  ///< [chains]: log w, of either direction
};

/// Local. The visible bias of the base model from the means of the units in some data: log-odds of the means, moved
/// away from 0 and 1 by 5 %, as Salakhutdinov and Murray do, so that the base model covers what the model may do.
[[nodiscard]] std::vector<Real> base_visible_bias(std::span<const double> means);

/// Collective. log Z from chains that go from the base model to the model. The mean weight is an unbiased estimate of
/// Z / Z_0, so its logarithm is too small on average (Jensen), and too large by more than x with a probability of at
/// most exp(-x) (Markov): a stochastic lower bound (Burda, Grosse and Salakhutdinov 2015). Throws an AgreedError:
/// Failure::usage for settings that make no sense, Failure::diverged if a parameter or a weight is not finite,
/// Failure::other without the memory for it (`annealing_memory`), Failure::interrupted after a signal.
[[nodiscard]] LogPartition annealed_importance_sampling(RbmView<const Real> rbm, std::span<const Real> base_bias,
                                                        const AisSettings& settings, const Communicator& world,
                                                        const ProgressReport& progress = {});

/// Collective. log Z from chains that go the other way, one from each of the given `samples` [n x V], which every rank
/// has. If they are independent samples of the model, the mean of 1 / w is an unbiased estimate of Z_0 / Z, so that log
/// Z is too large on average and too small by more than x with a probability of at most exp(-x): a stochastic upper
/// bound (Grosse, Ghahramani and Adams 2015). With both directions the truth lies between, and a gap between them says
/// that chains do not follow the schedule. That rests on the samples. Rows of data that were moved by
/// `gibbs_steps` of the model are near its distribution only where the chains mix within so many steps and the data
/// have all that the model has; from samples that are not the model's, the result is a diagnostic, no bound. One far
/// below the forward estimate says that they lack most of what the model has. Throws as the other direction does.
[[nodiscard]] LogPartition reverse_annealed_importance_sampling(RbmView<const Real> rbm,
                                                                std::span<const Real> base_bias,
                                                                ConstBitMatrixView samples, const AisSettings& settings,
                                                                const Communicator& world,
                                                                const ProgressReport& progress = {});

/// Local. Bytes that one of `ranks` ranks needs for so many chains of a model and temperatures.
[[nodiscard]] std::uint64_t annealing_memory(RbmShape shape, std::uint64_t chains, std::uint64_t temperatures,
                                             int ranks);

/// The mean log-likelihood of data, in nats, and where its error comes from: -mean F - log Z.
struct LogLikelihood {
  double mean = 0;
  double partition_error = 0;        ///< standard error of log Z; 0 if that is exact
  std::optional<double> data_error;  ///< standard error of the mean over the rows, as a sample of all that could be
};

/// Local. From the mean free energy of the rows.
[[nodiscard]] LogLikelihood log_likelihood(const RowMean& free_energy, double log_z, double log_z_error) noexcept;

}  // namespace rbmpi

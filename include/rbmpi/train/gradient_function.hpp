#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/core/real.hpp"
#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/parallel/workspace.hpp"
#include "rbmpi/train/phase_clock.hpp"
#include "rbmpi/train/training_events.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Where a rank stands, and how much it has to do.
struct NodeShare {
  std::size_t node_rows = 0;    ///< the most rows of a batch that the node takes together
  std::size_t node_chains = 0;  ///< the most chains that it takes together
  std::size_t slots = 1;        ///< ranks of the node
  std::size_t slot = 0;         ///< number of this rank among them
  std::size_t threads = 1;      ///< of each rank
  int nodes = 1;
  int node = 0;   ///< number of this node
  int ranks = 1;  ///< of all nodes

  /// The number of a thread of this rank among the workers of the node.
  [[nodiscard]] std::size_t worker(std::size_t thread) const noexcept { return slot * threads + thread; }
  /// Of these rows, those of this rank.
  [[nodiscard]] Shard rows_of_rank(std::uint64_t rows) const noexcept {
    return shard(rows, static_cast<int>(slot), static_cast<int>(slots));
  }
};

/// The two phases of a gradient of a log-likelihood: averages over rows of data, less averages over samples of the
/// model.
enum class GradientPhase : std::size_t { data, model };
inline constexpr std::size_t gradient_phases = 2;

/// The total weights of rows and chains are whole numbers of this unit, so that they are summed exactly.
inline constexpr double weight_unit = 0x1p-24;

/// What a rank finds in its part of a batch, besides the gradient.
struct BatchTotals {
  std::int64_t loss = 0;  ///< of its rows, in units of loss_unit
  /// With two phases, the total weights of its rows and of its samples of the model, in units of weight_unit; else
  /// zeros.
  std::array<std::int64_t, gradient_phases> weights{};
};

/// What is known of a step when the sums of its two phases become the gradient.
struct PhaseSums {
  /// Sums over all rows and over all samples of the model times these are weighted means.
  std::array<Real, gradient_phases> shares{};
  /// Of the rows: a gradient is the difference of the means times it, so that a light batch pulls less than a heavy
  /// one.
  Real mean_weight = 1;
  /// The sums of the arrays that the function `shows`, one array behind the other.
  std::array<std::span<const Real>, gradient_phases> shown{};
};

/// The gradient of a mini-batch, as sums over its rows and, where it has two phases, over chains that sample the model,
/// in two halves. First the ranks of a node take the rows and chains of the node, and leave what they find (states,
/// errors) in memory that they share. Then, when they have waited for each other, each rank forms the sums of its own
/// share of the parameters, over all rows or chains of the node: so no gradient is ever sent within a node. With two
/// phases the sums of each, over all nodes, become the gradient last.
class BatchGradient {
 public:
  virtual ~BatchGradient() = default;

  /// Collective over the node, on all threads, without allocation. The first half, for the rows of `batch` and for
  /// `chains` (numbers among all chains), those of the node; of either there may be none. The time is booked on
  /// `clock`.
  virtual BatchTotals propagate(const MiniBatch& batch, Shard chains, PhaseClock& clock) = 0;
  /// Local, on the calling thread, which is number `thread` of this rank, without allocation. The second half:
  /// `sums` [count x columns] become those of a phase for these rows of an array, at most `panel_rows` of them. With
  /// one phase they are the gradient.
  virtual void sum(GradientPhase phase, std::size_t array, Shard rows, std::size_t thread, Real* sums) = 0;
  /// Local, on the calling thread, without allocation. With two phases: `data`, the sums over all rows, of these rows
  /// of an array, become the gradient; `model` are those over all chains. Unless it is told otherwise, the difference
  /// of the means times the mean weight. All ranks of the node see the sums of the arrays that are shown before, and
  /// what was left in memory of the node when all other arrays have become the gradient before these do.
  virtual void combine(std::size_t array, Shard rows, std::size_t thread, const PhaseSums& sums, std::span<Real> data,
                       std::span<const Real> model);
  /// Local. How many rows of an array are best done at a time: a multiple of its group, or all.
  [[nodiscard]] virtual std::size_t panel_rows(std::size_t array) const noexcept = 0;
  /// Local. What is remembered from step to step beside the parameters, in memory of the node. It may change in
  /// `propagate` and `combine` alone.
  [[nodiscard]] virtual std::vector<StateArray> state() { return {}; }
  /// Collective over the node. Makes the state with which a training begins, from zeros, when the parameters have begun
  /// and the follower has followed; one that goes on has it filled in instead.
  virtual void begin_state() {}
};

/// What follows the parameters when they have changed, and before the first step, such as rounded copies of them, and
/// tells whether they are of use. Each thread of each rank of the node is a worker, number slot * threads + thread: it
/// begins, follows the rows that it has, and when all have waited for each other all settle, with the same result.
/// Local, on the calling thread, without allocation.
class ParameterFollower {
 public:
  virtual ~ParameterFollower() = default;

  enum class Fit {
    good,
    again,      ///< all workers have to follow once more: rare
    impossible  ///< the parameters are not finite, or of no use
  };
  virtual void begin(std::size_t worker) noexcept = 0;
  virtual void follow(std::size_t array, Shard rows, std::size_t worker) noexcept = 0;
  [[nodiscard]] virtual Fit settle() noexcept = 0;
  /// Why parameters that cannot be used from the beginning cannot.
  [[nodiscard]] virtual std::string refusal() const { return "the initial parameters are not finite"; }
};

/// What is measured of an epoch.
class EpochMeasures {
 public:
  virtual ~EpochMeasures() = default;

  /// Local. The first figure of an epoch: its name, or nothing if there is none, and what `loss`, a whole number of
  /// loss_unit, of so many rows means; the mean of a row unless it is told otherwise.
  [[nodiscard]] virtual std::string loss_name() const = 0;
  [[nodiscard]] virtual double mean_loss(double loss, std::uint64_t rows) const noexcept {
    return loss * loss_unit / static_cast<double>(rows);
  }
  /// Collective over all ranks, after an epoch: adds figures to those of the epoch, and notes in `progress` if it is
  /// the best one, where there is something to stop early by. False, on all ranks, if a signal asked to stop meanwhile.
  [[nodiscard]] virtual bool measure(TrainingProgress& progress, std::vector<Figure>& figures) = 0;
};

/// A gradient function at work: in one optimisation, on one rank.
struct PreparedGradient {
  std::unique_ptr<ParameterFollower> follower;  ///< if none: the parameters only have to stay finite
  std::unique_ptr<BatchGradient> gradient;      ///< may use the follower
  std::unique_ptr<EpochMeasures> measures;      ///< may use the follower
};

/// A function of parameters and data whose gradient `optimize` (train/optimize.hpp) follows uphill: the log-likelihoods
/// of an RBM (train/rbm_gradient.hpp) and of a net (train/back_propagation.hpp) are two. What it is told here are its
/// parameters, one flat buffer, and how they begin; what works on them it makes. Who has only a plain function of rows
/// and parameters takes RowsGradient (train/rows_gradient.hpp).
class GradientFunction {
 public:
  virtual ~GradientFunction() = default;

  /// Local. The arrays of which the flat buffer consists.
  [[nodiscard]] virtual const ParameterLayout& layout() const noexcept = 0;
  /// Local. Of how many rows, or chains, single precision adds up exactly what they give, so that results do not depend
  /// on the order: sums over more are added in double precision. 0: sums are not exact.
  [[nodiscard]] virtual std::uint64_t exact_rows() const noexcept { return 0; }
  /// Local. Chains that sample the model, beside the rows of a batch, in all nodes together.
  [[nodiscard]] virtual std::uint64_t chains() const noexcept { return 0; }
  /// Local. Whether the gradient has two phases, whose sums become the gradient last: with chains, and where the
  /// samples of the model begin at the rows but their sums are wanted apart.
  [[nodiscard]] virtual bool has_two_phases() const noexcept { return chains() > 0; }
  /// Local. Whether rows count differently: then there may be batches of no weight at all, whose gradient is 0.
  [[nodiscard]] virtual bool weighs_rows() const noexcept { return false; }
  /// Local. Whether, with two phases, all ranks of a node see the sums of an array before those of any array become the
  /// gradient, as centring wants to see the means of the units, and it becomes the gradient after all that are not
  /// shown. For small arrays.
  [[nodiscard]] virtual bool shows(std::size_t /*array*/) const noexcept { return false; }
  /// Collective over all ranks. Sets the initial parameters; only what is written on the first rank of a node counts.
  virtual void begin(std::span<Real> parameters, bool is_first_of_node) const = 0;

  /// Local. Everything that may fail on one rank alone: takes the memory of all that works on `parameters`, which stay
  /// where they are, as this object does. From a workspace that only counts, and without parameters, it takes the same,
  /// and touches nothing.
  [[nodiscard]] virtual PreparedGradient prepare(const NodeShare& share, std::span<Real> parameters,
                                                 Workspace& memory) const = 0;
};

}  // namespace rbmpi

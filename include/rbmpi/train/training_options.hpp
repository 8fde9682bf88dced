#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "rbmpi/evaluate/temperatures.hpp"
#include "rbmpi/train/schedule.hpp"

namespace rbmpi {

/// How sums are formed (docs/numerics.md): `exact`, so that they have no order and the model is bit-identical on any
/// number of ranks and threads; or `plain`, ordinary single precision, for comparison.
enum class Arithmetic { exact, plain };

/// `automatic`: `data` with persistent chains, which would need long to move the means of units there; else `zero`.
enum class VisibleBiasInit { automatic, zero, data };

/// What units are in the sums of a gradient: states, drawn, or their means given the other side. `automatic` for the
/// hidden units of rows: `means` with persistent chains, less noise at no cost; else `states`, as CD-1 has them.
enum class UnitValues { automatic, states, means };

/// With which states persistent chains begin: drawn from the visible units without weights, as rows of the data, or
/// with each unit on with probability 1/2.
enum class ChainsFrom { fields, data, noise };

/// By which means of units the gradient is centred (train/centring.hpp): of the batch, or sliding over batches.
enum class CentringOffsets { off, batch, sliding };

/// How products with states of zeros and ones are formed, with the same results: `blas` as matrix products, which suits
/// everything; `active` as sums over the units that are on (or off, if these are fewer), in exact arithmetic with
/// sampled data; `automatic` is `active` where it can be.
enum class Engine { automatic, blas, active };

/// How the ranks add up their gradients, with the same results: `shared`: the ranks of a node keep one copy of the
/// parameters and each updates a share of them, so that only nodes have sums to exchange, while they compute;
/// `allreduce`: every rank has a copy of its own and one MPI_Allreduce sums the gradients; `automatic`: shared where
/// all nodes have equally many ranks and memory to share.
enum class Exchange { automatic, shared, allreduce };

/// What may stop a training before its last epoch (train/early_stop.hpp): nothing, the free-energy gap between
/// validation and training rows, or the pseudo-likelihood of the validation rows.
enum class EarlyStop { off, gap, pseudo_likelihood };

/// How `optimize` (train/optimize.hpp) goes about its work. The names are those of the configuration file.
struct OptimizationOptions {
  std::uint64_t epochs = 10;       ///< passes over the training rows
  std::uint64_t updates = 0;       ///< in their place steps, also to the middle of an epoch; 0: epochs
  std::uint64_t batch_size = 100;  ///< rows of one step over all ranks
  Schedule learning_rate = 0.1;
  double rate_decay = 1;  ///< factor of the learning rate from one epoch to the next
  Schedule momentum = 0.9;
  Schedule weight_cost = 0.0;       ///< L2 penalty on the weights, taken off their gradient
  Schedule field_cost = 0.0;        ///< L2 penalty on the visible biases
  Schedule l1 = 0.0;                ///< L1 penalty on the weights
  Schedule clip_gradient = 0.0;     ///< the most that a component of the average gradient may be, either way; 0: any
  bool shuffle = true;              ///< another order of the rows in each epoch
  std::uint64_t shuffle_block = 0;  ///< rows that are shuffled together, block by block (RowOrder); 0: all
  std::uint64_t seed = 1;
  std::uint64_t patience = 5;  ///< epochs in a row that are no better than the best, after which it stops
  Exchange exchange = Exchange::automatic;
  int ranks_per_node = 0;              ///< simulated nodes of this many ranks; 0: the real ones
  std::string optimizer = "momentum";  ///< a row of optimizers()
  std::uint32_t layer = 0;             ///< number of the layer that is trained, for random numbers and metrics
  std::uint64_t first_step = 0;        ///< steps of the run before it, in other layers; progress counts on from them
};

/// A chain is a 32-bit number among the random ones, and steps times sweeps are a 48-bit one.
inline constexpr std::uint64_t most_chains = (std::uint64_t{1} << 32U) - 1;
inline constexpr std::uint64_t most_sweeps = 1 << 16;

/// What a training of an RBM does.
struct TrainingOptions : OptimizationOptions {
  std::size_t hidden = 100;                ///< hidden units
  std::string visible_unit = "bernoulli";  ///< rows of units()
  std::string hidden_unit = "bernoulli";
  double weight_init = 0.01;  ///< standard deviation of the initial weights
  VisibleBiasInit visible_bias_init = VisibleBiasInit::automatic;
  bool sample_data = true;  ///< v0 ~ Bernoulli(data), else v0 = data
  Arithmetic arithmetic = Arithmetic::exact;
  Engine engine = Engine::automatic;
  std::uint64_t evaluate_every = 0;     ///< measure the log-likelihood after each so many epochs; 0: never
  std::uint64_t evaluate_chains = 100;  ///< of AIS
  std::string evaluate_temperatures = default_temperatures;  ///< of AIS (evaluate/temperatures.hpp)
  EarlyStop early_stop = EarlyStop::off;
  std::string estimator = "cd";  ///< a row of gradient_estimators()
  std::uint64_t sweeps = 1;      ///< of the chains in a step: k of CD-k and PCD-k
  std::uint64_t chains = 0;      ///< persistent ones; 0: as many as rows of a batch
  ChainsFrom chains_from = ChainsFrom::fields;
  UnitValues statistics = UnitValues::automatic;   ///< of the hidden units of rows
  UnitValues reconstruction = UnitValues::states;  ///< of the visible units of chains that begin at the rows
  CentringOffsets centring = CentringOffsets::off;
};

}  // namespace rbmpi

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace rbmpi {

/// What random numbers are drawn for. Each has numbers of its own. The values are part of what a digest means.
enum class Phase : std::uint32_t {
  data = 0,             ///< v0 ~ Bernoulli(v0p)
  hidden = 1,           ///< h0 ~ Bernoulli(h0p)
  visible = 2,          ///< v1 ~ Bernoulli(v1p)
  weights = 3,          ///< initial weights
  order = 4,            ///< the order of the rows
  validation_data = 5,  ///< as the first three, for the validation rows
  validation_hidden = 6,
  evaluation_data = 7,   ///< rows to evaluate a model on (evaluate/binary_rows.hpp)
  flipped_unit = 8,      ///< of the stochastic pseudo-likelihood
  annealing_hidden = 9,  ///< chains of annealed importance sampling
  annealing_visible = 10,
  chain_start = 16,  ///< Gibbs chains (evaluate/gibbs_chains.hpp): v before the first step,
  chain_hidden = 17,
  chain_visible = 18,
  feature_hidden = 19,  ///< h of a row of data (evaluate/hidden_features.hpp)
  net_weights = 20,     ///< initial weights of a net (model/feed_forward_net.hpp)
  dropout = 21,         ///< units that a step of back-propagation leaves out
  measured_pairs = 22,  ///< pairs of units whose second moments are measured (train/measured_pairs.hpp)
  stack_visible = 32,   ///< v of a layer given the h that the layer above has drawn (evaluate/stack_samples.hpp)
};

/// The random numbers of one sample in one phase of one step: a pure function of (seed, layer, step, phase, sample),
/// by the counter-based generator Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
/// 1, 2, 3", SC 2011). There is no state: nothing can be lost, shared by mistake or depend on a rank.
///
/// Counter: {block, sample, step (low 32 bits), step (bits 32 to 47) << 16 | layer << 8 | phase << 1 | refinement};
/// key: the seed.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint32_t layer, std::uint64_t step, Phase phase, std::uint32_t sample) noexcept;

  /// The numbers of the units from `unit` on, a multiple of 16: what numbers of this stream its first unit, ... have.
  [[nodiscard]] RandomStream from_unit(std::size_t unit) const noexcept;

  using Block = std::array<std::uint32_t, 4>;
  /// 128 random bits.
  [[nodiscard]] Block block(std::uint32_t index) const noexcept;
  /// 128 more, independent of all `block`s: the low bits of numbers whose high bits came from there.
  [[nodiscard]] Block refinement(std::uint32_t index) const noexcept;

  using Key = std::array<std::uint32_t, 2>;
  /// Counter of block 0 and key, for code that makes many blocks at a time.
  [[nodiscard]] const Block& counter() const noexcept { return counter_; }
  [[nodiscard]] const Key& key() const noexcept { return key_; }

 private:
  Block counter_;
  Key key_;
};

/// The random numbers of rows of units in one step: those of row i are a function of (seed, layer, step, phase,
/// first + i), whoever draws them.
struct Draws {
  std::uint64_t seed = 1;
  std::uint32_t layer = 0;
  std::uint64_t step = 0;
  std::uint64_t first = 0;  ///< number of row 0: a chain, or a position in a batch

  [[nodiscard]] RandomStream stream(Phase phase, std::uint64_t row) const noexcept {
    return {seed, layer, step, phase, static_cast<std::uint32_t>(first + row)};
  }
};

/// Local. A standard normal number, a pure function of the stream and `index`, by Marsaglia's polar method. Only
/// operations that IEEE 754 defines to the bit (+ - * / sqrt) are used, so it is the same on every machine.
[[nodiscard]] double normal(const RandomStream& stream, std::uint32_t index) noexcept;

/// Local. The natural logarithm of a positive, normal number to about 1e-15, the same bits on every machine, which the
/// C library does not promise.
[[nodiscard]] double portable_log(double x) noexcept;

}  // namespace rbmpi

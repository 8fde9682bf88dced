#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/model/parameter_layout.hpp"

namespace rbmpi {

/// The most units of a layer: the sums of docs/numerics.md and the integers of BLAS have room for it.
inline constexpr std::size_t largest_layer = std::size_t{1} << 22U;

/// Numbers of visible and hidden units, and where the parameters lie in one flat buffer: the weights [V x H] row-major,
/// then the visible bias [V], then the hidden bias [H]. Gradient and velocity have the same layout.
struct RbmShape {
  std::size_t visible = 0;
  std::size_t hidden = 0;

  [[nodiscard]] std::size_t weights() const noexcept { return visible * hidden; }
  [[nodiscard]] std::size_t parameters() const noexcept { return weights() + visible + hidden; }
  friend bool operator==(const RbmShape&, const RbmShape&) = default;
};

/// The same as named arrays: weights, visible_bias and hidden_bias of the group of a layer.
[[nodiscard]] ParameterLayout rbm_layout(RbmShape shape, std::size_t layer = 0);

/// Named views of a flat buffer that has the layout of RbmShape.
template <typename Value>
struct RbmView {
  /// Without a buffer: for the shape alone, where memory is counted.
  RbmView(RbmShape shape, std::span<Value> flat) noexcept : weights{flat.data(), shape.visible, shape.hidden} {
    if (flat.data() == nullptr) return;
    visible_bias = flat.subspan(shape.weights(), shape.visible);
    hidden_bias = flat.subspan(shape.weights() + shape.visible, shape.hidden);
  }

  [[nodiscard]] RbmShape shape() const noexcept { return {weights.rows, weights.columns}; }
  /// The flat buffer.
  [[nodiscard]] std::span<Value> parameters() const noexcept { return {weights.values, shape().parameters()}; }
  // What may be written serves where it is only read.
  // NOLINTNEXTLINE(google-explicit-constructor): as std::span does
  operator RbmView<const Value>() const noexcept { return {shape(), parameters()}; }

  BasicMatrixView<Value> weights;  ///< W: V x H
  std::span<Value> visible_bias;   ///< b: V
  std::span<Value> hidden_bias;    ///< c: H
};

/// A restricted Boltzmann machine with zero-one ("bernoulli") units on both sides (Smolensky 1986; Hinton 2002):
///   E(v, h) = -b.v - c.h - v W h,   p(v, h) = exp(-E(v, h)) / Z
/// Its parameters are one flat, aligned buffer. Move-only.
class Rbm {
 public:
  Rbm() = default;
  /// All parameters zero.
  explicit Rbm(RbmShape shape) : shape_(shape), parameters_(shape.parameters()) {}
  /// With these parameters, as many as the shape has, in its layout.
  Rbm(RbmShape shape, AlignedBuffer<Real> parameters) : shape_(shape), parameters_(std::move(parameters)) {}

  [[nodiscard]] RbmShape shape() const noexcept { return shape_; }
  [[nodiscard]] std::span<Real> parameters() noexcept { return parameters_.span(); }
  [[nodiscard]] std::span<const Real> parameters() const noexcept { return parameters_.span(); }
  /// The buffer, to be used for something else.
  [[nodiscard]] AlignedBuffer<Real> take_parameters() && noexcept {
    shape_ = {};
    return std::move(parameters_);
  }
  [[nodiscard]] RbmView<Real> view() noexcept { return {shape_, parameters_.span()}; }
  [[nodiscard]] RbmView<const Real> view() const noexcept { return {shape_, parameters_.span()}; }
  // A machine serves where a view of one is asked for.
  // NOLINTNEXTLINE(google-explicit-constructor): as std::span does
  operator RbmView<Real>() noexcept { return view(); }
  // NOLINTNEXTLINE(google-explicit-constructor): as std::span does
  operator RbmView<const Real>() const noexcept { return view(); }

 private:
  RbmShape shape_;
  AlignedBuffer<Real> parameters_;
};

/// Local. Draws the weights from N(0, standard_deviation^2), a pure function of (seed, layer, unit, unit).
void initialise_weights(RbmView<Real> rbm, double standard_deviation, std::uint64_t seed, std::uint32_t layer);

/// Local. log(p / (1 - p)) of a probability in (0, 1), by the same operations on every processor.
[[nodiscard]] double log_odds(double p) noexcept;

/// Local. Sets the visible bias to the log-odds of the mean of each unit in the data, log(p / (1 - p)), so that
/// training need not learn it first (Hinton 2012, section 8). Means [V] closer to 0 or 1 than half a sample in `rows`
/// count as that far away, for a finite bias.
void set_visible_bias_to_log_odds(RbmView<Real> rbm, std::span<const double> means, std::uint64_t rows);

/// Local. `energy` less sum_j log(1 + exp(c_j + t x_j)): a free energy, from what the visible units have of it and the
/// fields x [H] of the hidden ones. In double precision, in the order of the units.
[[nodiscard]] double with_hidden_units(double energy, std::span<const Real> hidden_bias, const Real* fields,
                                       double inverse_temperature = 1) noexcept;

/// Local. energies[i] = F(v_i) = -b.v_i - sum_j log(1 + exp(c_j + (v_i W)_j)), the energy with the hidden units summed
/// out: p(v) = exp(-F(v)) / Z. v: n x V, in [0, 1]; `fields` = v W: n x H, without the bias, formed by the caller, who
/// knows in which arithmetic. Sums in double precision, in the order of the units.
void free_energies(RbmView<const Real> rbm, ConstMatrixView v, ConstMatrixView fields, std::span<double> energies);

/// Local. The digest of a model: SHA-256 over its parameters, 64 hexadecimal digits (docs/formats.md).
[[nodiscard]] std::string model_digest(std::span<const Rbm> layers);

}  // namespace rbmpi

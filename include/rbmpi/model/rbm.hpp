#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/model/unit.hpp"

namespace rbmpi {

/// The most units of a layer: the sums of docs/numerics.md and the integers of BLAS have room for it.
inline constexpr std::size_t largest_layer = std::size_t{1} << 22U;

/// Numbers and kinds of visible and hidden units, and where the parameters lie in one flat buffer: the weights [V x H]
/// row-major, then those of the visible units, array after array [V], then those of the hidden ones [H]. Gradient and
/// velocity have the same layout. The kinds must live on, as those of the table do.
struct RbmShape {
  std::size_t visible = 0;
  std::size_t hidden = 0;
  const UnitEntry* visible_unit = &bernoulli_unit;
  const UnitEntry* hidden_unit = &bernoulli_unit;

  [[nodiscard]] std::size_t weights() const noexcept { return visible * hidden; }
  [[nodiscard]] std::size_t visible_parameters() const noexcept { return visible * visible_unit->parameters.size(); }
  [[nodiscard]] std::size_t hidden_parameters() const noexcept { return hidden * hidden_unit->parameters.size(); }
  [[nodiscard]] std::size_t parameters() const noexcept {
    return weights() + visible_parameters() + hidden_parameters();
  }
  friend bool operator==(const RbmShape&, const RbmShape&) = default;
};

/// The same as named arrays: weights, then the parameters of the visible and of the hidden units, such as visible_bias
/// and hidden_bias, in the group of a layer.
[[nodiscard]] ParameterLayout rbm_layout(RbmShape shape, std::size_t layer = 0);
/// Numbers of the arrays of rbm_layout: the weights, and parameter k of the units of a side.
inline constexpr std::size_t weights_array = 0;
[[nodiscard]] inline std::size_t visible_array(std::size_t k = 0) noexcept {
  return 1 + k;
}
[[nodiscard]] inline std::size_t hidden_array(RbmShape shape, std::size_t k = 0) noexcept {
  return 1 + shape.visible_unit->parameters.size() + k;
}
/// Local. Whether both sides are 1 with probability sigmoid(field + bias), else 0: what the fast paths on bits take.
[[nodiscard]] inline bool is_logistic(RbmShape shape) noexcept {
  return shape.visible_unit->logistic && shape.hidden_unit->logistic;
}
/// Local. Of how many rows single precision adds up the products v h - v' h' exactly, if means are on the grid of
/// `state_grid` (docs/numerics.md); 0: they cannot be exact, as states are beyond [-1, 1].
[[nodiscard]] std::uint64_t exact_rows(RbmShape shape) noexcept;
/// Local. The grid on which means of states are rounded before those of so many rows are summed.
[[nodiscard]] Grid state_grid(RbmShape shape, std::uint64_t rows) noexcept;
/// Local. Throws Error(Failure::usage) unless it is so. `who` takes nothing else, as in "annealed importance sampling".
void want_logistic(RbmShape shape, std::string_view who);
/// Local. The kinds of both sides: "bernoulli on both sides", or "spin visible and bernoulli hidden".
[[nodiscard]] std::string units_in_words(RbmShape shape);

/// Named views of a flat buffer that has the layout of RbmShape.
template <typename Value>
struct RbmView {
  /// Without a buffer: for the shape alone, where memory is counted.
  RbmView(RbmShape shape, std::span<Value> flat) noexcept
      : weights{flat.data(), shape.visible, shape.hidden},
        visible_unit(shape.visible_unit),
        hidden_unit(shape.hidden_unit) {
    if (flat.data() == nullptr) return;
    visible_bias = flat.subspan(shape.weights(), shape.visible);
    hidden_bias = flat.subspan(shape.weights() + shape.visible_parameters(), shape.hidden);
  }

  [[nodiscard]] RbmShape shape() const noexcept { return {weights.rows, weights.columns, visible_unit, hidden_unit}; }
  /// The flat buffer.
  [[nodiscard]] std::span<Value> parameters() const noexcept { return {weights.values, shape().parameters()}; }
  // What may be written serves where it is only read.
  // NOLINTNEXTLINE(google-explicit-constructor): as std::span does
  operator RbmView<const Value>() const noexcept { return {shape(), parameters()}; }

  /// The units of a side, with all their parameters.
  [[nodiscard]] UnitRow visible_units() const noexcept {
    return {visible_unit, weights.rows, visible_bias.data(), weights.rows};
  }
  [[nodiscard]] UnitRow hidden_units() const noexcept {
    return {hidden_unit, weights.columns, hidden_bias.data(), weights.columns};
  }
  /// The parameters of the visible units, array after array.
  [[nodiscard]] std::span<Value> visible_parameters() const noexcept {
    return {visible_bias.data(), shape().visible_parameters()};
  }

  BasicMatrixView<Value> weights;  ///< W: V x H
  std::span<Value> visible_bias;   ///< b: V; of units with several parameters the first
  std::span<Value> hidden_bias;    ///< c: H; likewise
  const UnitEntry* visible_unit;
  const UnitEntry* hidden_unit;
};

/// A restricted Boltzmann machine (Smolensky 1986; Hinton 2002), whose units are of two kinds (model/unit.hpp):
///   E(v, h) = sum_i U(v_i) + sum_j U(h_j) - v W h,   p(v, h) = exp(-E(v, h)) / Z
/// For zeros and ones on both sides, U(v_i) = -b_i v_i and U(h_j) = -c_j h_j.
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

/// Local. Sets the parameters of the visible units to those with which they have these means [V] in `rows` rows of data
/// before anything is learned (UnitEntry::start): of zeros and ones the log-odds.
void start_from_means(RbmView<Real> rbm, std::span<const double> means, std::uint64_t rows);

/// Local. energies[i] = F(v_i), the energy with the hidden units summed out: p(v) = exp(-F(v)) / Z; of zeros and ones
/// F(v) = -b.v - sum_j log(1 + exp(c_j + (v W)_j)). v: n x V; `fields` = v W: n x H, formed by the caller, who knows in
/// which arithmetic. Sums in double precision, in the order of the units.
void free_energies(RbmView<const Real> rbm, ConstMatrixView v, ConstMatrixView fields, std::span<double> energies);

/// Local. The digest of a model: SHA-256 over its parameters, 64 hexadecimal digits (docs/formats.md).
[[nodiscard]] std::string model_digest(std::span<const Rbm> layers);

}  // namespace rbmpi

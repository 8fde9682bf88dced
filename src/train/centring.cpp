#include "train/centring.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rbmpi/core/kernels.hpp"

namespace rbmpi {
namespace {

constexpr Real sliding_share = 0.01F;

/// What sliding offsets are until a batch has rows that count.
constexpr Real none_yet = std::numeric_limits<Real>::quiet_NaN();

/// The difference of the means of a unit over data and model.
Real bias_gradient(std::size_t unit, const PhaseSums& sums) {
  return sums.shown[0][unit] * sums.shares[0] - sums.shown[1][unit] * sums.shares[1];
}

}  // namespace

Centring::Centring(RbmShape shape, CentringOffsets centring, const NodeShare& share, Workspace& memory)
    : shape_(shape),
      slide_(centring == CentringOffsets::sliding),
      offsets_(memory.node.take<Real>(slide_ ? shape.visible + shape.hidden : 0)),
      row_sums_(memory.node.take<Real>(shape.visible)),
      column_sums_(memory.node.take<Real>((shape.visible + rows_together - 1) / rows_together * shape.hidden)),
      of_hidden_(memory.rank.take<Real>(share.threads * 2 * shape.hidden)) {}

void Centring::begin() {
  std::ranges::fill(offsets_, none_yet);
}

Real Centring::offset(std::size_t unit, const PhaseSums& sums) const {
  const Real mean = sums.shown[0][unit] * sums.shares[0];
  if (!slide_ || std::isnan(offsets_[unit])) return mean;
  // A batch of light rows moves them less.
  return offsets_[unit] + sliding_share * std::min(Real{1}, sums.mean_weight) * (mean - offsets_[unit]);
}

void Centring::combine(std::size_t array, Shard rows, std::size_t thread, const PhaseSums& sums, std::span<Real> data,
                       std::span<const Real> model) {
  if (array == weights_array) return combine_weights(rows, thread, sums, data, model);
  const auto [V, H] = std::pair(shape_.visible, shape_.hidden);
  if (array == visible_array()) {
    for (std::size_t i = 0; i < rows.count; ++i) data[i] = row_sums_[rows.first + i];
  } else {
    // The groups of rows one after the other, in single precision as within them.
    std::ranges::fill(data, Real{0});
    for (std::size_t first = rows.first; first < column_sums_.size(); first += H) {
      add_values(column_sums_.data() + first, rows.count, data.data());
    }
  }
  const std::size_t first_unit = (array == visible_array() ? 0 : V) + rows.first;
  for (std::size_t i = 0; i < rows.count; ++i) {
    const std::size_t unit = first_unit + i;
    data[i] = (bias_gradient(unit, sums) - data[i]) * sums.mean_weight;
    // What is centred by it has been before. A batch of no weight moves nothing, and has no means to begin with.
    if (slide_ && sums.mean_weight > 0) offsets_[unit] = offset(unit, sums);
  }
}

void Centring::combine_weights(Shard rows, std::size_t thread, const PhaseSums& sums, std::span<Real> data,
                               std::span<const Real> model) {
  const auto [V, H] = std::pair(shape_.visible, shape_.hidden);
  const std::span<Real> offsets = of_hidden_.subspan(thread * 2 * H, H);
  const std::span<Real> biases = of_hidden_.subspan(thread * 2 * H + H, H);
  for (std::size_t j = 0; j < H; ++j) {
    offsets[j] = offset(V + j, sums);
    biases[j] = bias_gradient(V + j, sums);
  }
  for (std::size_t i = 0; i < rows.count; ++i) {
    const std::size_t unit = rows.first + i;
    Real* const group = column_sums_.data() + unit / rows_together * H;
    if (unit % rows_together == 0) std::fill_n(group, H, Real{0});
    row_sums_[unit] = centre_gradient({.data_share = sums.shares[0],
                                       .model_share = sums.shares[1],
                                       .offset = offset(unit, sums),
                                       .bias = bias_gradient(unit, sums),
                                       .offsets = offsets.data(),
                                       .biases = biases.data()},
                                      H, data.data() + i * H, model.data() + i * H, group);
  }
  if (sums.mean_weight == 1) return;
  for (Real& gradient : data) gradient *= sums.mean_weight;
}

std::vector<StateArray> Centring::state() {
  if (!slide_) return {};
  return {{.name = "offsets",
           .type = ElementType::float32,
           .rows = shape_.visible + shape_.hidden,
           .values = std::as_writable_bytes(offsets_)}};
}

}  // namespace rbmpi

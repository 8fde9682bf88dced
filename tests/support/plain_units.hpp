#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/model/rbm.hpp"
#include "support/numbers.hpp"

namespace rbmpi::test {

// Machines of any kinds of units whose states can be counted, by the definition alone: E(v, h) of each pair of states.

/// Parameters roughly normal, of this standard deviation.
inline Rbm random_machine(RbmShape shape, double size, std::uint64_t seed) {
  Random random(seed);
  Rbm rbm(shape);
  for (Real& parameter : rbm.parameters()) parameter = static_cast<Real>(size * random.bell());
  return rbm;
}

/// All states of so many units.
inline std::vector<std::vector<Real>> all_states(const UnitEntry& unit, std::size_t count) {
  std::vector<std::vector<Real>> states = {{}};
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::vector<Real>> longer;
    for (const std::vector<Real>& state : states) {
      for (const double value : unit.values) {
        longer.push_back(state);
        longer.back().push_back(static_cast<Real>(value));
      }
    }
    states = std::move(longer);
  }
  return states;
}

inline double machine_energy(RbmView<const Real> rbm, std::span<const Real> v, std::span<const Real> h) {
  double energy =
      rbm.visible_unit->energy(rbm.visible_units(), v.data()) + rbm.hidden_unit->energy(rbm.hidden_units(), h.data());
  for (std::size_t i = 0; i < v.size(); ++i) {
    for (std::size_t j = 0; j < h.size(); ++j) energy -= double{v[i]} * double{rbm.weights.row(i)[j]} * double{h[j]};
  }
  return energy;
}

/// F(v) = -log sum_h exp(-E(v, h)).
inline double plain_free_energy(RbmView<const Real> rbm, std::span<const Real> v) {
  double sum = 0;
  for (const std::vector<Real>& h : all_states(*rbm.hidden_unit, rbm.shape().hidden)) {
    sum += std::exp(-machine_energy(rbm, v, h));
  }
  return -std::log(sum);
}

inline double plain_log_z(RbmView<const Real> rbm) {
  double sum = 0;
  for (const std::vector<Real>& v : all_states(*rbm.visible_unit, rbm.shape().visible)) {
    sum += std::exp(-plain_free_energy(rbm, v));
  }
  return std::log(sum);
}

}  // namespace rbmpi::test

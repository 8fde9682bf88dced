#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/evaluate/exact_partition.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// The side of a machine whose states are counted through, and the other one, which is summed out.
struct EnumeratedSides {
  /// Of a machine that can_enumerate().
  explicit EnumeratedSides(RbmView<const Real> rbm)
      : weights(rbm.weights),
        over_hidden(enumerates_hidden(rbm.shape())),
        counted(over_hidden ? rbm.hidden_units() : rbm.visible_units()),
        others(over_hidden ? rbm.visible_units() : rbm.hidden_units()) {}

  [[nodiscard]] double weight(std::size_t unit, std::size_t other) const noexcept {
    return double{over_hidden ? weights.row(other)[unit] : weights.row(unit)[other]};
  }

  ConstMatrixView weights;
  bool over_hidden;
  UnitRow counted;
  UnitRow others;
};

/// The states of one side of a machine of any kinds of units, counted through one after the other, with the other side
/// summed out by its own row of the table of units (model/unit.hpp): a plain way where there is no fast one on bits.
class UnitEnumeration {
 public:
  /// Local. Of a shape that can_enumerate(); `rbm` must live on. Where memory is counted, its shape alone matters.
  UnitEnumeration(RbmView<const Real> rbm, Arena& memory);

  /// Of the side whose states are counted.
  [[nodiscard]] std::uint64_t states() const noexcept { return states_; }

  /// What a thread works with.
  struct Scratch {
    Scratch(const UnitEnumeration& all, Arena& memory);
    std::span<double> fields;        // (counted + 1) x others: of the units from unit k on, and none
    std::span<Real> state;           // counted
    std::span<std::size_t> numbers;  // counted: of their values
  };
  /// Local, on the calling thread. log of the sum over some consecutive states. After a signal it returns early.
  [[nodiscard]] double sum(std::uint64_t first, std::uint64_t count, Scratch& scratch) const;

 private:
  [[nodiscard]] double* fields_from(const Scratch& scratch, std::size_t unit) const noexcept {
    return scratch.fields.data() + unit * others_.count;
  }
  /// The fields of the units from unit k on, for k below `end`.
  void form_fields(std::size_t end, Scratch& scratch) const;

  UnitRow counted_;
  UnitRow others_;
  std::uint64_t states_ = 1;
  std::span<double> weights_;  // counted x others
};

}  // namespace rbmpi

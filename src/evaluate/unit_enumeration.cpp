#include "evaluate/unit_enumeration.hpp"

#include <algorithm>

#include "evaluate/log_sum.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {

UnitEnumeration::UnitEnumeration(RbmView<const Real> rbm, Arena& memory) {
  const EnumeratedSides sides(rbm);
  counted_ = sides.counted;
  others_ = sides.others;
  for (std::size_t unit = 0; unit < counted_.count; ++unit) states_ *= counted_.unit->values.size();
  weights_ = memory.take<double>(counted_.count * others_.count);
  if (rbm.weights.values == nullptr || weights_.empty()) return;
  for (std::size_t unit = 0; unit < counted_.count; ++unit) {
    for (std::size_t other = 0; other < others_.count; ++other) {
      weights_[unit * others_.count + other] = sides.weight(unit, other);
    }
  }
}

UnitEnumeration::Scratch::Scratch(const UnitEnumeration& all, Arena& memory)
    : fields(memory.take<double>((all.counted_.count + 1) * all.others_.count)),
      state(memory.take<Real>(all.counted_.count)),
      numbers(memory.take<std::size_t>(all.counted_.count)) {}

void UnitEnumeration::form_fields(std::size_t end, Scratch& scratch) const {
  for (std::size_t unit = end; unit-- > 0;) {
    const double value = counted_.unit->values[scratch.numbers[unit]];
    scratch.state[unit] = static_cast<Real>(value);
    const double* const above = fields_from(scratch, unit + 1);
    const double* const weights = weights_.data() + unit * others_.count;
    double* const fields = fields_from(scratch, unit);
    for (std::size_t other = 0; other < others_.count; ++other) fields[other] = above[other] + value * weights[other];
  }
}

double UnitEnumeration::sum(std::uint64_t first, std::uint64_t count, Scratch& scratch) const {
  constexpr std::uint64_t states_at_once = 1024;  // between two looks at whether a signal came
  const std::size_t values = counted_.unit->values.size();
  std::uint64_t rest = first;
  for (std::size_t& number : scratch.numbers) {
    number = rest % values;
    rest /= values;
  }
  std::fill_n(fields_from(scratch, counted_.count), others_.count, 0.0);
  form_fields(counted_.count, scratch);
  LogSum sum;
  for (std::uint64_t done = 0; done < count; ++done) {
    if (done % states_at_once == 0) {
      if (stop_requested()) break;
      still_at_work();
    }
    const double energy = counted_.unit->energy(counted_, scratch.state.data());
    sum.add(-others_.unit->sum_out(energy, others_, fields_from(scratch, 0)));
    // The next state: the first unit that has a value left takes it, those before it begin anew.
    std::size_t unit = 0;
    while (unit < counted_.count && ++scratch.numbers[unit] == values) scratch.numbers[unit++] = 0;
    if (unit < counted_.count) form_fields(unit + 1, scratch);
  }
  return sum.value();
}

}  // namespace rbmpi

#include "rbmpi/gibbs/chains.hpp"

#include "rbmpi/core/kernels.hpp"

namespace rbmpi {
namespace {

/// A product with 1 would change nothing.
void scale(Real* fields, std::size_t count, Real inverse_temperature) noexcept {
  if (inverse_temperature == 1) return;
  for (std::size_t j = 0; j < count; ++j) fields[j] *= inverse_temperature;
}

/// From the fields of a row to its states.
void draw_row(const ChainModel& model, const UnitRow& units, const RandomStream& stream, Real* fields,
              std::uint64_t* states) noexcept {
  scale(fields, units.count, model.inverse_temperature);
  units.unit->bits->draw(units, stream, fields, states);
}

/// The fields of a row become means.
void activate_row(const ChainModel& model, const UnitRow& units, Real* fields) noexcept {
  scale(fields, units.count, model.inverse_temperature);
  units.unit->mean(units, unrounded, fields);
}

}  // namespace

void take_units(std::span<const std::uint64_t> mask, const std::uint64_t* from, std::uint64_t* to) noexcept {
  for (std::size_t word = 0; word < mask.size(); ++word) {
    to[word] = (from[word] & mask[word]) | (to[word] & ~mask[word]);
  }
}

ChainBlock::ChainBlock(const Couplings& couplings, std::size_t most, Arena& memory)
    : couplings_(&couplings),
      fields_(memory.take<Real>(most * std::max(couplings.visible(), couplings.hidden()))),
      kept_(memory.take<std::uint64_t>(words_for(couplings.visible()))) {}

void ChainBlock::take(std::uint64_t first, BitMatrixView visible, BitMatrixView hidden) noexcept {
  first_ = first;
  visible_ = visible;
  hidden_ = hidden;
}

void ChainBlock::draw_independent(const UnitRow& units, const ChainNumbers& numbers, Phase phase) noexcept {
  const Draws draws{numbers.seed, numbers.layer, 0, first_};
  std::fill_n(fields_.data(), units.count, Real{0});
  for (std::size_t i = 0; i < visible_.rows; ++i) {
    units.unit->bits->draw(units, draws.stream(phase, i), fields_.data(), visible_.row(i));
  }
}

MatrixView ChainBlock::form_hidden_fields() noexcept {
  couplings_->up(visible_, fields(hidden_.columns));
  return fields(hidden_.columns);
}

void ChainBlock::draw_hidden(const ChainModel& model, const ChainNumbers& numbers, std::uint64_t step) noexcept {
  const Draws draws{numbers.seed, numbers.layer, step, first_};
  const MatrixView of_hidden = fields(hidden_.columns);
  for (std::size_t i = 0; i < hidden_.rows; ++i) {
    draw_row(model, model.hidden, draws.stream(numbers.hidden, i), of_hidden.row(i), hidden_.row(i));
  }
}

void ChainBlock::draw_visible(const ChainModel& model, const ChainNumbers& numbers, std::uint64_t step) noexcept {
  const Draws draws{numbers.seed, numbers.layer, step, first_};
  const MatrixView of_visible = fields(visible_.columns);
  couplings_->down(hidden_, of_visible);
  for (std::size_t i = 0; i < visible_.rows; ++i) {
    std::copy_n(visible_.row(i), model.clamped.size(), kept_.data());
    draw_row(model, model.visible, draws.stream(numbers.visible, i), of_visible.row(i), visible_.row(i));
    take_units(model.clamped, kept_.data(), visible_.row(i));
  }
}

void ChainBlock::draw_both_sides(const ChainModel& model, const ChainNumbers& numbers, std::uint64_t step) noexcept {
  draw_hidden(model, numbers, step);
  draw_visible(model, numbers, step);
}

void ChainBlock::free_energies(const ChainModel& model, std::span<double> energies) const noexcept {
  for (std::size_t i = 0; i < visible_.rows; ++i) {
    energies[i] = sum_out(model.visible.unit->bits->energy(model.visible, visible_.row(i)), model.hidden,
                          fields_.data() + i * hidden_.columns, double{model.inverse_temperature});
  }
}

MatrixView ChainBlock::hidden_means(const ChainModel& model) noexcept {
  const MatrixView means = fields(hidden_.columns);
  for (std::size_t i = 0; i < means.rows; ++i) activate_row(model, model.hidden, means.row(i));
  return means;
}

void ChainBlock::visible_means(const ChainModel& model, MatrixView means) const noexcept {
  couplings_->down(hidden_, means);
  const ConstBitMatrixView clamped{model.clamped.data(), 1, model.clamped.empty() ? 0 : means.columns};
  for (std::size_t i = 0; i < means.rows; ++i) {
    activate_row(model, model.visible, means.row(i));
    for (std::size_t unit = 0; unit < clamped.columns; ++unit) {
      if (clamped.at(0, unit)) means.row(i)[unit] = visible_.at(i, unit) ? Real{1} : Real{0};
    }
  }
}

Chains::Chains(const Couplings& couplings, Shard mine, const ChainNumbers& numbers, Arena& memory)
    : couplings_(&couplings),
      mine_(mine),
      numbers_(numbers),
      visible_(memory.take<std::uint64_t>(mine.count * words_for(couplings.visible()))),
      hidden_(memory.take<std::uint64_t>(mine.count * words_for(couplings.hidden()))) {
  const auto threads = static_cast<std::size_t>(threads_in_use());
  const std::size_t most = std::min<std::size_t>(rows_through_machine, (mine.count + threads - 1) / threads);
  for (std::size_t thread = 0; thread < threads; ++thread) blocks_.emplace_back(couplings, most, memory);
}

void Chains::sweep(const ChainModel& model, std::uint64_t first_step, std::uint64_t sweeps) {
  for_blocks([&](ChainBlock& block, Shard) {
    for (std::uint64_t step = first_step; step < first_step + sweeps; ++step) {
      block.form_hidden_fields();
      block.draw_both_sides(model, numbers_, step);
    }
  });
}

void Chains::visible_means(const ChainModel& model, MatrixView means) {
  for_blocks([&](ChainBlock& block, Shard rows) {
    block.visible_means(model, {means.row(rows.first), rows.count, means.columns});
  });
}

void Chains::free_energies(const ChainModel& model, std::span<double> energies) {
  for_blocks([&](ChainBlock& block, Shard rows) {
    block.form_hidden_fields();
    block.free_energies(model, energies.subspan(rows.first, rows.count));
  });
}

void Chains::gather(const Communicator& world, std::span<std::uint64_t> states) {
  // Each rank has its own, and zeros elsewhere: the sum is all of them.
  std::ranges::fill(states, std::uint64_t{0});
  std::ranges::copy(visible_,
                    states.begin() + static_cast<std::ptrdiff_t>(mine_.first * words_for(couplings_->visible())));
  world.sum(std::span(reinterpret_cast<std::int64_t*>(states.data()), states.size()));
}

void Chains::scatter(ConstBitMatrixView states) noexcept {
  std::copy_n(states.row(mine_.first), visible_.size(), visible_.data());
}

}  // namespace rbmpi

#include "train/chain_measures.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/data/row_weights.hpp"

namespace rbmpi {
namespace {

/// Rows or chains that are measured together.
constexpr std::size_t measured_at_once = 64;

/// Pearson's correlation of two figures of n things; not a number where one of them is the same for all.
class Correlation {
 public:
  void add(double x, double y) {
    n_ += 1;
    x_ += x;
    y_ += y;
    xx_ += x * x;
    yy_ += y * y;
    xy_ += x * y;
  }
  [[nodiscard]] double r() const {
    const double of_x = xx_ - x_ * x_ / n_;
    const double of_y = yy_ - y_ * y_ / n_;
    const double r = (xy_ - x_ * y_ / n_) / std::sqrt(of_x * of_y);
    return std::isfinite(r) ? std::clamp(r, -1.0, 1.0) : std::numeric_limits<double>::quiet_NaN();
  }

 private:
  double n_ = 0;
  double x_ = 0;
  double y_ = 0;
  double xx_ = 0;
  double yy_ = 0;
  double xy_ = 0;
};

}  // namespace

ChainMeasures::ChainMeasures(const TrainingOptions& options, const Rows& data, RbmView<const Real> rbm,
                             const Couplings& couplings, const StateArray& visible, const StateArray& visible_before,
                             const NodeShare& share, Arena& memory)
    : options_(options),
      data_(data),
      order_(data.rows, /*shuffled=*/true, options.seed, options.layer, /*epoch=*/0),
      moments_of_rows_(std::min(data.rows, moment_rows)),
      energies_of_rows_(std::min(data.rows, energy_rows)),
      rbm_(rbm),
      couplings_(couplings),
      share_(share),
      chains_(visible.rows),
      of_node_(shard(visible.rows, share.node, share.nodes)),
      visible_(visible.values),
      visible_before_(visible_before.values) {
  const auto [V, H] = std::pair(rbm.shape().visible, rbm.shape().hidden);
  const std::size_t pairs = measured_pairs(V);
  pairs_ = memory.take<UnitPair>(pairs);
  data_moments_ = memory.take<std::int64_t>(V + pairs);
  chain_moments_ = memory.take<std::int64_t>(3 * V + pairs);
  data_energies_ = memory.take<Energies>(energy_rows);
  chain_energies_ = memory.take<Energies>(chains_);
  probabilities_ = memory.take<Real>(measured_at_once * V);
  bits_ = memory.take<std::uint64_t>(measured_at_once * words_for(V));
  fields_ = memory.take<Real>(measured_at_once * H);
  means_ = memory.take<Real>(H);
  if (memory.counts()) return;
  choose_pairs(V, pairs_);
}

bool ChainMeasures::measure(const Communicator& world, std::vector<Figure>& figures) {
  now_doing("measuring the chains");
  if (!knows_data_) measure_data_moments(world);
  measure_data_energies(world);
  measure_chains(world);
  std::int64_t stop = stop_requested() ? 1 : 0;
  world.sum(std::span(&stop, 1));
  if (stop > 0) return false;
  knows_data_ = true;
  add_figures(figures);
  return true;
}

template <typename Body>
void ChainMeasures::for_rows_of_data(std::uint64_t rows, const Communicator& world, const Body& body) {
  const Shard mine = shard(rows, world.rank(), world.size());
  const bool weighted = row_weights(data_).differ();
  const std::uint64_t at_once = weighted ? 1 : measured_at_once;
  WeightedRows weighted_rows(data_, rows);
  RowBlocks blocks(data_, at_once);
  for (std::uint64_t done = 0; done < mine.count && !stop_requested(); done += at_once) {
    const std::uint64_t first = mine.first + done;
    const std::uint64_t count = std::min(at_once, mine.count - done);
    body(weighted ? blocks.next(weighted_rows.row_at(first), 1) : blocks.next(order_, first, count), first, count);
  }
}

void ChainMeasures::measure_data_moments(const Communicator& world) {
  const std::size_t visible = rbm_.shape().visible;
  std::ranges::fill(data_moments_, 0);
  const auto add = [&](const RowReader& reader, std::uint64_t /*first*/, std::uint64_t count) {
    const MatrixView rows{probabilities_.data(), count, visible};
    reader.read({0, count}, finest, rows);
    for (std::size_t i = 0; i < count; ++i) {
      const auto in_units = [&](std::size_t unit) { return static_cast<std::int64_t>(rows.row(i)[unit] * 0x1p24F); };
      for (std::size_t unit = 0; unit < visible; ++unit) data_moments_[unit] += in_units(unit);
      for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
        data_moments_[visible + pair] += in_units(pairs_[pair].first) * in_units(pairs_[pair].second);
      }
    }
  };
  world.agree([&] { for_rows_of_data(moments_of_rows_, world, add); });
  world.sum(data_moments_);
}

void ChainMeasures::measure_data_energies(const Communicator& world) {
  const std::size_t visible = rbm_.shape().visible;
  std::ranges::fill(data_energies_, Energies{});
  const auto measure = [&](const RowReader& reader, std::uint64_t first, std::uint64_t count) {
    const BitMatrixView v{bits_.data(), count, visible};
    // Drawn alike after each epoch, so that epochs differ by what the model has learnt.
    const Draws draws{options_.seed, options_.layer, 0, first};
    reader.draw({0, count}, {0, visible}, unrounded, draws, Phase::evaluation_data,
                {probabilities_.data(), count, visible}, v);
    measure_energies(v, data_energies_.subspan(first, count));
  };
  world.agree([&] { for_rows_of_data(energies_of_rows_, world, measure); });
  // Each rank has its part and zeros elsewhere: the sum is all of them.
  world.sum(std::span(&data_energies_.data()->energy, 2 * data_energies_.size()));
}

void ChainMeasures::measure_chains(const Communicator& world) {
  const std::size_t visible = rbm_.shape().visible;
  std::ranges::fill(chain_moments_, 0);
  std::ranges::fill(chain_energies_, Energies{});
  const Shard mine = share_.rows_of_rank(of_node_.count);
  const auto states = [&](std::span<const std::byte> chains, Shard some) {
    return ConstBitMatrixView{reinterpret_cast<const std::uint64_t*>(chains.data()) + some.first * words_for(visible),
                              some.count, visible};
  };
  for (std::uint64_t done = 0; done < mine.count && !stop_requested(); done += measured_at_once) {
    const Shard some{mine.first + done, std::min<std::uint64_t>(measured_at_once, mine.count - done)};
    const ConstBitMatrixView v = states(visible_, some);
    const ConstBitMatrixView before = states(visible_before_, some);
    measure_energies(v, chain_energies_.subspan(of_node_.first + some.first, some.count));
    for (std::size_t i = 0; i < v.rows; ++i) add_moments(v, before, i);
  }
  world.sum(chain_moments_);
  world.sum(std::span(&chain_energies_.data()->energy, 2 * chain_energies_.size()));
}

void ChainMeasures::add_moments(ConstBitMatrixView now, ConstBitMatrixView before, std::size_t row) {
  const std::size_t visible = rbm_.shape().visible;
  for (std::size_t unit = 0; unit < visible; ++unit) {
    const std::int64_t on = now.at(row, unit) ? 1 : 0;
    const std::int64_t was_on = before.at(row, unit) ? 1 : 0;
    chain_moments_[unit] += on;
    chain_moments_[visible + pairs_.size() + unit] += was_on;
    chain_moments_[2 * visible + pairs_.size() + unit] += on * was_on;
  }
  for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
    const bool both = now.at(row, pairs_[pair].first) && now.at(row, pairs_[pair].second);
    chain_moments_[visible + pair] += both ? 1 : 0;
  }
}

void ChainMeasures::measure_energies(ConstBitMatrixView v, std::span<Energies> energies) {
  const std::size_t hidden = rbm_.shape().hidden;
  const MatrixView fields{fields_.data(), v.rows, hidden};
  couplings_.up(v, fields);
  for (std::size_t i = 0; i < v.rows; ++i) {
    const double of_visible = rbm_.visible_unit->bits->energy(rbm_.visible_units(), v.row(i));
    std::copy_n(fields.row(i), hidden, means_.data());
    rbm_.hidden_unit->mean(rbm_.hidden_units(), unrounded, means_.data());
    double energy = of_visible;
    for (std::size_t j = 0; j < hidden; ++j) {
      energy -= double{means_[j]} * (double{rbm_.hidden_bias[j]} + double{fields.row(i)[j]});
    }
    energies[i] = {.energy = energy, .free_energy = sum_out(of_visible, rbm_.hidden_units(), fields.row(i))};
  }
}

void ChainMeasures::add_figures(std::vector<Figure>& figures) const {
  const std::size_t visible = rbm_.shape().visible;
  const auto mean = [](std::span<const Energies> all, double Energies::*which) {
    double sum = 0;
    for (const Energies& one : all) sum += one.*which;
    return sum / static_cast<double>(all.size());
  };
  const std::span<const Energies> of_data = data_energies_.first(energies_of_rows_);
  figures.push_back({"data_energy", mean(of_data, &Energies::energy)});
  figures.push_back({"chains_energy", mean(chain_energies_, &Energies::energy)});
  figures.push_back({"data_free_energy", mean(of_data, &Energies::free_energy)});
  figures.push_back({"chains_free_energy", mean(chain_energies_, &Energies::free_energy)});

  const auto rows = static_cast<double>(moments_of_rows_);
  const auto chains = static_cast<double>(chains_);
  Correlation means;
  Correlation pairs;
  double covariance = 0;
  double variance = 0;
  double variance_before = 0;
  bool moved = false;
  for (std::size_t unit = 0; unit < visible; ++unit) {
    const std::int64_t on_now = chain_moments_[unit];
    const std::int64_t on_before = chain_moments_[visible + pairs_.size() + unit];
    const std::int64_t on_both = chain_moments_[2 * visible + pairs_.size() + unit];
    moved = moved || on_now != on_both || on_before != on_both;
    const double now = static_cast<double>(on_now) / chains;
    const double before = static_cast<double>(on_before) / chains;
    const double both = static_cast<double>(on_both) / chains;
    means.add(static_cast<double>(data_moments_[unit]) * 0x1p-24 / rows, now);
    covariance += both - now * before;
    variance += now * (1 - now);
    variance_before += before * (1 - before);
  }
  for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
    pairs.add(static_cast<double>(data_moments_[visible + pair]) * 0x1p-48 / rows,
              static_cast<double>(chain_moments_[visible + pair]) / chains);
  }
  const double autocorrelation = covariance / std::sqrt(variance * variance_before);
  figures.push_back({"chains_means_r", means.r()});
  figures.push_back({"chains_pairs_r", pairs.r()});
  // Chains that are all alike, as a single one is, have no variance.
  figures.push_back({"chains_autocorrelation", std::isfinite(autocorrelation) ? autocorrelation : moved ? 0.0 : 1.0});
}

}  // namespace rbmpi

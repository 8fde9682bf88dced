#include "rbmpi/evaluate/annealed_importance_sampling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <fmt/format.h>

#include "evaluate/softplus_change.hpp"
#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/softplus.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/evaluate/temperatures.hpp"
#include "rbmpi/gibbs/chains.hpp"

namespace rbmpi {
namespace {

constexpr const char* doing = "annealing chains";
/// Chains that a thread takes through the whole schedule side by side.
constexpr std::size_t chains_at_once = 256;

/// Of those of a rank, the most that a thread has at a time.
std::size_t most_at_once(std::uint64_t chains_of_rank) {
  const auto threads = static_cast<std::uint64_t>(threads_in_use());
  return std::min<std::uint64_t>(chains_at_once, (chains_of_rank + threads - 1) / threads);
}

/// What random numbers are drawn for, as the `layer` of their streams.
enum class Direction : std::uint32_t { forward = 0, reverse = 1, gibbs = 2 };

/// Some chains of a thread.
struct AnnealedChains {
  AnnealedChains(const Couplings& couplings, std::size_t most, Arena& memory)
      : visible(memory.take<std::uint64_t>(most * words_for(couplings.visible()))),
        hidden(memory.take<std::uint64_t>(most * words_for(couplings.hidden()))),
        visible_bias(memory.take<Real>(couplings.visible())),
        hidden_bias(memory.take<Real>(couplings.hidden())),
        block(couplings, most, memory) {}

  void take(Shard chains) {
    first = chains.first;
    block.take(first, {visible.data(), chains.count, visible_bias.size()},
               {hidden.data(), chains.count, hidden_bias.size()});
  }

  std::uint64_t first = 0;
  std::span<std::uint64_t> visible;  // count x V
  std::span<std::uint64_t> hidden;   // count x H
  std::span<Real> visible_bias;      // V: of the distribution of the step
  std::span<Real> hidden_bias;       // H
  ChainBlock block;
  MatrixView fields;  // v W
};

/// Of each thread, those that it has at a time.
std::vector<AnnealedChains> take_chains(const Couplings& couplings, std::uint64_t chains_of_rank, Arena& memory) {
  std::vector<AnnealedChains> blocks;
  blocks.reserve(static_cast<std::size_t>(threads_in_use()));
  for (int thread = 0; thread < threads_in_use(); ++thread) {
    blocks.emplace_back(couplings, most_at_once(chains_of_rank), memory);
  }
  return blocks;
}

class Annealing {
 public:
  Annealing(RbmView<const Real> rbm, std::span<const Real> base_bias, const AisSettings& settings, Arena& memory)
      : rbm_(rbm),
        base_bias_(base_bias),
        couplings_(WeightRounding::one_grid, rbm.weights, memory),
        temperatures_(settings.temperatures.empty() ? parse_temperatures(default_temperatures) : settings.temperatures),
        seed_(settings.seed) {
    for (std::size_t i = 0; i < base_bias.size(); ++i) {
      bias_change_.push_back(double{rbm.visible_bias[i]} - double{base_bias[i]});
    }
  }

  [[nodiscard]] const Couplings& couplings() const { return couplings_; }
  /// K.
  [[nodiscard]] std::size_t steps() const { return temperatures_.size() - 1; }

  /// v_0 ~ p_0.
  void begin(AnnealedChains& chains) const {
    chains.block.draw_independent(visible_units(base_bias_), numbers(Direction::forward), Phase::annealing_visible);
    chains.fields = chains.block.form_hidden_fields();
  }

  /// v = these states.
  static void begin(ConstBitMatrixView samples, AnnealedChains& chains) {
    const BitMatrixView v = chains.block.visible();
    std::copy_n(samples.row(chains.first), v.rows * v.row_words(), v.words);
    chains.fields = chains.block.form_hidden_fields();
  }

  /// A Gibbs step of p_k. `step` tells its random numbers from others of this direction.
  void move(std::size_t k, Direction direction, std::uint64_t step, AnnealedChains& chains) const {
    const double b = temperatures_[k];
    for (std::size_t j = 0; j < rbm_.hidden_bias.size(); ++j) {
      chains.hidden_bias.data()[j] = static_cast<Real>(b * double{rbm_.hidden_bias[j]});
    }
    for (std::size_t i = 0; i < base_bias_.size(); ++i) {
      chains.visible_bias.data()[i] = static_cast<Real>(double{base_bias_[i]} + b * bias_change_[i]);
    }
    chains.block.draw_both_sides(
        {.visible = visible_units(chains.visible_bias),
         .hidden = {rbm_.hidden_unit, chains.hidden_bias.size(), chains.hidden_bias.data(), chains.hidden_bias.size()},
         .inverse_temperature = static_cast<Real>(b)},
        numbers(direction), step);
    chains.fields = chains.block.form_hidden_fields();
  }

  /// log_weights[i] += log p*_{k+1}(v) - log p*_k(v)
  void weigh(std::size_t k, const AnnealedChains& chains, std::span<double> log_weights) const {
    const double from = temperatures_[k];
    const double to = temperatures_[k + 1];
    const ConstBitMatrixView v = chains.block.visible();
    const ConstMatrixView fields = chains.fields;
    for (std::size_t i = 0; i < v.rows; ++i) {
      double bias = 0;
      for_each_unit_on(v, i, [&](std::size_t unit) { bias += bias_change_[unit]; });
      log_weights[i] +=
          (to - from) * bias + softplus_change(fields.row(i), rbm_.hidden_bias.data(), from, to, fields.columns);
      if (k + 1 == steps()) log_weights[i] += rounding_change(v, i, fields.row(i));
    }
  }

 private:
  /// The visible units with other biases.
  [[nodiscard]] UnitRow visible_units(std::span<const Real> bias) const {
    return {rbm_.visible_unit, bias.size(), bias.data(), bias.size()};
  }

  [[nodiscard]] ChainNumbers numbers(Direction direction) const {
    return {seed_, static_cast<std::uint32_t>(direction), Phase::annealing_hidden, Phase::annealing_visible};
  }

  /// log p* of the model with its weights as they are, less that with the rounded ones, which have these fields.
  [[nodiscard]] double rounding_change(ConstBitMatrixView v, std::size_t row, const Real* rounded) const {
    double change = 0;
    for (std::size_t j = 0; j < rbm_.shape().hidden; ++j) {
      double field{rbm_.hidden_bias[j]};
      for_each_unit_on(v, row, [&](std::size_t unit) { field += double{rbm_.weights.row(unit)[j]}; });
      change += softplus(field) - softplus(double{rbm_.hidden_bias[j]} + double{rounded[j]});
    }
    return change;
  }

  RbmView<const Real> rbm_;
  std::span<const Real> base_bias_;
  Couplings couplings_;
  std::vector<double> temperatures_;
  std::uint64_t seed_;
  std::vector<double> bias_change_;  // of the visible units, from the base model to the model
};

void check(RbmView<const Real> rbm, std::span<const Real> base_bias, const AisSettings& settings,
           std::uint64_t chains) {
  want_logistic(rbm.shape(), "annealed importance sampling");
  const std::vector<double>& b = settings.temperatures;
  if (!all_finite(rbm.parameters().data(), rbm.parameters().size())) {
    throw Error(Failure::diverged, "the model has parameters that are not finite, so it has no log Z");
  }
  if (base_bias.size() != rbm.shape().visible || !all_finite(base_bias.data(), base_bias.size())) {
    throw Error(Failure::usage,
                fmt::format("the base model has {} biases for {} visible units, or one of them is not finite",
                            base_bias.size(), rbm.shape().visible));
  }
  if (chains < 1 || chains > most_annealing_chains) {
    throw Error(Failure::usage, fmt::format("chains = {}: from 1 to {} would be right", chains, most_annealing_chains));
  }
  if (b.empty()) return;
  if (b.size() < 2 || b.front() != 0 || b.back() != 1) {
    throw Error(Failure::usage,
                fmt::format("the temperatures go from {} to {} instead of from 0 to 1", b.front(), b.back()));
  }
  const auto fall = std::ranges::adjacent_find(b, [](double one, double next) { return !(one < next); });
  if (fall != b.end()) {
    throw Error(Failure::usage, fmt::format("the temperatures do not rise from {} to {}", *fall, *(fall + 1)));
  }
}

/// The log weights of `chains` chains, each taken through the schedule by `anneal(annealing, chains, log weights,
/// step_done)`, in blocks; after each of its `steps` steps, step_done() says whether to go on.
template <typename Anneal>
std::vector<double> anneal_chains(const Annealing& annealing, std::uint64_t chains, std::uint64_t steps,
                                  const Communicator& world, const ProgressReport& progress, const Anneal& anneal) {
  std::vector<double> log_weights(chains);
  const Shard mine = shard(chains, world.rank(), world.size());
  Arena memory;
  std::vector<AnnealedChains> blocks = take_chains(annealing.couplings(), mine.count, memory);
  const std::size_t threads = blocks.size();
  throw_if_stopped(doing);
  parallel_for(threads, [&](std::size_t thread) {
    const Shard part = shard(mine.count, static_cast<int>(thread), static_cast<int>(threads));
    AnnealedChains& block = blocks[thread];
    const double all_steps = std::ceil(static_cast<double>(part.count) / chains_at_once) * static_cast<double>(steps);
    double steps_done = 0;
    double reported = 0;
    const auto step_done = [&] {
      if (thread == 0) {  // the main thread
        now_doing(doing);
        const double done = ++steps_done / all_steps;
        if (progress && (done >= reported + 0.001 || done == 1)) progress(reported = done);
      }
      return !stop_requested();
    };
    for (std::uint64_t begin = 0; begin < part.count && !stop_requested(); begin += chains_at_once) {
      const Shard some{mine.first + part.first + begin, std::min<std::uint64_t>(chains_at_once, part.count - begin)};
      block.take(some);
      anneal(annealing, block, std::span(log_weights).subspan(some.first, some.count), step_done);
    }
  });
  throw_if_stopped(doing);
  return log_weights;
}

/// sign = 1: log of the mean of w; sign = -1: less the log of the mean of 1 / w. With log Z_0 added.
LogPartition summarise(std::vector<double> log_weights, double sign, double base_log_z) {
  const auto count = static_cast<double>(log_weights.size());
  double largest = -std::numeric_limits<double>::infinity();
  for (const double log_weight : log_weights) {
    if (!std::isfinite(log_weight)) {
      throw AgreedError(Failure::diverged,
                        "log Z cannot be estimated: a weight of its chains is not finite, since the "
                        "parameters are far too large");
    }
    largest = std::max(largest, sign * log_weight);
  }
  double sum = 0;
  double sum_of_squares = 0;
  for (const double log_weight : log_weights) {
    const double weight = std::exp(sign * log_weight - largest);
    sum += weight;
    sum_of_squares += weight * weight;
  }
  const double mean = sum / count;
  double variance = 0;
  for (const double log_weight : log_weights) {
    const double difference = std::exp(sign * log_weight - largest) - mean;
    variance += difference * difference / std::max(count - 1, 1.0);
  }
  const double relative_error = std::sqrt(variance / count) / mean;
  const auto log_z_for = [&](double relative) {
    return base_log_z + sign * (largest + std::log(std::max(mean * (1 + relative), 0.0)));
  };
  return {.log_z = log_z_for(0),
          // A single chain says nothing of its error.
          .standard_error = count > 1 ? relative_error : std::numeric_limits<double>::infinity(),
          .low = count > 1 ? log_z_for(-3 * sign * relative_error) : -std::numeric_limits<double>::infinity(),
          .high = count > 1 ? log_z_for(3 * sign * relative_error) : std::numeric_limits<double>::infinity(),
          .effective_samples = sum * sum / sum_of_squares,
          .base_log_z = base_log_z,
          .log_weights = std::move(log_weights)};
}

double base_log_partition(RbmView<const Real> rbm, std::span<const Real> base_bias) {
  const std::vector<Real> no_fields(base_bias.size());
  const UnitRow base{rbm.visible_unit, base_bias.size(), base_bias.data(), base_bias.size()};
  return -sum_out(-static_cast<double>(rbm.shape().hidden) * std::numbers::ln2, base, no_fields.data());
}

}  // namespace

std::vector<Real> base_visible_bias(std::span<const double> means) {
  constexpr double shift = 0.05;
  std::vector<double> shifted;
  for (const double mean : means) shifted.push_back((mean + shift) / (1 + 2 * shift));
  std::vector<Real> bias(means.size());
  bernoulli_unit.start(shifted, std::numeric_limits<std::uint64_t>::max(), bias);
  return bias;
}

LogPartition annealed_importance_sampling(RbmView<const Real> rbm, std::span<const Real> base_bias,
                                          const AisSettings& settings, const Communicator& world,
                                          const ProgressReport& progress) {
  std::vector<double> log_weights;
  world.agree([&] {
    check(rbm, base_bias, settings, settings.chains);
    Arena memory;
    const Annealing annealing(rbm, base_bias, settings, memory);
    const auto anneal = [](const Annealing& all, AnnealedChains& chains, std::span<double> weights,
                           const auto& step_done) {
      all.begin(chains);
      all.weigh(0, chains, weights);
      for (std::size_t k = 1; k < all.steps() && step_done(); ++k) {
        all.move(k, Direction::forward, k, chains);
        all.weigh(k, chains, weights);
      }
      step_done();
    };
    log_weights = anneal_chains(annealing, settings.chains, annealing.steps(), world, progress, anneal);
  });
  world.sum(std::span(log_weights));  // each of them is 0 on all ranks but one
  return summarise(std::move(log_weights), 1, base_log_partition(rbm, base_bias));
}

LogPartition reverse_annealed_importance_sampling(RbmView<const Real> rbm, std::span<const Real> base_bias,
                                                  ConstBitMatrixView samples, const AisSettings& settings,
                                                  const Communicator& world, const ProgressReport& progress) {
  std::vector<double> log_weights;
  world.agree([&] {
    check(rbm, base_bias, settings, samples.rows);
    if (samples.columns != rbm.shape().visible) {
      throw Error(Failure::usage, fmt::format("samples of {} do not fit a model of {}", plural(samples.columns, "unit"),
                                              plural(rbm.shape().visible, "visible unit")));
    }
    Arena memory;
    const Annealing annealing(rbm, base_bias, settings, memory);
    const auto anneal = [&](const Annealing& all, AnnealedChains& chains, std::span<double> weights,
                            const auto& step_done) {
      Annealing::begin(samples, chains);
      for (std::uint64_t step = 0; step < settings.gibbs_steps && step_done(); ++step) {
        all.move(all.steps(), Direction::gibbs, step, chains);
      }
      all.weigh(all.steps() - 1, chains, weights);
      for (std::size_t k = all.steps() - 1; k > 0 && step_done(); --k) {
        all.move(k, Direction::reverse, k, chains);
        all.weigh(k - 1, chains, weights);
      }
      step_done();
    };
    log_weights =
        anneal_chains(annealing, samples.rows, annealing.steps() + settings.gibbs_steps, world, progress, anneal);
  });
  world.sum(std::span(log_weights));
  return summarise(std::move(log_weights), -1, base_log_partition(rbm, base_bias));
}

std::uint64_t annealing_memory(RbmShape shape, std::uint64_t chains, std::uint64_t temperatures, int ranks) {
  Arena counted(ArenaUse::count);
  const Couplings couplings(WeightRounding::one_grid, {nullptr, shape.visible, shape.hidden}, counted);
  (void)take_chains(couplings, shard(chains, 0, ranks).count, counted);
  (void)counted.take<double>(chains);            // their log weights
  (void)counted.take<double>(3 * temperatures);  // the caller's schedule, that of the settings, the one in use
  return counted.taken();
}

LogLikelihood log_likelihood(const RowMean& free_energy, double log_z, double log_z_error) noexcept {
  return {.mean = -free_energy.mean - log_z, .partition_error = log_z_error, .data_error = free_energy.standard_error};
}

}  // namespace rbmpi

#include "rbmpi/evaluate/gibbs_chains.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "evaluate/unit_fields.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

/// Chains that a thread takes through the machine together, as in training.
constexpr std::size_t block_rows = 128;
/// Steps between two looks at whether a signal came.
constexpr std::uint64_t steps_at_once = 16;
constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Failure::usage, what);
}

void check(RbmShape shape, const ChainStart& start, const GibbsSettings& settings) {
  constexpr std::uint64_t most_chains = std::numeric_limits<std::uint32_t>::max();
  if (settings.chains == 0 || settings.chains > most_chains) {
    refuse(fmt::format("there are {} chains; 1 to {} would be right", settings.chains, most_chains));
  }
  if (start.samples.rows > 0 && start.samples.columns != shape.visible) {
    refuse(fmt::format("the chains would begin at rows of {} values, but the model has {} visible units",
                       start.samples.columns, shape.visible));
  }
  if (!start.clamped.empty() && start.clamped.size() != shape.visible) {
    refuse(fmt::format("{} units are told whether to stay, but the model has {}", start.clamped.size(), shape.visible));
  }
  if (!start.clamped.empty() && start.samples.rows == 0) refuse("units can only stay as they are in rows of data");

  // Views of all chains on each rank, and its own states.
  const std::uint64_t row_bytes = (words_for(shape.visible) * 2 + words_for(shape.hidden)) * sizeof(std::uint64_t) +
                                  (settings.probabilities ? shape.visible * sizeof(Real) : 0);
  if (settings.chains > available_memory() / row_bytes) {
    throw Error(Failure::other,
                fmt::format("not enough memory for {} chains: they take {} each, and {} are available; use fewer",
                            settings.chains, human_bytes(row_bytes), human_bytes(available_memory())));
  }
}

/// Some of the chains: those of one rank. Every method is Local and runs on all threads.
class Chains {
 public:
  Chains(RbmView<const Real> rbm, const UnitFields& unit_fields, Shard chains, std::uint64_t seed)
      : rbm_(rbm),
        unit_fields_(unit_fields),
        chains_(chains),
        seed_(seed),
        visible_(chains.count * words_for(rbm.shape().visible)),
        hidden_(chains.count * words_for(rbm.shape().hidden)) {}

  void begin(const ChainStart& start) {
    const RbmShape shape = rbm_.shape();
    const AlignedBuffer<Real> zeros(shape.visible);
    const bool noise = start.samples.rows == 0 || !start.clamped.empty();
    clamped_.assign(start.clamped.empty() ? 0 : words_for(shape.visible), 0);
    for (std::size_t i = 0; i < start.clamped.size(); ++i) {
      if (start.clamped[i]) clamped_[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    for_blocks([&](Shard rows, std::span<Real>) {
      AlignedBuffer<Real> probabilities(shape.visible);
      std::vector<std::uint64_t> states(words_for(shape.visible));
      for (std::size_t i = rows.first; i < rows.first + rows.count; ++i) {
        if (noise) {
          activate_and_sample(zeros.data(), zeros.data(), shape.visible, stream(Phase::chain_start, i),
                              visible().row(i));
        }
        if (start.samples.rows == 0) continue;
        const std::uint64_t row = (start.first_row + chains_.first + i) % start.samples.rows;
        sample_row(start.samples, start.samples.row(row), unrounded, stream(Phase::chain_start, i),
                   probabilities.data(), states.data());
        if (!noise) std::ranges::copy(states, visible().row(i));
        keep_clamped(states.data(), visible().row(i));
      }
    });
  }

  void advance(std::uint64_t steps) {
    const RbmShape shape = rbm_.shape();
    for_blocks([&](Shard rows, std::span<Real> scratch) {
      const BitMatrixView v{visible().row(rows.first), rows.count, shape.visible};
      const BitMatrixView h{hidden().row(rows.first), rows.count, shape.hidden};
      const MatrixView hidden_fields{scratch.data(), rows.count, shape.hidden};
      const MatrixView visible_fields{scratch.data(), rows.count, unit_fields_.down_columns()};
      std::vector<std::uint64_t> before(words_for(shape.visible));
      for (std::uint64_t step = step_; step < step_ + steps; ++step) {
        unit_fields_.up(v, hidden_fields);
        for (std::size_t i = 0; i < rows.count; ++i) {
          activate_and_sample(hidden_fields.row(i), rbm_.hidden_bias.data(), shape.hidden,
                              stream(Phase::chain_hidden, rows.first + i, step), h.row(i));
        }
        unit_fields_.down(h, visible_fields);
        for (std::size_t i = 0; i < rows.count; ++i) {
          std::copy_n(v.row(i), before.size(), before.data());
          activate_and_sample(visible_fields.row(i), rbm_.visible_bias.data(), shape.visible,
                              stream(Phase::chain_visible, rows.first + i, step), v.row(i));
          keep_clamped(before.data(), v.row(i));
        }
      }
    });
    step_ += steps;
  }

  /// The probabilities of a record: count x V.
  void probabilities(MatrixView result) {
    const RbmShape shape = rbm_.shape();
    for_blocks([&](Shard rows, std::span<Real> scratch) {
      const MatrixView fields{scratch.data(), rows.count, unit_fields_.down_columns()};
      unit_fields_.down({hidden().row(rows.first), rows.count, shape.hidden}, fields);
      for (std::size_t i = 0; i < rows.count; ++i) {
        activate(fields.row(i), rbm_.visible_bias.data(), shape.visible, unrounded);
        const std::uint64_t* const states = visible().row(rows.first + i);
        Real* const out = result.row(rows.first + i);
        for (std::size_t j = 0; j < shape.visible; ++j) {
          const bool drawn = step_ > 0 && (clamped_.empty() || (clamped_[j / 64] >> (j % 64) & 1U) == 0);
          out[j] = drawn ? fields.row(i)[j] : static_cast<Real>(states[j / 64] >> (j % 64) & 1U);
        }
      }
    });
  }

  [[nodiscard]] BitMatrixView visible() noexcept { return {visible_.data(), chains_.count, rbm_.shape().visible}; }

 private:
  [[nodiscard]] BitMatrixView hidden() noexcept { return {hidden_.data(), chains_.count, rbm_.shape().hidden}; }

  /// The random numbers of the i-th of these chains.
  [[nodiscard]] RandomStream stream(Phase phase, std::size_t i, std::uint64_t step = 0) const noexcept {
    return {seed_, 0, step, phase, static_cast<std::uint32_t>(chains_.first + i)};
  }

  void keep_clamped(const std::uint64_t* kept, std::uint64_t* states) const noexcept {
    for (std::size_t word = 0; word < clamped_.size(); ++word) {
      states[word] = (kept[word] & clamped_[word]) | (states[word] & ~clamped_[word]);
    }
  }

  /// Calls body(rows, memory for their fields) for blocks of the chains, shared out over the threads.
  template <typename Body>
  void for_blocks(const Body& body) {
    parallel_pieces(chains_.count, [&](std::size_t first, std::size_t last) {
      const std::size_t most = std::min(block_rows, last - first);
      AlignedBuffer<Real> scratch(most * std::max(unit_fields_.down_columns(), rbm_.shape().hidden));
      for (; first < last; first += block_rows) body(Shard{first, std::min(block_rows, last - first)}, scratch.span());
    });
  }

  RbmView<const Real> rbm_;
  const UnitFields& unit_fields_;
  Shard chains_;
  std::uint64_t seed_;
  std::uint64_t step_ = 0;
  std::vector<std::uint64_t> clamped_;  // bits, or empty
  std::vector<std::uint64_t> visible_;
  std::vector<std::uint64_t> hidden_;
};

/// Brings the chains of all ranks together: each has its own and zeros elsewhere, so the sum is all of them.
class Gathering {
 public:
  Gathering(RbmShape shape, const GibbsSettings& settings, Shard mine)
      : visible_units_(shape.visible),
        chains_(settings.chains),
        mine_(mine),
        states_(settings.chains * words_for(shape.visible)),
        probabilities_(settings.probabilities ? settings.chains * shape.visible : 0) {}

  /// Collective.
  [[nodiscard]] ChainRecord record(Chains& chains, std::uint64_t step, const Communicator& world) {
    const std::size_t words = words_for(visible_units_);
    std::ranges::fill(states_, 0);
    for (std::size_t i = 0; i < mine_.count * words; ++i) {
      states_[mine_.first * words + i] = static_cast<std::int64_t>(chains.visible().words[i]);
    }
    world.sum(std::span(states_));
    ChainRecord record{step, {reinterpret_cast<const std::uint64_t*>(states_.data()), chains_, visible_units_}, {}};
    if (!probabilities_.empty()) {
      std::ranges::fill(probabilities_, Real{0});
      chains.probabilities({probabilities_.data() + mine_.first * visible_units_, mine_.count, visible_units_});
      world.sum(std::span(probabilities_));
      record.probabilities = {probabilities_.data(), chains_, visible_units_};
    }
    return record;
  }

 private:
  std::size_t visible_units_;
  std::size_t chains_;
  Shard mine_;
  std::vector<std::int64_t> states_;  // bits
  std::vector<Real> probabilities_;
};

}  // namespace

void run_gibbs_chains(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings,
                      const Communicator& world, const std::function<void(const ChainRecord&)>& take,
                      const ProgressReport& progress) {
  constexpr const char* doing = "running Gibbs chains";
  world.agree([&] { check(rbm.shape(), start, settings); });
  const Shard mine = shard(settings.chains, world.rank(), world.size());
  const UnitFields unit_fields(rbm);
  Chains chains(rbm, unit_fields, mine, settings.seed);
  Gathering gathering(rbm.shape(), settings, mine);
  const auto look = [&](std::uint64_t step) {
    const ChainRecord record = gathering.record(chains, step, world);
    world.agree_on_root([&] { take(record); });
  };

  chains.begin(start);
  if (settings.start_too) look(0);
  const std::uint64_t every = settings.every == 0 ? settings.steps : settings.every;
  std::uint64_t step = 0;
  while (step < settings.steps) {
    const std::uint64_t end = std::min(settings.steps, step + every);
    world.agree([&] {
      while (step < end) {
        throw_if_stopped(doing);
        const std::uint64_t count = std::min(steps_at_once, end - step);
        chains.advance(count);
        step += count;
        if (progress) progress(static_cast<double>(step) / static_cast<double>(settings.steps));
      }
    });
    if (step % every == 0) look(step);
  }
}

}  // namespace rbmpi

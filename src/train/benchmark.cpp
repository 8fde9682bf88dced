#include "rbmpi/train/benchmark.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/parallel/from_root.hpp"
#include "rbmpi/parallel/sums_under_way.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/gradient_sums.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/rank_layout.hpp"
#include "rbmpi/train/scaling_model.hpp"
#include "rbmpi/train/trainer.hpp"
#include "train/swept_chains.hpp"

namespace rbmpi {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t phases = time_phase_names.size();
constexpr std::uint64_t without_end = std::uint64_t{1} << 40U;  // epochs: the root stops each run

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

RbmShape shape_of(const BenchmarkOptions& options) {
  return {options.visible, options.training.hidden};
}

/// Those that a step sweeps: persistent ones, or those that begin at the rows of the batch.
std::uint64_t chains_of(const TrainingOptions& training) {
  const std::uint64_t persistent = persistent_chains(training);
  return persistent > 0 ? persistent : training.batch_size;
}

/// About `work` multiplications, in steps: a function of the shapes, so that all ranks come to the same number.
std::uint64_t steps_of(const BenchmarkOptions& options, double work, std::uint64_t least, std::uint64_t most) {
  const TrainingOptions& training = options.training;
  const std::uint64_t rows = std::max(training.batch_size, chains_of(training) * training.sweeps);
  const double step = static_cast<double>(shape_of(options).weights()) * static_cast<double>(rows);
  return static_cast<std::uint64_t>(std::clamp(work / step, static_cast<double>(least), static_cast<double>(most)));
}

/// The matrix products of a step of one rank, on matrices of their own: its rows up, its chains down and up in each
/// sweep, and the gradient of both. Five of CD-1. Where there are fewer chains than ranks, some have nothing to do.
class StepProducts {
 public:
  StepProducts(RbmShape shape, std::size_t rows, std::size_t chains, std::uint64_t sweeps, Arena& memory)
      : shape_(shape),
        rows_(rows),
        chains_(chains),
        sweeps_(sweeps),
        visible_(memory.take<Real>(std::max(rows, chains) * shape.visible)),
        hidden_(memory.take<Real>(std::max(rows, chains) * shape.hidden)),
        weights_(memory.take<Real>(shape.weights())),
        visible_out_(memory.take<Real>(std::max(rows, chains) * shape.visible)),
        hidden_out_(memory.take<Real>(std::max(rows, chains) * shape.hidden)),
        weights_out_(memory.take<Real>(shape.weights())) {
    for (const std::span<Real> array : {visible_, hidden_, weights_}) std::ranges::fill(array, Real{1});
  }

  void compute() {
    const MatrixView gradient{weights_out_.data(), shape_.visible, shape_.hidden};
    multiply(visible(rows_), weights(), {hidden_out_.data(), rows_, shape_.hidden});
    for (std::uint64_t sweep = 0; sweep < sweeps_; ++sweep) compute_sweep();
    transposed_times(visible(rows_), 0, hidden(rows_), gradient);
    subtract_transposed_times(visible(chains_), 0, hidden(chains_), gradient);
  }

  void compute_sweep() {
    multiply_by_transposed(hidden(chains_), weights(), {visible_out_.data(), chains_, shape_.visible});
    multiply(visible(chains_), weights(), {hidden_out_.data(), chains_, shape_.hidden});
  }

 private:
  [[nodiscard]] MatrixView visible(std::size_t rows) const { return {visible_.data(), rows, shape_.visible}; }
  [[nodiscard]] MatrixView hidden(std::size_t rows) const { return {hidden_.data(), rows, shape_.hidden}; }
  [[nodiscard]] MatrixView weights() const { return {weights_.data(), shape_.visible, shape_.hidden}; }

  RbmShape shape_;
  std::size_t rows_;
  std::size_t chains_;
  std::uint64_t sweeps_;
  std::span<Real> visible_, hidden_, weights_, visible_out_, hidden_out_, weights_out_;
};

StepProducts products_of(const BenchmarkOptions& options, int rank, int ranks, Arena& memory) {
  const TrainingOptions& training = options.training;
  return {shape_of(options), shard(training.batch_size, rank, ranks).count,
          shard(chains_of(training), rank, ranks).count, training.sweeps, memory};
}

/// Collective.
Quartiles slowest(const Quartiles& mine, const Communicator& ranks) {
  const auto largest = [&](double seconds) {
    return static_cast<double>(ranks.maximum(std::llround(seconds * 1e12))) * 1e-12;
  };
  return {.low = largest(mine.low), .median = largest(mine.median), .high = largest(mine.high)};
}

/// The times that one rank took in one layout, of steps and of the products between them. Both come in blocks, the
/// first of each block untimed: the caches are still full of the other's matrices.
class Stopwatch {
 public:
  Stopwatch(const BenchmarkOptions& options, const Communicator& ranks)
      : block_(steps_of(options, 5e8, 3, 32)),
        sweeps_of_step_(options.training.sweeps),
        products_(products_of(options, ranks.rank(), ranks.size(), memory_)) {}

  /// Local. What a training of about `seconds` has to tell; only the root's ends it.
  TrainingEvents events(double seconds, bool is_root) {
    last_ = {};
    steps_of_block_ = 0;
    blocks_ = 0;
    TrainingEvents events;
    events.step = [this](const StepProgress& progress) { step(progress.time_split); };
    if (is_root) {
      events.wishes = [this, seconds, begin = Clock::now()](const TrainingProgress& progress) mutable {
        if (progress.steps == 0) begin = Clock::now();
        return StepWishes{.stop = blocks_ > 0 && steps_of_block_ == 0 && seconds_since(begin) >= seconds};
      };
    }
    return events;
  }

  /// Collective over `ranks`. Sweeps for about so many seconds, by turns with their products.
  void time_sweeps(SweptChains& chains, double seconds, const Communicator& ranks) {
    const Clock::time_point begin = Clock::now();
    do {
      ranks.agree([] { throw_if_stopped("measuring"); });  // all begin together
      time_block([&] { chains.sweep(); }, static_cast<double>(sweeps_of_step_), sweep_seconds_);
      time_block([&] { products_.compute_sweep(); }, 1, sweep_product_seconds_);
    } while (from_root(seconds_since(begin) < seconds, ranks));
  }

  /// Collective over `ranks`, which were timed.
  [[nodiscard]] LayoutTimes times(const Communicator& ranks) const {
    LayoutTimes times{.steps = step_seconds_.size(),
                      .step = slowest(quartiles(step_seconds_), ranks),
                      .floor = slowest(quartiles(product_seconds_), ranks)};
    for (std::size_t phase = 0; phase < phases; ++phase) {
      times.phases[phase] = quartiles(phase_seconds_[phase]).median / ranks.size();
    }
    ranks.sum(std::span(times.phases));
    if (!sweep_seconds_.empty()) {
      times.sweep = {.sweeps = sweep_seconds_.size() * sweeps_of_step_,
                     .sweep = slowest(quartiles(sweep_seconds_), ranks),
                     .floor = slowest(quartiles(sweep_product_seconds_), ranks)};
    }
    return times;
  }

 private:
  void step(const TimeSplit& split) {
    double whole = 0;
    const bool timed = steps_of_block_ > 0;
    for (std::size_t phase = 0; phase < phases; ++phase) {
      // `output` is the time of these events, `validation` that of the figures of chains after an epoch.
      const bool counts = phase != static_cast<std::size_t>(TimePhase::output) &&
                          phase != static_cast<std::size_t>(TimePhase::validation);
      const double seconds = counts ? split[phase] - last_[phase] : 0;
      whole += seconds;
      if (timed) phase_seconds_[phase].push_back(seconds);
    }
    if (timed) step_seconds_.push_back(whole);
    last_ = split;
    if (++steps_of_block_ < block_) return;
    steps_of_block_ = 0;
    ++blocks_;
    time_block([&] { products_.compute(); }, 1, product_seconds_);
  }

  /// Does the work `block_` times, which is `count` things each, and notes the time of one thing.
  template <typename Work>
  void time_block(const Work& work, double count, std::vector<double>& seconds) {
    for (std::uint64_t i = 0; i < block_; ++i) {
      still_at_work();
      const Clock::time_point begin = Clock::now();
      work();
      if (i > 0) seconds.push_back(seconds_since(begin) / count);
    }
  }

  std::uint64_t block_;
  std::uint64_t sweeps_of_step_;
  Arena memory_;
  StepProducts products_;
  TimeSplit last_{};
  std::uint64_t steps_of_block_ = 0;
  std::uint64_t blocks_ = 0;
  std::vector<double> step_seconds_;
  std::array<std::vector<double>, phases> phase_seconds_;
  std::vector<double> product_seconds_;
  std::vector<double> sweep_seconds_;
  std::vector<double> sweep_product_seconds_;
};

/// A training that has not begun: random weights, biases such that about `density` of the units are on, zeros for the
/// optimizer to remember. For the root.
SavedState beginning(const BenchmarkOptions& options, const Rows& samples) {
  const RbmShape shape = shape_of(options);
  SavedState state{.parameters = AlignedBuffer<Real>(shape.parameters()),
                   .optimizer = {},
                   .progress = {},
                   .layout = rbm_layout(shape)};
  const RbmView<Real> view(shape, state.parameters.span());
  initialise_weights(view, options.training.weight_init, options.training.seed, 0);
  start_from_means(view, std::vector<double>(shape.visible, options.density), samples.rows);
  std::ranges::fill(view.hidden_bias, view.visible_bias.front());
  const ParameterLayout& layout = state.layout;
  Arena memory;
  for (const OptimizerMemory& part :
       optimizer(options.training.optimizer).make(layout, options.training, memory)->memory()) {
    state.optimizer.push_back({part.name, AlignedBuffer<Real>(part.values.size()), part.rows, part.columns});
  }
  state.arrays = first_arrays(options.training, samples, view);
  return state;
}

/// Collective. The root works, and the others sleep, so that it has the machine for itself. `local` may throw.
void root_alone(const Communicator& world, const std::function<void()>& local) {
  std::exception_ptr problem;
  try {
    if (world.is_root()) local();
  } catch (...) {
    problem = std::current_exception();
  }
  world.sleeping_barrier();
  world.agree_on_root([&] {
    if (problem) std::rethrow_exception(problem);
  });
}

/// The runs of one benchmark.
class Benchmark {
 public:
  Benchmark(BenchmarkOptions options, const Rows& samples, const Communicator& world)
      : options_(std::move(options)), samples_(samples), world_(world) {
    options_.training.epochs = without_end;
  }

  /// Collective.
  BenchmarkResult run() {
    BenchmarkResult result{.shape = shape_of(options_),
                           .batch_size = options_.training.batch_size,
                           .chains = chains_of(options_.training),
                           .sweeps = options_.training.sweeps,
                           .ranks = world_.size(),
                           .exchange_bytes = exchange_bytes()};
    compare(result);
    measure(result);
    if (shares() && result.exchange_bytes > 0) result.exchange = exchange_times(result);
    return result;
  }

 private:
  /// Collective. Whether the ranks of a node share the parameters.
  [[nodiscard]] bool shares() const {
    return exchange_in_use(options_.training, samples_.rows, samples_.columns, world_) == Exchange::shared;
  }

  /// Collective. Ranks of a node that share the parameters have nothing to exchange with each other.
  [[nodiscard]] std::size_t exchange_bytes() const {
    const TrainingOptions& training = options_.training;
    const bool shared = shares();
    const int sharing = world_.split_by_node(training.ranks_per_node).size();
    if (world_.size() == 1 || (shared && sharing == world_.size())) return 0;
    return shape_of(options_).parameters() / static_cast<std::size_t>(shared ? sharing : 1) *
           (wide() ? sizeof(double) : sizeof(Real));
  }

  /// Whether sums are exchanged in double precision.
  [[nodiscard]] bool wide() const {
    return options_.training.arithmetic == Arithmetic::exact &&
           options_.training.batch_size > largest_single_precision_batch;
  }

  /// Collective over `ranks`. One training; a signal ends it with an error.
  TrainingResult train(const TrainingOptions& training, const Communicator& ranks, const TrainingEvents& events) {
    std::optional<SavedState> start;
    ranks.agree_on_root([&] { start = beginning(options_, samples_); });
    TrainingResult result = train_rbm(training, {samples_, {}}, ranks, events, std::move(start));
    ranks.agree([] { throw_if_stopped("measuring"); });
    return result;
  }

  /// Collective over `ranks`. Steps, and sweeps of persistent chains, for about so many seconds together.
  void time(const TrainingOptions& training, const Communicator& ranks, double seconds, Stopwatch& watch) {
    const bool sweeps = persistent_chains(training) > 0;
    const double for_steps = sweeps ? seconds * 2 / 3 : seconds;
    (void)train(training, ranks, watch.events(for_steps, ranks.is_root()));
    if (!sweeps) return;
    std::optional<SavedState> start;
    ranks.agree_on_root([&] { start = beginning(options_, samples_); });
    SweptChains chains(training, samples_, ranks, start);
    start.reset();
    watch.time_sweeps(chains, seconds - for_steps, ranks);
  }

  /// Collective over `ranks`.
  std::string digest(const TrainingOptions& training, const Communicator& ranks, std::uint64_t steps) {
    TrainingEvents events;
    events.wishes = [&](const TrainingProgress& now) { return StepWishes{.stop = now.steps + 1 == steps}; };
    const TrainingResult result = train(training, ranks, events);
    return ranks.broadcast(model_digest(std::span(&result.rbm, 1)));
  }

  /// Collective. The model of all ranks, of this engine on one rank, and of the reference.
  void compare(BenchmarkResult& result) {
    const Communicator alone;
    const TrainingOptions& training = options_.training;
    result.digest_steps = steps_of(options_, 1e9, 4, 64);
    std::vector<DigestOfRun> runs;
    runs.push_back({plural(world_.size(), "rank"), digest(training, world_, result.digest_steps)});
    root_alone(world_, [&] {
      if (world_.size() > 1) runs.push_back({"1 rank", digest(training, alone, result.digest_steps)});
      TrainingOptions reference = training;
      reference.engine = Engine::blas;
      runs.push_back({"the engine blas on 1 rank", digest(reference, alone, result.digest_steps)});
      check_same_digest(runs, result.digest_steps);
    });
    result.digest = runs.front().digest;
  }

  /// Collective.
  void measure(BenchmarkResult& result) {
    constexpr int rounds = 4;
    const Communicator alone;
    TrainingOptions training = options_.training;
    training.learning_rate = 1e-3;  // the shares of units that are on stay as they are
    const bool several = world_.size() > 1;
    std::optional<Stopwatch> all;
    std::optional<Stopwatch> one;
    world_.agree([&] {
      all.emplace(options_, world_);
      if (several && world_.is_root()) one.emplace(options_, alone);
    });
    const double turn = options_.seconds / (several ? 2 * rounds : rounds);
    const Clock::time_point begin = Clock::now();
    do {
      time(training, world_, turn, *all);
      if (several) root_alone(world_, [&] { time(training, alone, turn, *one); });
    } while (from_root(seconds_since(begin) < options_.seconds, world_));

    result.all = all->times(world_);
    if (several) result.one_rank = from_root(one ? one->times(alone) : LayoutTimes{}, world_);
  }

  /// Collective. The sums of a step over the nodes, without anything else, and what the link between them can do.
  [[nodiscard]] ExchangeTimes exchange_times(const BenchmarkResult& result) {
    const RankLayout layout = arrange_ranks(world_, Exchange::shared, options_.training.ranks_per_node);
    ExchangeTimes times{.link = Link::measure(layout.peers)};
    layout.node.sum(std::span(&times.link.bandwidth, 1));
    times.link = from_root(times.link, world_);
    times.alone = seconds_of_sums(layout);
    const auto on_node = static_cast<std::size_t>(layout.node.size());
    times.expected = exchange_seconds(layout.peers.size(), result.exchange_bytes * on_node, times.link);
    const double phase = result.all.phases[static_cast<std::size_t>(TimePhase::exchange)];
    times.expected_in_step = visible_exchange_seconds(times.expected, result.all.step.median - phase);
    return times;
  }

  /// Collective. The median of the slowest rank.
  [[nodiscard]] double seconds_of_sums(const RankLayout& layout) {
    constexpr std::size_t fewest = 5;
    constexpr std::size_t most = 100;
    constexpr double enough = 0.5;  // seconds
    const std::size_t pieces =
        exchange_pieces(options_.training, samples_.rows, samples_.columns, layout.peers.size(), layout.node.size());
    const std::size_t size = shape_of(options_).parameters() / static_cast<std::size_t>(layout.node.size());
    const SumsBy by = iallreduce_setting(world_).empty() ? SumsBy::messages : SumsBy::mpi;
    Arena memory;
    std::optional<GradientSums> sums;
    std::optional<SumsUnderWay> under_way;
    std::array<std::int64_t, 3> counts{};
    world_.agree([&] {
      sums.emplace(size, wide(), memory);
      if (pieces == 0) return;
      under_way.emplace(layout.peers, by, pieces + 1, std::max((size / pieces + 1) * sizeof(Real), sizeof(counts)),
                        memory);
    });
    const auto sum_once = [&] {
      if (!under_way) {
        layout.peers.sum(std::span(counts));
        sums->exchange(layout.peers, 1);
        return;
      }
      under_way->start(std::span(counts));
      for (std::size_t i = 0; i < pieces; ++i) {
        const std::size_t first = size * i / pieces;
        under_way->start(sums->values().subspan(first, size * (i + 1) / pieces - first));
      }
      for (std::size_t i = 0; i <= pieces; ++i) under_way->wait();
    };
    std::vector<double> seconds;
    const Clock::time_point begin = Clock::now();
    do {
      world_.agree([] { throw_if_stopped("measuring"); });  // all begin together
      const Clock::time_point one = Clock::now();
      sum_once();
      seconds.push_back(seconds_since(one));
    } while (from_root(seconds.size() < fewest || (seconds.size() < most && seconds_since(begin) < enough), world_));
    return slowest(quartiles(seconds), world_).median;
  }

  BenchmarkOptions options_;
  const Rows& samples_;
  const Communicator& world_;
};

}  // namespace

Quartiles quartiles(std::vector<double> values) {
  std::ranges::sort(values);
  const auto at = [&](std::size_t quarters) { return values[(values.size() - 1) * quarters / 4]; };
  return {.low = at(1), .median = at(2), .high = at(3)};
}

double BenchmarkResult::samples_per_second() const noexcept {
  return static_cast<double>(batch_size) / all.step.median;
}

double BenchmarkResult::gcups() const noexcept {
  return static_cast<double>(shape.weights()) * samples_per_second() * 1e-9;
}

double BenchmarkResult::gflops_of_step() const noexcept {
  const double rows_through_products =
      2 * static_cast<double>(batch_size) + static_cast<double>(2 * sweeps + 1) * static_cast<double>(chains);
  return 2 * gcups() * rows_through_products / static_cast<double>(batch_size);
}

double BenchmarkResult::gflops_of_floor() const noexcept {
  return gflops_of_step() * all.ratio();
}

std::optional<double> BenchmarkResult::exchange_gigabytes_per_second() const noexcept {
  if (exchange_bytes == 0) return std::nullopt;
  return static_cast<double>(exchange_bytes) * 1e-9 / all.phases[static_cast<std::size_t>(TimePhase::exchange)];
}

std::optional<double> BenchmarkResult::speedup() const noexcept {
  if (!one_rank) return std::nullopt;
  return one_rank->step.median / all.step.median;
}

std::optional<double> BenchmarkResult::efficiency() const noexcept {
  if (!one_rank) return std::nullopt;
  return *speedup() / ranks;
}

void check_same_digest(std::span<const DigestOfRun> runs, std::uint64_t steps) {
  for (const DigestOfRun& other : runs) {
    if (other.digest == runs.front().digest) continue;
    throw Error(Failure::other,
                fmt::format("after {} the models differ: {} has the digest {}, {} has {}; this "
                            "build or this machine does not compute correctly",
                            plural(steps, "step"), runs.front().run, runs.front().digest, other.run, other.digest));
  }
}

void check_options(const BenchmarkOptions& options) {
  const auto refuse = [](const char* name, const auto& value, const std::string& right) {
    throw Error(Failure::usage, fmt::format("{} = {}: must be {}", name, value, right));
  };
  if (options.visible == 0 || options.visible > largest_layer) {
    refuse("visible", options.visible, fmt::format("from 1 to {}", largest_layer));
  }
  if (!(options.density >= 0 && options.density <= 1)) refuse("density", options.density, "from 0 to 1");
  if (!(options.seconds > 0 && std::isfinite(options.seconds))) refuse("seconds", options.seconds, "more than 0");
  check_options(options.training);
}

std::uint64_t benchmark_rows(const BenchmarkOptions& options) {
  constexpr std::uint64_t bytes = 33'000'000;
  const std::uint64_t batch = options.training.batch_size;
  return batch * std::clamp<std::uint64_t>(bytes / (batch * options.visible), 4, 512);
}

std::uint64_t benchmark_memory(const BenchmarkOptions& options, int ranks, int ranks_on_node, bool has_root) {
  const RbmShape shape = shape_of(options);
  const auto timed = [&](int layout, int on_node) {
    Arena counted(ArenaUse::count);
    (void)products_of(options, 0, layout, counted);
    return training_memory(options.training, options.visible, false, layout, on_node) + counted.taken();
  };
  const std::uint64_t each = timed(ranks, ranks_on_node);
  std::uint64_t bytes = static_cast<std::uint64_t>(ranks_on_node) * each;
  if (has_root) {
    const std::uint64_t start = 2 * sizeof(Real) * shape.parameters() + first_array_bytes(options.training, shape);
    const std::uint64_t alone = timed(1, 1);
    bytes = std::max(bytes, static_cast<std::uint64_t>(ranks_on_node - 1) * each + alone) + start;
  }
  return bytes;
}

BenchmarkResult run_benchmark(const BenchmarkOptions& options, const Rows& samples, const Communicator& world) {
  world.agree([&] { check_options(options); });
  return Benchmark(options, samples, world).run();
}

}  // namespace rbmpi

// The time of counting the neighbours of aligned sequences, all pairs of them:
//
//   mpirun -n RANKS sequence_pairs [ROWS [SITES [THREADS [MOST]]]]
//
// Random families with planted relatives; neighbours have 80 % equal sites. The counts of 100 sequences are compared
// with those of plain loops: it fails if one differs, or, with MOST, if it takes more seconds.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "arguments.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/sequence_weights.hpp"

namespace {

using namespace rbmpi;
using Clock = std::chrono::steady_clock;

/// Of 21 letters. Every twentieth sequence begins a family: it has some two fifths of its letters from what all come
/// from. The others have more than three fifths from the beginning of their family.
std::vector<std::uint8_t> random_families(std::size_t rows, std::size_t sites) {
  std::mt19937_64 random(1);
  std::vector<std::uint8_t> letters(rows * sites);
  std::vector<std::uint8_t> origin(sites);
  const auto letter = [&] { return static_cast<std::uint8_t>(random() % 21); };
  std::ranges::generate(origin, letter);
  for (std::size_t i = 0; i < rows; ++i) {
    const bool first = i % 20 == 0;
    const std::uint8_t* const from = first ? origin.data() : letters.data() + i / 20 * 20 * sites;
    const std::uint64_t kept = first ? 400 : 600 + random() % 400;
    for (std::size_t s = 0; s < sites; ++s) {
      letters[i * sites + s] = random() % 1000 < kept ? from[s] : letter();
    }
  }
  return letters;
}

std::int64_t plain_count(ConstLettersView sequences, std::size_t i, NeighbourRule rule) {
  std::int64_t count = 0;
  for (std::size_t j = 0; j < sequences.rows; ++j) {
    std::size_t equal = 0;
    for (std::size_t s = 0; s < sequences.columns; ++s) equal += sequences.row(i)[s] == sequences.row(j)[s] ? 1U : 0U;
    count += static_cast<double>(equal) / static_cast<double>(sequences.columns) >= rule.identity ? 1 : 0;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  const MpiEnvironment environment(argc, argv);
  const Communicator world = Communicator::world();
  const bench::Arguments argument{argc, argv};
  const auto rows = static_cast<std::size_t>(argument(1, 29716));
  const auto sites = static_cast<std::size_t>(argument(2, 112));
  const int threads = static_cast<int>(argument(3, 1));
  const double most = argument(4, 1e9);
  use_threads(threads);
  const std::vector<std::uint8_t> letters = random_families(rows, sites);
  const ConstLettersView sequences{letters.data(), rows, sites};
  const NeighbourRule rule;

  world.barrier();
  const Clock::time_point begin = Clock::now();
  const SequenceWeights weights = weigh_sequences(sequences, rule, world, world.split_by_node(0));
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  int failed = 0;
  if (world.is_root()) {
    std::size_t wrong = 0;
    const std::size_t checked = std::min<std::size_t>(rows, 100);
    for (std::size_t k = 0; k < checked; ++k) {
      const std::size_t i = k * rows / checked;
      wrong += weights.neighbours[i] != plain_count(sequences, i, rule) ? 1U : 0U;
    }
    const double pairs = 0.5 * static_cast<double>(rows) * static_cast<double>(rows + 1);
    fmt::print(
        "{} x {} on {} rank(s) of {} thread(s), {}: {:.2f} s, {:.0f} million pairs a second, {:.2f} effective "
        "sequences; {} of {} counts differ from plain loops\n",
        rows, sites, world.size(), threads, simd_target(), seconds, 1e-6 * pairs / seconds,
        weights.effective_sequences(), wrong, checked);
    failed = wrong > 0 || seconds > most ? 1 : 0;
  }
  return static_cast<int>(world.maximum(failed));
}

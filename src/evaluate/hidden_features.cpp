#include "rbmpi/evaluate/hidden_features.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "evaluate/pieces.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/evaluate/stack_features.hpp"

namespace rbmpi {
void hidden_features(std::span<const RbmView<const Real>> layers, const Rows& samples, const FeatureSettings& settings,
                     const Communicator& world,
                     const std::function<void(std::uint64_t first, ConstMatrixView features)>& take,
                     const ProgressReport& progress) {
  const std::size_t hidden = layers.back().shape().hidden;
  const UnitEntry& unit = *layers.back().hidden_unit;
  world.agree([&] {
    if (settings.sample && !unit.flips()) {
      throw Error(Failure::usage, fmt::format("features of {} units cannot be drawn from their means; take these as "
                                              "they are",
                                              unit.name));
    }
    const std::size_t visible = layers.front().shape().visible;
    if (samples.columns == visible) return;
    throw Error(Failure::usage, fmt::format("the data have {}, but the model has {}", plural(samples.columns, "column"),
                                            plural(visible, "visible unit")));
  });
  const std::uint64_t piece_rows = std::max<std::uint64_t>(piece_bytes / (hidden * sizeof(Real)), 1);
  std::optional<StackFeatures> stack;
  std::optional<RowBlocks> blocks;
  std::vector<Real> features;
  world.agree([&] {
    stack.emplace(std::vector(layers.begin(), layers.end()), samples);
    blocks.emplace(*stack, product_rows);
    features.resize(std::min(piece_rows, samples.rows) * hidden);
  });

  // Of the rows of the samples from `first` on.
  const auto compute = [&](std::uint64_t first, MatrixView rows) {
    blocks->next(first, rows.rows).read_on_all_threads({0, rows.rows}, unrounded, rows);
    if (!settings.sample) return;
    parallel_for(rows.rows, [&](std::size_t i) {
      // The sample of a stream has 32 bits; rows beyond them are told apart by the step.
      const std::uint64_t row = first + i;
      unit.draw_data(hidden,
                     RandomStream(settings.seed, 0, row >> 32U, Phase::feature_hidden, static_cast<std::uint32_t>(row)),
                     rows.row(i), rows.row(i));
    });
  };

  for (std::uint64_t first = 0; first < samples.rows; first += piece_rows) {
    const MatrixView piece{features.data(), std::min(piece_rows, samples.rows - first), hidden};
    const Shard mine = shard(piece.rows, world.rank(), world.size());
    // Each rank has its own rows, and zeros elsewhere: the sum is all of them.
    std::ranges::fill(features, Real{0});
    world.agree([&] {
      for (std::uint64_t begin = mine.first; begin < mine.first + mine.count; begin += product_rows) {
        throw_if_stopped("computing features");
        const std::uint64_t count = std::min<std::uint64_t>(product_rows, mine.first + mine.count - begin);
        compute(first + begin, {piece.row(begin), count, hidden});
      }
    });
    world.sum(std::span(features).first(piece.size()));
    world.agree_on_root([&] { take(first, piece); });
    if (progress) progress(static_cast<double>(first + piece.rows) / static_cast<double>(samples.rows));
  }
}

}  // namespace rbmpi

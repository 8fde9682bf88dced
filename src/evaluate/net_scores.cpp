#include "rbmpi/evaluate/net_scores.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "evaluate/pieces.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/net_kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

/// Sums of a block of rows; those of the blocks of other ranks are zeros.
struct NetBlockSums {
  RowSums cross_entropy;
  RowSums squared_error;
};

}  // namespace

NetScoring::NetScoring(const NetShape& shape, Arena& memory)
    : shape_(shape),
      pass_(shape, product_rows, memory),
      cross_entropies_(memory.take<double>(product_rows)),
      squared_errors_(memory.take<double>(product_rows)) {
  if (shape.is_classifier()) memory.expect(shape.outputs() * shape.outputs() * sizeof(std::uint64_t));
}

NetScores NetScoring::score(std::span<const Real> parameters, std::span<const std::int32_t> classes,
                            const Rows& samples, const Communicator& world) {
  const std::uint64_t blocks = (samples.rows + product_rows - 1) / product_rows;
  const Shard mine = shard(blocks, world.rank(), world.size());
  const std::size_t outputs = shape_.outputs();
  std::vector<NetBlockSums> sums;
  ConfusionMatrix confusion;
  world.agree([&] {
    sums.resize(blocks);
    if (shape_.is_classifier()) {
      confusion.classes.assign(classes.begin(), classes.end());
      confusion.counts.resize(outputs * outputs);
    }
    RowBlocks rows(samples, product_rows);
    for (std::uint64_t block = mine.first; block < mine.first + mine.count; ++block) {
      throw_if_stopped("scoring the data");
      const std::uint64_t first = block * product_rows;
      const std::size_t count = std::min<std::uint64_t>(product_rows, samples.rows - first);
      const MatrixView inputs = pass_.inputs(count);
      rows.next(first, count).read_on_all_threads({0, count}, unrounded, inputs);
      const MatrixView found = pass_.forward(parameters, count);
      if (shape_.is_classifier()) {
        for (std::size_t i = 0; i < count; ++i) {
          const Real* const p = found.row(i);
          const std::size_t truth = class_of(classes, samples.labels[first + i]).value_or(0);
          const auto likeliest = static_cast<std::size_t>(std::max_element(p, p + outputs) - p);
          ++confusion.counts[truth * outputs + likeliest];
          sums[block].cross_entropy.add(
              -std::log(std::max(double{p[truth]}, double{std::numeric_limits<Real>::min()})));
        }
      } else {
        parallel_for(count, [&](std::size_t i) {
          cross_entropies_[i] = double{rbmpi::cross_entropy(inputs.row(i), found.row(i), outputs)};
          squared_errors_[i] =
              static_cast<double>(rbmpi::squared_error(inputs.row(i), found.row(i), outputs)) * 0x1p-24;
        });
        for (std::size_t i = 0; i < count; ++i) {
          sums[block].cross_entropy.add(cross_entropies_[i]);
          sums[block].squared_error.add(squared_errors_[i]);
        }
      }
    }
  });
  world.sum(std::span(reinterpret_cast<double*>(sums.data()), blocks * (sizeof(NetBlockSums) / sizeof(double))));
  world.sum(std::span(reinterpret_cast<std::int64_t*>(confusion.counts.data()), confusion.counts.size()));

  NetBlockSums total;
  for (const NetBlockSums& block : sums) {
    total.cross_entropy.add(block.cross_entropy);
    total.squared_error.add(block.squared_error);
  }
  const std::uint64_t errors = confusion.errors();
  return NetScores{.rows = samples.rows,
                   .cross_entropy = total.cross_entropy.result(),
                   .errors = errors,
                   .confusion = std::move(confusion),
                   .squared_error = total.squared_error.result()};
}

void check_labels(const Rows& samples, std::span<const std::int32_t> classes, const std::string& what) {
  if (samples.rows > 0 && samples.labels == nullptr) {
    throw Error(Failure::file, fmt::format("the {} have no labels: a classifier wants the class of each row", what));
  }
  for (std::uint64_t row = 0; row < samples.rows; ++row) {
    if (class_of(classes, samples.labels[row])) continue;
    constexpr std::size_t some = 20;
    throw Error(Failure::file,
                fmt::format("row {} of the {} has the label {}, which is none of the classes of the net: {}{}", row,
                            what, samples.labels[row], fmt::join(classes.first(std::min(some, classes.size())), ", "),
                            classes.size() > some ? fmt::format(", ... ({} of them)", classes.size()) : ""));
  }
}

}  // namespace rbmpi

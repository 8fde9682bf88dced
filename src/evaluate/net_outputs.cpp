#include "rbmpi/evaluate/net_outputs.hpp"

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
#include "rbmpi/data/shard.hpp"
#include "rbmpi/model/net_pass.hpp"
#include "rbmpi/parallel/from_root.hpp"

namespace rbmpi {
void net_outputs(const FeedForwardNet& net, std::size_t layers, const Rows& samples, const Communicator& world,
                 const std::function<void(std::uint64_t first, ConstMatrixView outputs)>& take,
                 const ProgressReport& progress) {
  const NetShape& shape = net.shape();
  world.agree([&] {
    if (samples.columns == shape.inputs()) return;
    throw Error(Failure::usage, fmt::format("the data have {}, but the net has {}", plural(samples.columns, "column"),
                                            plural(shape.inputs(), "input")));
  });
  const std::size_t units = shape.units[layers];
  // Whole blocks of rows that are computed together, whatever the number of ranks.
  const std::uint64_t piece_rows =
      std::max<std::uint64_t>(piece_bytes / (units * sizeof(Real)) / product_rows, 1) * product_rows;
  Arena memory;
  NetPass pass;
  std::optional<RowBlocks> blocks;
  std::vector<Real> outputs;
  world.agree([&] {
    blocks.emplace(samples, product_rows);
    pass = NetPass(shape, product_rows, memory);
    outputs.resize(std::min(piece_rows, samples.rows) * units);
  });
  for (std::uint64_t first = 0; first < samples.rows; first += piece_rows) {
    const MatrixView piece{outputs.data(), std::min(piece_rows, samples.rows - first), units};
    const Shard mine = shard_in_groups({0, piece.rows}, product_rows, world.rank(), world.size());
    // Each rank has its own rows, and zeros elsewhere: the sum is all of them.
    std::ranges::fill(outputs, Real{0});
    world.agree([&] {
      for (std::uint64_t begin = mine.first; begin < mine.first + mine.count; begin += product_rows) {
        throw_if_stopped("computing outputs");
        const std::size_t count = std::min<std::uint64_t>(product_rows, mine.first + mine.count - begin);
        const MatrixView inputs = pass.inputs(count);
        blocks->next(first + begin, count).read_on_all_threads({0, count}, unrounded, inputs);
        const MatrixView found = pass.forward(net.parameters(), count, layers);
        std::copy_n(found.values, found.size(), piece.row(begin));
      }
    });
    world.sum(std::span(outputs).first(piece.size()));
    world.agree_on_root([&] { take(first, piece); });
    if (progress) progress(static_cast<double>(first + piece.rows) / static_cast<double>(samples.rows));
  }
}

void broadcast_net(FeedForwardNet& net, const Communicator& world) {
  const NetShape shape{.units = from_root(net.shape().units, world),
                       .activations = from_root(net.shape().activations, world)};
  world.agree([&] {
    if (!world.is_root()) net = FeedForwardNet(shape);
  });
  world.broadcast(std::as_writable_bytes(net.parameters()));
}

}  // namespace rbmpi

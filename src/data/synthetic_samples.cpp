#include "rbmpi/data/synthetic_samples.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

void check_memory(const Communicator& node, std::uint64_t rows, std::uint64_t columns, std::uint64_t other_bytes) {
  const std::uint64_t bytes = rows * columns;
  const std::uint64_t available = available_memory();
  other_bytes += std::min(program_memory * static_cast<std::uint64_t>(node.size()), ~other_bytes);
  if (bytes > available || other_bytes > available - bytes) {
    throw Error(Failure::other,
                fmt::format("not enough memory: {} synthetic rows x {} columns take {} on each node and the models, "
                            "buffers and programs {}, but only {} are available; give smaller shapes",
                            rows, columns, human_bytes(bytes), human_bytes(other_bytes), human_bytes(available)));
  }
}

/// A unit is on if its 32 random bits are below `threshold`, density 2^32.
void fill_row(std::span<std::byte> row, std::uint64_t index, std::uint64_t threshold) {
  constexpr std::uint64_t seed = 1;
  const RandomStream stream(seed, 0, index, Phase::data, 0);
  RandomStream::Block bits{};
  for (std::size_t unit = 0; unit < row.size(); ++unit) {
    if (unit % bits.size() == 0) bits = stream.block(static_cast<std::uint32_t>(unit / bits.size()));
    row[unit] = bits[unit % bits.size()] < threshold ? std::byte{1} : std::byte{0};
  }
}

}  // namespace

SyntheticSamples::SyntheticSamples(const Communicator& world, const Communicator& node, std::uint64_t rows,
                                   std::uint64_t columns, double density, std::uint64_t other_bytes) {
  world.agree([&] { check_memory(node, rows, columns, other_bytes); });
  window_ = SharedWindow::on_every_node(world, node, rows * columns, "the synthetic rows");
  samples_ = {ElementType::uint8, window_.bytes().data(), rows, columns, 1.0};
  const Shard mine = shard(rows, node.rank(), node.size());
  const auto threshold = static_cast<std::uint64_t>(density * 0x1p32);
  parallel_for(mine.count, [&](std::size_t i) {
    const std::uint64_t row = mine.first + i;
    fill_row(window_.bytes().subspan(row * columns, columns), row, threshold);
  });
  window_.synchronise();
}

}  // namespace rbmpi

#include "rbmpi/core/arena.hpp"

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/memory.hpp"

namespace rbmpi {

std::byte* Arena::reserve(std::size_t count, std::size_t size) {
  const std::size_t first = taken_;
  if (has_block_ && count > (block_.size() - first) / size) {
    throw Error(Failure::other,
                fmt::format("{} values of {} bytes are wanted of a block of {}, of which {} are left: "
                            "whoever takes them must take as many when they are counted",
                            count, size, human_bytes(block_.size()), human_bytes(block_.size() - first)));
  }
  const std::size_t bytes = whole_lines<std::byte>(count * size);
  if (!counts_ && !has_block_ && bytes > 0) own_.emplace_back(bytes);
  taken_ += bytes;
  if (counts_ || bytes == 0) return nullptr;
  return has_block_ ? block_.data() + first : own_.back().data();
}

}  // namespace rbmpi

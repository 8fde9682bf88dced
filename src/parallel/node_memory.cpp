#include "rbmpi/parallel/node_memory.hpp"

#include <fmt/format.h>

#include "rbmpi/core/memory.hpp"

namespace rbmpi {

NodeMemory::NodeMemory(const Communicator& node, std::size_t bytes) : counts_only_(false) {
  bytes = whole_lines<std::byte>(bytes);  // as arrays are
  if (node.size() == 1) {
    node.agree([&] { own_ = AlignedBuffer<std::byte>(bytes); });
    block_ = own_.span();
    return;
  }
  window_ = SharedWindow(node, bytes, "the training");
  block_ = window_.bytes();
}

std::byte* NodeMemory::reserve(std::size_t count, std::size_t size) {
  if (!counts_only_ && count > (block_.size() - taken_) / size) {
    throw Error(
        Failure::other,
        fmt::format("{} values of {} bytes are wanted of a block of {} that the ranks of a node share, of which "
                    "{} are left: whoever takes them must have counted them (a gradient function, in "
                    "shared_memory)",
                    count, size, human_bytes(block_.size()), human_bytes(block_.size() - taken_)));
  }
  const std::size_t first = taken_;
  taken_ += whole_lines<std::byte>(count * size);
  return counts_only_ ? nullptr : block_.data() + first;
}

}  // namespace rbmpi

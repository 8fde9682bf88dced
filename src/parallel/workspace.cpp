#include "rbmpi/parallel/workspace.hpp"

namespace rbmpi {

NodeArena::NodeArena(const Communicator& node, std::size_t bytes) {
  bytes = whole_lines<std::byte>(bytes);  // as arrays are
  if (node.size() == 1) {
    node.agree([&] { own_ = AlignedBuffer<std::byte>(bytes); });
    Arena::operator=(Arena(own_.span()));
    return;
  }
  window_ = SharedWindow(node, bytes, "the training");
  Arena::operator=(Arena(window_.bytes()));
}

}  // namespace rbmpi

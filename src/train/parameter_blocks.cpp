#include "rbmpi/train/parameter_blocks.hpp"

#include <fmt/format.h>

namespace rbmpi {

std::string to_text(const ParameterBlocks& blocks) {
  std::string text;
  for (std::size_t i = 0; i < blocks.count(); ++i) {
    text += fmt::format("{}{} x {}", i == 0 ? "" : ", ", blocks[i].rows, blocks[i].columns);
  }
  return text;
}

}  // namespace rbmpi

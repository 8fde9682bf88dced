#pragma once

#include <string>

#include "rbmpi/evaluate/confusion_matrix.hpp"

namespace rbmpi {

/// Local. The matrix with figures of each class beside and below it; of many classes those figures alone, the classes
/// with the most mistakes first, and the pairs that are taken for each other most often. `of`: "6,000 validation rows".
[[nodiscard]] std::string confusion_table(const ConfusionMatrix& confusion, const std::string& of);

}  // namespace rbmpi

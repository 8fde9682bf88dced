#pragma once

#include <cstdint>
#include <vector>

#include "app/configuration.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {

/// Local. The classes of labelled data, for a classifier or for a stack whose highest layer is trained on the labels as
/// well, sorted: the labels of the training rows. Throws Error(Failure::file) that names
/// key, file, row and value if there are no labels, one is negative, a validation row has one that no training row has,
/// or there are not at least two.
[[nodiscard]] std::vector<std::int32_t> find_classes(const TrainSettings& settings, const TrainingData& data);

}  // namespace rbmpi

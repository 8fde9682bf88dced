#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "app/configuration.hpp"
#include "rbmpi/train/greedy_training.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {

/// More than that are no classes but numbers of rows, and what grows with their square, such as the counts of which
/// class is taken for which, would fill the memory: 800 MB a rank with so many.
inline constexpr std::size_t most_classes = most_joined_classes;

/// Local. The classes of labelled data, for a classifier or for a stack whose highest layer is trained on the labels as
/// well, sorted: the labels of the training rows. Throws Error(Failure::file) that names
/// key, file, row and value if there are no labels, one is negative, a validation row has one that no training row has,
/// or there are not 2 to
/// `most_classes`.
[[nodiscard]] std::vector<std::int32_t> find_classes(const TrainSettings& settings, const TrainingData& data);

/// Local. The names of classes, one for each, of which `names` has those of the labels 0, 1, ...; none if that has
/// none.
[[nodiscard]] std::vector<std::string> names_of_classes(const std::vector<std::int32_t>& classes,
                                                        const std::vector<std::string>& names);

/// Local. Throws Error(Failure::file) if labels mean other classes in the file to validate on than in the data: the
/// names of their classes differ. Without names in one of them, numbers are compared with numbers.
void check_class_names(const TrainSettings& settings, const std::vector<std::string>& training,
                       const std::vector<std::string>& validation);

/// Local. What should be known of the classes of the last rows, if these are held out, or nothing: that there are rows
/// of few classes among them, because the rows are sorted by class, or of some that are not trained on. `names`: of the
/// classes.
[[nodiscard]] std::string note_on_held_out_classes(const TrainSettings& settings, const TrainingData& data,
                                                   const std::vector<std::string>& names);

}  // namespace rbmpi

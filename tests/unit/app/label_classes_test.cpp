#include "app/label_classes.hpp"

#include <numeric>

#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

std::vector<std::int32_t> classes_of(const std::vector<std::int32_t>& labels, TrainingCommand command) {
  TrainSettings settings = default_settings(command);
  settings.data = "train.h5";
  TrainingData data;
  data.training.rows = labels.size();
  data.training.labels = labels.data();
  return find_classes(settings, data);
}

TEST(LabelClassesTest, AreSorted) {
  EXPECT_EQ(classes_of({7, 0, 7, 2}, TrainingCommand::finetune), (std::vector<std::int32_t>{0, 2, 7}));
}

TEST(LabelClassesTest, NamesAreOfTheLabels) {
  EXPECT_EQ(names_of_classes({0, 2, 7}, {"ant", "bee", "cat"}), (std::vector<std::string>{"ant", "cat", "7"}));
  EXPECT_TRUE(names_of_classes({0, 2}, {}).empty());
}

TEST(LabelClassesTest, LabelsMeanTheSameInBothFiles) {
  const TrainSettings settings = default_settings(TrainingCommand::finetune);
  check_class_names(settings, {"ant", "bee"}, {"ant"});
  check_class_names(settings, {"ant", "bee"}, {});
  check_class_names(settings, {}, {"ant"});
  test::expect_error(Failure::file, {"label 0", "'bee'", "'ant'"}, [&] {
    check_class_names(settings, {"ant", "bee"}, {"bee"});
  });
  test::expect_error(Failure::file, {"label 1", "'bee'", "none"}, [&] {
    check_class_names(settings, {"ant"}, {"ant", "bee"});
  });
}

TEST(LabelClassesTest, AColumnOfNumbersOfRowsIsNone) {
  std::vector<std::int32_t> labels(most_classes);
  std::iota(labels.begin(), labels.end(), 0);
  labels.push_back(3);
  EXPECT_EQ(classes_of(labels, TrainingCommand::finetune).size(), most_classes);
  labels.resize(labels.size() + 60000, 99999);
  test::expect_error(Failure::file,
                     {"data = train.h5", "first 10002 rows", "10001 different labels", "a classifier wants 2 to 10000",
                      "column of IDs?"},
                     [&] { (void)classes_of(labels, TrainingCommand::finetune); });
  test::expect_error(Failure::file, {"10001 different labels", "join-labels = on wants 2 to 10000"},
                     [&] { (void)classes_of(labels, TrainingCommand::train); });
}

TEST(LabelClassesTest, OneIsNotEnough) {
  test::expect_error(Failure::file, {"data = train.h5", "1 different label;"}, [] {
    (void)classes_of({4, 4}, TrainingCommand::finetune);
  });
}

}  // namespace
}  // namespace rbmpi

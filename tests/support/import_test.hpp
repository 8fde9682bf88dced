#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/import/import.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi::test {

/// Imports of small files: what they make, and what is refused.
class ImportTest : public testing::Test {
 protected:
  using Change = std::function<void(ImportOptions&)>;
  static void no_change(ImportOptions&) {}

  ImportResult imported(std::string_view content, const Change& change = no_change) const {
    ImportOptions options;
    options.file = folder_.write("a.csv", content);
    options.output = made_ / "a.h5";
    change(options);
    return import_file(options);
  }
  void refused(Failure failure, const std::vector<std::string>& fragments, std::string_view content,
               const Change& change = no_change) const {
    const std::size_t before = made_.entries();
    expect_error(failure, fragments, [&] { static_cast<void>(imported(content, change)); });
    EXPECT_EQ(made_.entries(), before) << "nothing is left behind";
  }

  [[nodiscard]] DatasetReader reader() const { return DatasetReader(made_ / "a.h5", Values::any); }
  template <typename Value>
  [[nodiscard]] std::vector<Value> samples() const {
    const DatasetReader dataset = reader();
    std::vector<Value> values(dataset.info().rows * dataset.info().columns);
    EXPECT_EQ(element_size(dataset.info().type), sizeof(Value));
    dataset.read_samples(0, dataset.info().rows, values.data());
    return values;
  }
  [[nodiscard]] std::vector<std::uint8_t> bytes() const { return samples<std::uint8_t>(); }
  [[nodiscard]] std::vector<std::int32_t> labels() const {
    const DatasetReader dataset = reader();
    std::vector<std::int32_t> values(dataset.info().rows);
    dataset.read_labels(0, dataset.info().rows, values.data());
    return values;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    const DatasetReader dataset = reader();
    return dataset.read_row_names(0, dataset.info().rows);
  }

  TemporaryFolder folder_;
  TemporaryFolder made_;
};

}  // namespace rbmpi::test

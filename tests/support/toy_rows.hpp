#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "rbmpi/data/row_source.hpp"

namespace rbmpi::test {

/// Rows that are nowhere: row i of this source is a pattern of zeros and ones that is worked out when it is read. Rows
/// weigh 0, 1 or 2.
class ToyRows final : public RowSource {
 public:
  ToyRows(std::uint64_t rows, std::uint64_t columns) : ToyRows(rows, columns, weights_of(rows)) {}

  [[nodiscard]] std::unique_ptr<RowReader> reader(const Rows& rows, const ReaderShare& share,
                                                  Workspace& memory) const override;

  [[nodiscard]] static Real value(std::uint64_t row, std::uint64_t unit);
  [[nodiscard]] static Real weight(std::uint64_t row) { return static_cast<Real>((row + 1) % 3); }

 private:
  using Weights = std::shared_ptr<std::vector<float>>;
  ToyRows(std::uint64_t rows, std::uint64_t columns, Weights weights)
      : RowSource(rows, columns, nullptr, weights->data()), weights_(std::move(weights)) {}
  static Weights weights_of(std::uint64_t rows) {
    auto weights = std::make_shared<std::vector<float>>();
    for (std::uint64_t row = 0; row < rows; ++row) weights->push_back(weight(row));
    return weights;
  }

  Weights weights_;
};

}  // namespace rbmpi::test

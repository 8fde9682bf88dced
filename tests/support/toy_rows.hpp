#pragma once

#include <memory>

#include "rbmpi/data/row_source.hpp"

namespace rbmpi::test {

/// Rows that are nowhere: row i of this source is a pattern that is worked out when it is read. Values of 0 and 1.
class ToyRows final : public RowSource {
 public:
  ToyRows(std::uint64_t rows, std::uint64_t columns) : RowSource(rows, columns, nullptr) {}

  [[nodiscard]] std::unique_ptr<RowReader> reader(const Rows& rows, const ReaderShare& share,
                                                  Workspace& memory) const override;
};

}  // namespace rbmpi::test

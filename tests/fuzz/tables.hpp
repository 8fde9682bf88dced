#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "fuzz/support.hpp"
#include "import/tables.hpp"

namespace rbmpi::fuzz {

/// Reads all rows of a table that `open` opens, and what it promises of each.
inline void read_table(const std::function<std::unique_ptr<Table>(const TableOptions&)>& open) {
  for (const bool transpose : {false, true}) {
    (void)accepted([&] {
      const std::unique_ptr<Table> table = open({.transpose = transpose});
      const TableInfo& info = table->info();
      promise(info.rows > 0 && info.columns > 0, "a table has rows and columns");
      promise(info.names.empty() || info.names.size() == info.columns, "each column has its name");
      promise(info.picture.empty() || (info.picture.size() == 2 && info.picture[0] * info.picture[1] == info.columns),
              "a picture has as many values as a row");
      std::uint64_t rows = 0;
      table->read([&](const TableRow& row) {
        promise(row.number == rows++, "rows come in order");
        promise(row.texts.empty(), "an array has numbers");
        promise(row.columns.size() == (info.sparse ? row.values.size() : 0), "sparse rows have columns");
        promise(info.sparse || row.values.size() == info.columns, "a row has a value for each column");
        for (std::size_t i = 0; i < row.columns.size(); ++i) {
          promise(row.columns[i] < info.columns && (i == 0 || row.columns[i - 1] < row.columns[i]), "columns rise");
        }
      });
      promise(rows == info.rows, "there are as many rows as the table says");
    });
  }
}

}  // namespace rbmpi::fuzz

#pragma once

#include <algorithm>
#include <vector>

#include "fuzz/support.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/import/import.hpp"

namespace rbmpi::fuzz {

/// What an import made can be read, and is what the import said.
inline void check_imported(const std::filesystem::path& path, const DatasetInfo& made) {
  const DatasetReader reader(path, Values::any);
  const DatasetInfo& info = reader.info();
  promise(info.type == made.type && info.rows == made.rows && info.columns == made.columns &&
              info.scale == made.scale && info.has_labels == made.has_labels && info.picture == made.picture &&
              info.kind == made.kind && info.colours == made.colours && info.sparse == made.sparse &&
              info.class_names == made.class_names && info.column_names == made.column_names,
          "the dataset is what its import said");
  constexpr std::uint64_t most_bytes = 1U << 20U;
  const std::uint64_t rows = std::min(info.rows, most_bytes / (info.columns * element_size(info.type)));
  std::vector<std::byte> samples(rows * info.columns * element_size(info.type));
  reader.read_samples(0, rows, samples.data());
  std::vector<std::int32_t> labels(info.has_labels ? rows : 0);
  if (info.has_labels) reader.read_labels(0, rows, labels.data());
  if (info.has_row_names) (void)reader.read_row_names(0, rows);
  std::vector<float> weights(info.has_weights ? rows : 0);
  if (info.has_weights) reader.read_weights(0, rows, weights.data());
}

/// Imports a sparse table of a format; the first byte of the input chooses the options.
inline void import_sparse(const char* format, Bytes input) {
  const std::uint64_t choice = take_number(input, 1);
  ImportOptions options;
  options.file = input_file("input.txt", input);
  options.output = folder() / "imported.h5";
  options.table.format = format;
  if ((choice & 1U) != 0) options.scale = 1e30;
  if ((choice & 2U) != 0) options.missing = MissingValues::drop_row;
  if ((choice & 4U) != 0) options.drop = "2";
  if ((choice & 8U) != 0) options.sparse = true;
  if ((choice & 16U) != 0) options.label_column = "none";
  ImportResult result;
  if (accepted([&] { result = import_file(options); })) check_imported(options.output, result.info);
}

}  // namespace rbmpi::fuzz

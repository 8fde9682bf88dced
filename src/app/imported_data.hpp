#pragma once

#include <filesystem>
#include <optional>

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

// A training takes whatever `rbmpi import FILE` reads: what is no dataset is made one of, once, beside the run.

/// Local. Where the dataset is that is made of the file of a key: "runs/a.data.h5" for the run in "runs/a".
[[nodiscard]] std::filesystem::path imported_path(const std::filesystem::path& output, const char* key);

/// Collective. The dataset to read for the file of a key, `data` or `validation`: the file itself or, if it has to be
/// imported (rbmpi/import/import.hpp), what the root makes of it beside the run in `output`, and says so. It is used
/// again as long as size and time of the file are as they were. Throws an AgreedError: that of the import, with the
/// words that settle it, or Failure::usage if another file has the name of what would be made.
[[nodiscard]] std::filesystem::path dataset_of(const char* key, const std::filesystem::path& file,
                                               const std::filesystem::path& output, std::optional<double> scale,
                                               const Communicator& world);

/// Local. What a run in `output` read for the file of a key: the dataset that was made of it, if it is there, else the
/// file. Of a run that --fresh moved, the dataset is beside the folder that it was in.
[[nodiscard]] std::filesystem::path dataset_in_use(const char* key, const std::filesystem::path& file,
                                                   const std::filesystem::path& output);

}  // namespace rbmpi

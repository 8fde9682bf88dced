#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rbmpi/import/table.hpp"

namespace rbmpi {

// The tables in files of arrays. Each kind of file has a function that opens it and one that knows it by its first
// bytes, of which 4096 are enough. All of it is Local. What is opened, and may crash its library, belongs into a child
// process (rbmpi/storage/contained_read.hpp).

/// HDF5, with what h5py, Keras, AnnData and MATLAB (version 7.3) make of it.
[[nodiscard]] bool is_hdf5(std::string_view front);
[[nodiscard]] std::unique_ptr<Table> open_hdf5(const std::filesystem::path& path, const TableOptions& wishes);

/// MATLAB's files of version 5 to 7.
[[nodiscard]] bool is_matlab(std::string_view front);
[[nodiscard]] std::unique_ptr<Table> open_matlab(const std::filesystem::path& path, const TableOptions& wishes);

/// NumPy's .npz, also with SciPy's sparse matrices.
[[nodiscard]] bool is_npz(std::string_view front);
[[nodiscard]] std::unique_ptr<Table> open_npz(const std::filesystem::path& path, const TableOptions& wishes);

/// NumPy's .npy. The labels are a file, too.
[[nodiscard]] bool is_npy(std::string_view front);
[[nodiscard]] std::unique_ptr<Table> open_npy(const std::filesystem::path& path, const TableOptions& wishes);

/// IDX, MNIST's format. The labels are a file, too.
[[nodiscard]] bool is_idx(std::string_view front);
[[nodiscard]] std::unique_ptr<Table> open_idx(const std::filesystem::path& images,
                                              const std::optional<std::filesystem::path>& labels);

}  // namespace rbmpi

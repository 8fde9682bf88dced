#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <hdf5.h>

#include "rbmpi/storage/hdf5_file.hpp"
#include "storage/hdf5_handle.hpp"

namespace rbmpi::hdf5 {

// Arrays of a file, none of whose claims is believed before it was checked. All of it is Local.

/// Of a data space, slowest dimension first.
[[nodiscard]] std::vector<hsize_t> extent(hid_t space, const std::filesystem::path& file);
/// Number of elements; nothing if it is beyond all bounds.
[[nodiscard]] std::optional<std::uint64_t> element_count(hid_t space, const std::filesystem::path& file);

/// Opens an array all of whose bytes are in the file itself, in a form that HDF5 reads without plugins.
[[nodiscard]] Handle open_array(hid_t file_id, const std::string& name, const std::filesystem::path& file);

/// Sizes of an array that is open.
struct Sizes {
  std::vector<hsize_t> dimensions;
  std::vector<hsize_t> chunk;       ///< empty if not chunked
  std::uint64_t chunk_bytes = 0;    ///< 0 if not chunked
  std::uint64_t claimed_bytes = 0;  ///< of all elements
  std::uint64_t stored_bytes = 0;   ///< what the file holds of them
  bool packed = false;              ///< whether chunks went through filters
};

/// Throws Error(Failure::file) if the file does not hold what the array claims, and Error(Failure::other) if a chunk
/// does not fit the memory.
[[nodiscard]] Sizes checked_sizes(hid_t file_id, hid_t array, const std::string& name,
                                  const std::filesystem::path& file);
/// `sizes` of an array with at least one dimension; of others it says nothing.
[[nodiscard]] RowChunks row_chunks(const Sizes& sizes);

/// Elements [first, first + count) of the first or the last dimension of an array, with all of the others, as the
/// library selects them in the file and in memory.
struct RowSelection {
  Handle in_file;
  Handle in_memory;
};
enum class Along { rows, last_dimension };

[[nodiscard]] RowSelection select(hid_t array, Along along, std::uint64_t first, std::uint64_t count, const char* doing,
                                  const std::filesystem::path& file);
[[nodiscard]] RowSelection select_rows(hid_t array, std::uint64_t first, std::uint64_t count, const char* doing,
                                       const std::filesystem::path& file);
/// Opens an array of which `info` is known, to read rows.
[[nodiscard]] Handle open_for_rows(hid_t file_id, const std::string& name, const ArrayInfo& info,
                                   const std::filesystem::path& file);
/// Reads rows of such an array into `values`, after a sign of life.
void read_rows(hid_t array, hid_t memory_type, const ArrayInfo& info, std::uint64_t first, std::uint64_t count,
               void* values, const std::filesystem::path& file);
/// Both.
void read_selected(hid_t file_id, const std::string& name, hid_t memory_type, const ArrayInfo& info,
                   std::uint64_t first, std::uint64_t count, void* values, const std::filesystem::path& file);
/// The same of numbers of any type that `info.numbers` has, as doubles.
void read_numbers(hid_t file_id, const std::string& name, Along along, const ArrayInfo& info, std::uint64_t first,
                  std::uint64_t count, double* values, const std::filesystem::path& file);

}  // namespace rbmpi::hdf5

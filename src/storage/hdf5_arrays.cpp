#include "storage/hdf5_arrays.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include <fmt/ranges.h>

#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "storage/file_errors.hpp"
#include "storage/hdf5_links.hpp"

namespace rbmpi::hdf5 {
namespace {

namespace fs = std::filesystem;

void check_filters(hid_t creation, const std::string& name, const fs::path& file) {
  const int filters = check(H5Pget_nfilters(creation), "read", file);
  for (int i = 0; i < filters; ++i) {
    std::array<char, 64> label{};
    unsigned flags = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values, nullptr,
                                               label.size() - 1, label.data(), nullptr);
    if (filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32) continue;
    fail_to_read(
        file, fmt::format("'{}' went through the filter {} ({}); gzip, shuffle and fletcher32 would be right, such as "
                          "h5repack -f GZIP=4 makes it",
                          name, filter, label.front() != '\0' ? label.data() : "unnamed"));
  }
}

/// The product, or nothing if it does not fit 63 bits.
std::optional<std::uint64_t> product(std::uint64_t first, const std::vector<hsize_t>& others) {
  std::uint64_t result = first;
  for (const hsize_t factor : others) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::nullopt;
  }
  return result <= std::uint64_t{std::numeric_limits<std::int64_t>::max()} ? std::optional(result) : std::nullopt;
}

// What an array claims is compared with what the file holds of it, and that with the length of the file. So a claim is
// at most as large as the file, or 1032 times that: deflate, run over zeros, gets no further.
void check_claims(hid_t file_id, hid_t array, bool deflated, const std::string& name, const Sizes& sizes,
                  const fs::path& file) {
  constexpr std::uint64_t best_deflate = 1032;
  hsize_t length = 0;
  check(H5Fget_filesize(file_id, &length), "read", file);
  // Undefined for chunked arrays and for compact ones, which live in a header.
  const haddr_t offset = sizes.chunk.empty() ? H5Dget_offset(array) : HADDR_UNDEF;
  H5Eclear2(H5E_DEFAULT);
  if (sizes.stored_bytes > length || (offset != HADDR_UNDEF && offset > length - sizes.stored_bytes)) {
    fail_to_read(file, fmt::format("'{}' claims to hold {} bytes, more than the {} of the file", name,
                                   sizes.stored_bytes, length));
  }
  if (sizes.claimed_bytes / (deflated ? best_deflate : 1) > sizes.stored_bytes) {
    fail_to_read(
        file, fmt::format("'{}' claims {}, but the file holds only {} of it; were there rows that were never written?",
                          name, human_bytes(sizes.claimed_bytes), human_bytes(sizes.stored_bytes)));
  }
  if (const std::uint64_t available = available_memory(); sizes.chunk_bytes > available) {
    throw Error(Failure::other,
                fmt::format("not enough memory to read '{}': '{}' has chunks of {}, and only {} are available",
                            file.string(), name, human_bytes(sizes.chunk_bytes), human_bytes(available)));
  }
}

/// Opens an array, with a cache for chunks of so many bytes.
Handle open_with_cache(hid_t file_id, const std::string& name, std::uint64_t bytes, const fs::path& file) {
  const Handle list = link_access(H5P_DATASET_ACCESS, file);
  check(H5Pset_chunk_cache(list.id(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT, bytes, H5D_CHUNK_CACHE_W0_DEFAULT), "read", file);
  return Handle(check(H5Dopen2(file_id, name.c_str(), list.id()), "read", file));
}

// HDF5's cache holds 1 MiB by default: a chunk beyond it would be read, and decompressed, anew for every call.
Handle open_array_for_reading(hid_t file_id, const std::string& name, std::uint64_t chunk_bytes, const fs::path& file) {
  constexpr std::uint64_t default_cache = 1U << 20U;
  constexpr std::uint64_t largest_cache = 64U << 20U;
  if (chunk_bytes <= default_cache || chunk_bytes > largest_cache) return open_array(file_id, name, file);
  return open_with_cache(file_id, name, chunk_bytes, file);
}

/// The processor time that a machine takes at most to read rows, in seconds.
double most_seconds(const RowChunks& chunks, std::uint64_t first, std::uint64_t count) {
  constexpr double bytes_per_second = 5e6;  // slow ones unpack ten times as many
  const std::uint64_t touched = (first + count - 1) / chunks.rows - first / chunks.rows + 1;
  return static_cast<double>(touched) * static_cast<double>(chunks.rows) * chunks.row_work / bytes_per_second;
}

/// Of an array that is open.
void read_along(hid_t array, hid_t memory_type, Along along, const ArrayInfo& info, std::uint64_t first,
                std::uint64_t count, void* values, const fs::path& file) {
  if (count == 0) return;
  const RowSelection selected = select(array, along, first, count, "read", file);
  const bool rows = along == Along::rows;
  still_at_work(most_seconds(info.chunks, rows ? first : 0, rows ? count : info.dimensions.front()));
  check(H5Dread(array, memory_type, selected.in_memory.id(), selected.in_file.id(), H5P_DEFAULT, values), "read", file);
}

void read_along(hid_t file_id, const std::string& name, hid_t memory_type, Along along, const ArrayInfo& info,
                std::uint64_t first, std::uint64_t count, void* values, const fs::path& file) {
  if (count == 0) return;
  const Handle array = along == Along::rows ? open_for_rows(file_id, name, info, file)
                                            : open_array_for_reading(file_id, name, info.chunk_bytes, file);
  read_along(array.id(), memory_type, along, info, first, count, values, file);
}

Handle type_of(hid_t file_id, const std::string& name, const fs::path& file) {
  const Handle array = open_array(file_id, name, file);
  return Handle(check(H5Dget_type(array.id()), "read", file));
}

/// Turns integers of 64 bits, in the place of doubles, into these.
template <typename Integer>
void as_doubles(std::span<double> numbers, const std::string& name, const fs::path& file) {
  constexpr Integer most = Integer{1} << 53U;
  for (double& number : numbers) {
    const auto integer = std::bit_cast<Integer>(number);
    const bool held = integer <= most && (std::is_unsigned_v<Integer> || integer >= Integer{0} - most);
    if (!held) {
      fail_to_read(file, fmt::format("'{}' has the integer {}; integers from -2^53 to 2^53, which a double can hold, "
                                     "would be right",
                                     name, integer));
    }
    number = static_cast<double>(integer);
  }
}

}  // namespace

std::vector<hsize_t> extent(hid_t space, const fs::path& file) {
  const int rank = check(H5Sget_simple_extent_ndims(space), "read", file);
  std::vector<hsize_t> dimensions(static_cast<std::size_t>(rank));
  if (rank > 0) check(H5Sget_simple_extent_dims(space, dimensions.data(), nullptr), "read", file);
  return dimensions;
}

Handle open_array(hid_t file_id, const std::string& name, const fs::path& file) {
  Handle object = open_object(file_id, name, "read", file);
  if (H5Iget_type(object.id()) != H5I_DATASET) fail_to_read(file, fmt::format("'{}' is not an array", name));
  const Handle creation(check(H5Dget_create_plist(object.id()), "read", file));
  const H5D_layout_t layout = H5Pget_layout(creation.id());
  if (layout == H5D_VIRTUAL)
    fail_to_read(file, fmt::format("'{}' is virtual, a view of other files; an array of its own would be right", name));
  if (layout == H5D_CONTIGUOUS && check(H5Pget_external_count(creation.id()), "read", file) > 0)
    fail_to_read(file, fmt::format("'{}' keeps its values in other files; values in the file would be right", name));
  check_filters(creation.id(), name, file);
  return object;
}

std::optional<std::uint64_t> element_count(hid_t space, const fs::path& file) {
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return 0;
  return product(1, extent(space, file));
}

Sizes checked_sizes(hid_t file_id, hid_t array, const std::string& name, const fs::path& file) {
  const Handle type(check(H5Dget_type(array), "read", file));
  const Handle space(check(H5Dget_space(array), "read", file));
  const Handle creation(check(H5Dget_create_plist(array), "read", file));
  Sizes sizes;
  sizes.dimensions = extent(space.id(), file);
  if (!sizes.dimensions.empty() && H5Pget_layout(creation.id()) == H5D_CHUNKED) {
    sizes.chunk.resize(sizes.dimensions.size());
    check(H5Pget_chunk(creation.id(), static_cast<int>(sizes.chunk.size()), sizes.chunk.data()), "read", file);
  }
  const std::uint64_t element = H5Tget_size(type.id());
  const std::optional<std::uint64_t> claimed = product(element, sizes.dimensions);
  const std::optional<std::uint64_t> chunk = product(element, sizes.chunk);
  if (!claimed || !chunk) {
    fail_to_read(file, fmt::format("'{}' claims the impossible size [{}]", name,
                                   fmt::join(claimed ? sizes.chunk : sizes.dimensions, " x ")));
  }
  sizes.claimed_bytes = *claimed;
  sizes.chunk_bytes = sizes.chunk.empty() ? 0 : *chunk;
  sizes.stored_bytes = H5Dget_storage_size(array);
  sizes.packed = H5Pget_nfilters(creation.id()) > 0;
  check_claims(file_id, array, sizes.packed, name, sizes, file);
  return sizes;
}

RowChunks row_chunks(const Sizes& sizes) {
  constexpr double bytes_for_a_chunk = 500;  // to find it takes as long as to unpack so many
  RowChunks chunks;
  if (sizes.dimensions.empty() || sizes.dimensions.front() == 0) return chunks;
  if (sizes.chunk.empty()) {
    chunks.row_work = static_cast<double>(sizes.claimed_bytes) / static_cast<double>(sizes.dimensions.front());
    return chunks;
  }
  chunks.rows = sizes.chunk.front();
  chunks.last_extent = sizes.chunk.back();
  double across = 1;
  for (std::size_t i = 1; i < sizes.chunk.size(); ++i) {
    across *= std::ceil(static_cast<double>(sizes.dimensions[i]) / static_cast<double>(sizes.chunk[i]));
  }
  chunks.single_rows = !sizes.packed && across <= 1;
  chunks.row_work =
      across * (static_cast<double>(sizes.chunk_bytes) + bytes_for_a_chunk) / static_cast<double>(chunks.rows);
  return chunks;
}

RowSelection select(hid_t array, Along along, std::uint64_t first, std::uint64_t count, const char* doing,
                    const fs::path& file) {
  Handle in_file(check(H5Dget_space(array), doing, file));
  std::vector<hsize_t> block = extent(in_file.id(), file);
  if (block.empty()) fail_to(doing, file, "an array without dimensions has no rows");
  std::vector<hsize_t> start(block.size(), 0);
  const std::size_t dimension = along == Along::rows ? 0 : block.size() - 1;
  if (first > block[dimension] || count > block[dimension] - first)
    fail_to(doing, file,
            fmt::format("{} {} to {} are beyond the {} of the array", along == Along::rows ? "rows" : "columns", first,
                        first + count, block[dimension]));
  start[dimension] = first;
  block[dimension] = count;
  check(H5Sselect_hyperslab(in_file.id(), H5S_SELECT_SET, start.data(), nullptr, block.data(), nullptr), doing, file);
  Handle in_memory(check(H5Screate_simple(static_cast<int>(block.size()), block.data(), nullptr), doing, file));
  return {std::move(in_file), std::move(in_memory)};
}

RowSelection select_rows(hid_t array, std::uint64_t first, std::uint64_t count, const char* doing,
                         const fs::path& file) {
  return select(array, Along::rows, first, count, doing, file);
}

// Without a cache, HDF5 reads rows from the file to where they are wanted, and none of the rest of their chunks.
Handle open_for_rows(hid_t file_id, const std::string& name, const ArrayInfo& info, const fs::path& file) {
  if (!info.chunks.single_rows || info.chunk_bytes == 0)
    return open_array_for_reading(file_id, name, info.chunk_bytes, file);
  return open_with_cache(file_id, name, 0, file);
}

void read_rows(hid_t array, hid_t memory_type, const ArrayInfo& info, std::uint64_t first, std::uint64_t count,
               void* values, const fs::path& file) {
  read_along(array, memory_type, Along::rows, info, first, count, values, file);
}

void read_selected(hid_t file_id, const std::string& name, hid_t memory_type, const ArrayInfo& info,
                   std::uint64_t first, std::uint64_t count, void* values, const fs::path& file) {
  read_along(file_id, name, memory_type, Along::rows, info, first, count, values, file);
}

void read_numbers(hid_t file_id, const std::string& name, Along along, const ArrayInfo& info, std::uint64_t first,
                  std::uint64_t count, double* values, const fs::path& file) {
  if (!info.numbers) {
    fail_to_read(
        file, fmt::format("'{}' holds {}; integers, floats of 16, 32 or 64 bits or truth values would be right", name,
                          info.type_name));
  }
  if (info.dimensions.empty()) fail_to_read(file, fmt::format("'{}' is a single number, not an array", name));
  const Handle type = type_of(file_id, name, file);
  std::uint64_t total = count;
  for (const std::uint64_t extent : info.dimensions) total *= extent;
  total /= std::max<std::uint64_t>(1, along == Along::rows ? info.dimensions.front() : info.dimensions.back());
  if (info.truths) {
    std::vector<std::uint8_t> bytes(total);
    read_along(file_id, name, type.id(), along, info, first, count, bytes.data(), file);
    const auto wrong = std::ranges::find_if(bytes, [](std::uint8_t byte) { return byte > 1; });
    if (wrong != bytes.end())
      fail_to_read(file, fmt::format("'{}' has the truth value {}; 0 or 1 would be right", name, *wrong));
    std::ranges::copy(bytes, values);
    return;
  }
  if (!info.integers || H5Tget_size(type.id()) < sizeof(double)) {
    read_along(file_id, name, H5T_NATIVE_DOUBLE, along, info, first, count, values, file);
    return;
  }
  // Integers of 64 bits take the room of the doubles that they become.
  const bool is_signed = H5Tget_sign(type.id()) == H5T_SGN_2;
  read_along(file_id, name, is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64, along, info, first, count, values, file);
  const std::span<double> numbers(values, total);
  if (is_signed) {
    as_doubles<std::int64_t>(numbers, name, file);
  } else {
    as_doubles<std::uint64_t>(numbers, name, file);
  }
}

}  // namespace rbmpi::hdf5

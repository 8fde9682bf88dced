#include <cstddef>
#include <filesystem>
#include <string>

#include "import/tables.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/import/import.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/hdf5_file.hpp"
#include "rbmpi/storage/regular_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr const char* samples_name = "/samples";

bool is_readable(ElementType type) {
  return type == ElementType::uint8 || type == ElementType::float32 || type == ElementType::float64;
}

/// Whether rows under the name of those of a dataset are laid out as its rows are. Only of these is it an error of the
/// file if something else of it is wrong: an import might leave that out.
bool rows_are_of_dataset(const Hdf5File& file) {
  if (file.is_group(samples_name)) {
    return file.integers_attribute(samples_name, "shape").has_value() &&
           file.text_attribute(samples_name, "encoding-type").value_or("csr_matrix") == "csr_matrix";
  }
  const ArrayOutline rows = file.outline(samples_name);
  return rows.dimensions.size() == 2 && is_readable(rows.type) && fill_values(file, samples_name).empty() &&
         !valid_range(file, samples_name) && turned_by(file, samples_name).empty();
}

bool hdf5_wants_import(const fs::path& path) {
  const Hdf5File file = Hdf5File::open(path, Reading::in_pieces);
  if (file.text_attribute("/", "format").value_or("").starts_with("rbmpi-")) return false;
  return !file.exists(samples_name) || !rows_are_of_dataset(file);
}

}  // namespace

bool wants_import(const fs::path& file) {
  constexpr std::size_t enough = 4096;  // is_hdf5 knows it by these
  try {
    const std::string beginning = first_bytes(file, enough);
    if (beginning.starts_with("rbmpi-seal ")) return false;
    if (!is_hdf5(beginning)) return true;
    return !read_in_child(file, [&] { return std::string(hdf5_wants_import(file) ? "yes" : ""); }).empty();
  } catch (const Error& error) {
    if (error.failure() == Failure::file) return false;
    throw;
  }
}

}  // namespace rbmpi

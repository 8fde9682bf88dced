#include "import/formats.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "import/idx.hpp"
#include "import/libsvm.hpp"
#include "import/matrix_market.hpp"
#include "import/other_files.hpp"
#include "import/text_table.hpp"
#include "rbmpi/storage/byte_source.hpp"

namespace rbmpi {
namespace {

bool is_text(std::string_view) {
  return true;  // what is none is refused before
}

std::unique_ptr<Table> open_idx_files(const std::filesystem::path& path, const TableOptions& options) {
  const bool labels = !options.labels.empty() && options.labels != "none";
  return open_idx(path, labels ? std::optional<std::filesystem::path>(options.labels) : std::nullopt);
}

/// In the order in which they are tried.
constexpr std::array table_formats = {
    TableFormat{"idx", is_idx, open_idx_files},
    TableFormat{"matrix-market", is_matrix_market, open_matrix_market},
    TableFormat{"libsvm", is_libsvm, open_libsvm},
    TableFormat{"csv", is_text, open_text_table},
};

}  // namespace

std::string first_unpacked_bytes(const std::filesystem::path& path) {
  ByteSource source(path);
  std::string bytes(beginning_bytes, '\0');
  bytes.resize(source.read(std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

std::unique_ptr<Table> open_table(const std::filesystem::path& path, const TableOptions& options) {
  const std::string beginning = first_unpacked_bytes(path);
  const std::string other = other_file(beginning);
  const auto format = std::ranges::find_if(table_formats, [&](const TableFormat& one) {
    return options.format.empty() ? one.is(beginning) : options.format == one.name;
  });
  const bool text = format + 1 == table_formats.end();
  if (text && !other.empty()) refuse_import(path, other);
  return format->open(path, options);
}

}  // namespace rbmpi

#include "import/formats.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>

#include "import/encoding.hpp"
#include "import/fasta.hpp"
#include "import/libsvm.hpp"
#include "import/matrix_market.hpp"
#include "import/other_files.hpp"
#include "import/tables.hpp"
#include "import/text_table.hpp"
#include "rbmpi/storage/byte_source.hpp"
#include "rbmpi/storage/hdf5_file.hpp"
#include "rbmpi/storage/regular_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

bool is_text(std::string_view) {
  return true;  // what is none is refused before
}

std::unique_ptr<Table> open_idx_files(const fs::path& path, const TableOptions& options) {
  const bool labels = !options.labels.empty() && options.labels != "none";
  return open_idx(path, labels ? std::optional<fs::path>(options.labels) : std::nullopt);
}

/// In the order in which they are tried.
constexpr std::array table_formats = {
    TableFormat{.name = "hdf5", .is = is_hdf5, .open = open_hdf5, .arrays = true, .turns = true, .labels = true},
    TableFormat{.name = "matlab", .is = is_matlab, .open = open_matlab, .arrays = true, .turns = true, .labels = true},
    TableFormat{
        .name = "npz", .is = is_npz, .open = open_npz, .archive = true, .arrays = true, .turns = true, .labels = true},
    TableFormat{.name = "npy", .is = is_npy, .open = open_npy, .arrays = true, .turns = true, .labels = true},
    TableFormat{.name = "idx", .is = is_idx, .open = open_idx_files, .labels = true},
    TableFormat{
        .name = "matrix-market", .is = is_matrix_market, .open = open_matrix_market, .turns = true, .text = true},
    TableFormat{.name = "fasta", .is = is_fasta, .open = open_fasta, .text = true, .letters = true},
    TableFormat{.name = "libsvm", .is = is_libsvm, .open = open_libsvm, .text = true},
    TableFormat{.name = "csv", .is = is_text, .open = open_text_table, .lines = true, .text = true},
};

/// Files that this program wrote are not for an import.
void refuse_own_files(const fs::path& path, std::string_view beginning) {
  const bool sealed = beginning.starts_with("rbmpi-seal ");
  if (path == "-" || !(sealed || beginning.starts_with("\x89HDF\r\n\x1a\n"))) return;
  if (first_bytes(path, 8) != beginning.substr(0, 8)) return;  // a packed file
  const std::string format = Hdf5File::open(path, Reading::in_pieces).text_attribute("/", "format").value_or("");
  if (format == "rbmpi-dataset") refuse_import(path, "it is a dataset already, and every command takes it as it is");
  if (format.starts_with("rbmpi-")) refuse_import(path, "it is a model or a state of a training, not data");
}

std::string beginning_in_utf8(const fs::path& path, const std::string& beginning, const std::string& encoding) {
  try {
    std::string text = to_utf8(beginning, encoding);
    if (text.empty() && !beginning.empty())
      refuse_import(path, fmt::format("line 1 has bytes that are no character of {}", encoding));
    return text;
  } catch (const std::invalid_argument& problem) {
    refuse_options(path, fmt::format("{}; a name such as windows-1250, gb18030 or shift_jis would be right after "
                                     "--encoding",
                                     problem.what()));
  }
}

void check_options(const fs::path& path, const TableOptions& options, const TableFormat& format) {
  if (!format.lines && (options.separator || options.header || options.decimal))
    refuse_options(path, "--separator, --decimal, --header and --no-header go with text tables, which it is not");
  if (!format.arrays && !options.array.empty())
    refuse_options(path, "--array goes with files of arrays, which it is not");
  if (!format.turns && options.transpose)
    refuse_options(path, "--transpose goes with files of arrays and matrices, which it is not");
  if (!format.labels && !options.labels.empty() && options.labels != "none")
    refuse_options(path, "--labels goes with files of arrays and images, which it is not");
  if (!format.text && !options.encoding.empty()) refuse_options(path, "--encoding goes with texts, which it is not");
  if (!format.letters && (!options.alphabet.empty() || options.unknown_letters))
    refuse_options(path, "--alphabet and --unknown-letters go with sequences (FASTA), which it is not");
}

}  // namespace

std::string first_unpacked_bytes(const fs::path& path) {
  ByteSource source(path);
  std::string bytes(beginning_bytes, '\0');
  bytes.resize(source.read(std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

std::unique_ptr<Table> open_table(const fs::path& path, const TableOptions& options) {
  if (path != "-") {
    const std::string document = document_in_zip(first_bytes(path, beginning_bytes));
    if (!document.empty()) refuse_import(path, document);
  }
  const std::string packed = path == "-" ? std::string() : first_bytes(path, beginning_bytes);
  const auto* format = std::ranges::find_if(table_formats, [&](const TableFormat& one) {
    return options.format.empty() ? one.archive && one.is(packed) : options.format == one.name;
  });
  std::string beginning = packed;
  if (format == table_formats.end() || !format->archive) beginning = first_unpacked_bytes(path);
  if (options.format.empty()) refuse_own_files(path, beginning);
  const auto find_format = [&] {
    return std::ranges::find_if(table_formats, [&](const TableFormat& one) { return one.is(beginning); });
  };
  if (format == table_formats.end()) format = find_format();
  if (format->is == is_text && !options.encoding.empty()) {
    beginning = beginning_in_utf8(path, beginning, options.encoding);
    if (options.format.empty()) format = find_format();
  }
  if (format->is == is_text) {
    const std::string other = other_file(beginning);
    if (!other.empty()) refuse_import(path, other);
  }
  check_options(path, options, *format);
  return format->open(path, options);
}

}  // namespace rbmpi

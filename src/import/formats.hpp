#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// One kind of file that has a table. Local.
struct TableFormat {
  const char* name = nullptr;  ///< short, such as "csv"
  /// Whether a file that begins with these bytes (as `first_unpacked_bytes` gives them) is one.
  bool (*is)(std::string_view beginning) = nullptr;
  /// Throws Error(Failure::file).
  std::unique_ptr<Table> (*open)(const std::filesystem::path& path, const TableOptions& options) = nullptr;
  bool archive = false;  ///< it is known by its packed bytes, and unpacks its members itself
  bool lines = false;    ///< options on lines, separator and header, go with it
  bool arrays = false;   ///< the option that names an array goes with it
  bool turns = false;    ///< its columns may be the rows, if an option says so
  bool labels = false;   ///< the option that names labels goes with it
  bool text = false;     ///< the option on encodings goes with it
  bool letters = false;  ///< options on an alphabet go with it
};

/// How much of a file, unpacked, tells what it is.
inline constexpr std::size_t beginning_bytes = 1U << 16U;
/// Local. The beginning of a file, unpacked, at most so many bytes. Throws Error(Failure::file).
[[nodiscard]] std::string first_unpacked_bytes(const std::filesystem::path& path);

/// Local. The table in a file, of whatever kind the file is. Throws Error(Failure::file) that says in words what the
/// file is if it is none that has one.
[[nodiscard]] std::unique_ptr<Table> open_table(const std::filesystem::path& path, const TableOptions& options);

/// Local. How messages call a file: standard input is "-".
[[nodiscard]] inline std::string file_text(const std::filesystem::path& path) {
  return path == "-" ? "standard input" : fmt::format("'{}'", path.string());
}
/// Local. Throws Error(Failure::file).
[[noreturn]] inline void refuse_import(const std::filesystem::path& path, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot import {}: {}", file_text(path), why));
}
/// Local. Throws Error(Failure::usage): another option would be right.
[[noreturn]] inline void refuse_options(const std::filesystem::path& path, const std::string& why) {
  throw Error(Failure::usage, fmt::format("cannot import {}: {}", file_text(path), why));
}

}  // namespace rbmpi

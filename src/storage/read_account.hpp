#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {

/// What an open file has been asked for, all together. Each object may be sound, and their sum may not: links give one
/// array many names, and deflate makes much of little.
class ReadAccount {
 public:
  /// `length` is that of the file; `file` is how messages call it.
  ReadAccount(std::filesystem::path file, std::uint64_t length, Reading reading);

  /// Counts an object by its name, before anything is allocated for it: the bytes of the file that it claims, and what
  /// it takes in memory. Asking again under the same name costs nothing. Throws Error(Failure::file) if all objects
  /// together claim more than the file has, or inflate it beyond reason; Error(Failure::other) if the memory is short.
  void add(const std::string& name, std::uint64_t stored_bytes, std::uint64_t memory_bytes);

 private:
  std::filesystem::path file_;
  std::uint64_t length_;
  Reading reading_;
  std::uint64_t available_;  ///< memory when the file was opened
  std::set<std::string> names_;
  std::uint64_t stored_bytes_ = 0;
  std::uint64_t memory_bytes_ = 0;
};

}  // namespace rbmpi

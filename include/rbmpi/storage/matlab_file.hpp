#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "rbmpi/core/system.hpp"
#include "rbmpi/storage/unpacked_file.hpp"

namespace rbmpi {

enum class NumpyType;

/// What a variable of a MATLAB file is, without a look at its values.
struct MatlabVariable {
  std::string name;
  std::string class_name;                 ///< "double", "logical", "struct", ...
  std::vector<std::uint64_t> dimensions;  ///< as MATLAB shows them; in the file the first index runs fastest
  bool numbers = false;                   ///< real numbers or truth values
  bool truths = false;
  bool sparse = false;
  // Where it is.
  std::uint64_t place = 0;  ///< of its content in the file
  std::uint64_t bytes = 0;
  bool packed = false;
};

/// Numbers one behind the other in a file.
struct MatlabNumbers {
  NumpyType type{};
  std::uint64_t place = 0;  ///< of the first byte
  std::uint64_t count = 0;
};

/// The numbers of a variable: those of an array, or, of a sparse one, its values, the rows of these, and how many there
/// are up to the end of each column, with a 0 in front.
struct MatlabContent {
  Descriptor file;
  std::vector<MatlabNumbers> numbers;
};

/// A file of MATLAB 5 to 7 (save -v6, -v7), perhaps packed as a whole. What it reads may have been made to do harm:
/// sizes are compared with what the file holds. Every method is Local and throws Error(Failure::file) with the file's
/// name. Move-only.
class MatlabFile {
 public:
  explicit MatlabFile(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return unpacked_.name(); }
  [[nodiscard]] const std::vector<MatlabVariable>& variables() const noexcept { return variables_; }
  [[nodiscard]] bool big_endian() const noexcept { return big_endian_; }

  /// Of a variable that has numbers. A compressed one is unpacked into a temporary file (rbmpi/storage/
  /// unpacked_file.hpp), and its checksum is compared.
  [[nodiscard]] MatlabContent content(const MatlabVariable& variable) const;

 private:
  void list();
  void read_header(std::uint64_t length);
  void describe(MatlabVariable& variable) const;
  UnpackedFile unpacked_;
  Descriptor file_;
  bool big_endian_ = false;
  std::vector<MatlabVariable> variables_;
};

}  // namespace rbmpi

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rbmpi {

/// An array of numbers, row-major, as NumPy's .npz files hold them: zip archives of one `<name>.npy` for each array.
struct NumpyArray {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::vector<float> values;
};

/// Local. Writes arrays as numpy.savez does: float32, little-endian, not compressed. The same arrays give the same
/// bytes. The file appears whole or not at all. Throws Error(Failure::file).
void write_npz(const std::filesystem::path& path, std::span<const NumpyArray> arrays);

class ReadAccount;
struct NumpyHeader;

/// One array of an .npz file, from its front to its end, as it lies there. Every method is Local and throws
/// Error(Failure::file) with the name of the file and of the array. Move-only.
class NpzStream {
 public:
  ~NpzStream();
  NpzStream(NpzStream&&) noexcept;
  NpzStream& operator=(NpzStream&&) noexcept;
  NpzStream(const NpzStream&) = delete;
  NpzStream& operator=(const NpzStream&) = delete;

  [[nodiscard]] const NumpyHeader& header() const noexcept;
  /// Bytes that are not read yet. If their type and shape are known, and they are not empty, they are as many as these
  /// say.
  [[nodiscard]] std::uint64_t left() const noexcept;
  /// With the last bytes the checksum of the archive is compared.
  void read(std::span<std::byte> bytes);

 private:
  friend class NpzFile;
  struct State;
  explicit NpzStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// An .npz file open for reading. What it reads may have been made to do harm: sizes, and their sum over all arrays,
/// are compared with what the archive can hold and with the memory before anything is allocated. Every method is Local
/// and throws Error(Failure::file) with the file's name. Move-only.
class NpzFile {
 public:
  /// A missing file, a folder, and one that is no zip archive each get their own message.
  explicit NpzFile(std::filesystem::path path);
  ~NpzFile();
  NpzFile(NpzFile&&) noexcept;
  NpzFile& operator=(NpzFile&&) noexcept;
  NpzFile(const NpzFile&) = delete;
  NpzFile& operator=(const NpzFile&) = delete;

  /// Names of the arrays, at most 100.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool has(const std::string& name) const;
  /// Reads floats of 16, 32 or 64 bits or integers (rounded to float32), little- or big-endian, row- or column-major
  /// ("Fortran order"), of 1 or 2 dimensions, stored or deflated; nothing else, Python objects least of all.
  [[nodiscard]] NumpyArray read(const std::string& name) const;
  /// One array of any type and shape. It ends with this file.
  [[nodiscard]] NpzStream stream(const std::string& name) const;

 private:
  struct Close {
    void operator()(void* archive) const noexcept;
  };
  std::filesystem::path path_;
  std::unique_ptr<ReadAccount> account_;
  std::unique_ptr<void, Close> archive_;  // a zip_t, which only the .cpp may name
};

}  // namespace rbmpi

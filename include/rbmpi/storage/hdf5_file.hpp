#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rbmpi {

/// The element types that rbmpi stores. `other` is whatever else a file holds; it cannot be read.
enum class ElementType { uint8, int32, int64, float32, float64, other };

/// Bytes of one element in memory; 0 for `other`.
[[nodiscard]] std::size_t element_size(ElementType type) noexcept;
/// "uint8", "int32", "int64", "float32", "float64", "other".
[[nodiscard]] std::string_view element_name(ElementType type) noexcept;

/// How the rows of an array lie in the file.
struct RowChunks {
  std::uint64_t rows = 1;  ///< extent of a chunk along the first dimension; 1 if the array is not chunked
  /// Bytes that HDF5 goes through for each row, if whole chunks are read: all that these unpack to, and some hundreds
  /// for each of them.
  double row_work = 1;
  std::uint64_t last_extent = 1;  ///< of a chunk along the last dimension; 1 if the array is not chunked
  /// Whether a row can be read alone: it lies in one piece, and is not packed together with others.
  bool single_rows = true;
};

/// What a file says of one of its arrays. Its size was compared with what the file holds, but not with the memory.
struct ArrayInfo {
  ElementType type = ElementType::other;
  std::string type_name;                  ///< for messages: "uint8", "64-bit integer", "bool", "string", ...
  bool integers = false;                  ///< whether `read_integers` can read it
  bool numbers = false;                   ///< whether `read_numbers` can read it
  bool truths = false;                    ///< of these, whether they are truth values: 0 or 1
  bool texts = false;                     ///< whether `read_texts` can read it
  std::vector<std::uint64_t> dimensions;  ///< slowest first
  RowChunks chunks;
  std::uint64_t chunk_bytes = 0;   ///< of one chunk in memory; 0 if not chunked
  std::uint64_t stored_bytes = 0;  ///< what the file holds of it, compressed as it may be
};

/// What is to be seen of an array without a look at its values.
struct ArrayOutline {
  std::string name;
  std::string type_name;
  ElementType type = ElementType::other;
  bool integers = false;
  bool numbers = false;
  bool truths = false;
  bool texts = false;
  std::vector<std::uint64_t> dimensions;
};

/// How a new array is laid out.
struct ArrayLayout {
  std::uint64_t chunk_rows = 0;  ///< 0: contiguous
  bool growing = false;          ///< the first dimension may be extended by `append_rows`; wants chunk_rows > 0
  int deflate = 0;               ///< 0 (none) to 9; wants chunk_rows > 0
};

/// How a file is read: `whole`, all that is asked for at once in memory, so that the sum has to fit it; or `in_pieces`.
enum class Reading { whole, in_pieces };

class ReadAccount;

/// The rows of an array that stays open, for who reads some again and again. Must not outlive the file. Move-only.
class Hdf5Rows {
 public:
  /// As Hdf5File::read_rows.
  void read(std::uint64_t first, std::uint64_t count, void* values) const;

  ~Hdf5Rows();
  Hdf5Rows(Hdf5Rows&&) noexcept;
  Hdf5Rows& operator=(Hdf5Rows&&) noexcept;
  Hdf5Rows(const Hdf5Rows&) = delete;
  Hdf5Rows& operator=(const Hdf5Rows&) = delete;

 private:
  friend class Hdf5File;
  struct Open;
  explicit Hdf5Rows(std::unique_ptr<Open> open) noexcept;
  std::unique_ptr<Open> open_;
};

/// One open HDF5 file. What it reads may have been made to do harm: links that leave the file, values in other files,
/// types that are not plain numbers or texts, filters other than gzip (deflate), shuffle and fletcher32, and sizes that
/// the file does not hold, each or all together, are refused. A damaged file can still crash the library itself:
/// read_in_child contains that. Every method is Local. Each call of the HDF5 library is checked; its own error stack
/// goes into the message of the Error(Failure::file), which names the file, and never to the terminal. Names of objects
/// are paths from the root ("/samples", "/layer_0/weights"); the root itself is "/". Move-only.
class Hdf5File {
 public:
  /// Opens for reading, without file locks (network file systems). A missing file, a folder, a file that may not be
  /// read and one that is not HDF5 each get their own message. An array or a text that is read, or whose ArrayInfo is,
  /// counts once for each name that it is asked for by: all together may claim no more bytes than the file has. If read
  /// `whole`, they may take no more memory than there is, Error(Failure::other), nor more than 250 times the length of
  /// the file, beyond the first 256 MiB.
  /// `named` is how messages call it; default: `path`.
  [[nodiscard]] static Hdf5File open(const std::filesystem::path& path, Reading reading = Reading::whole,
                                     const std::filesystem::path& named = {});
  /// Creates or truncates; a link is not followed. `named` is how messages call the file (the target of an AtomicFile);
  /// default: `path`. The first `user_block` bytes (0, or a power of two from 512 on) are left to the caller, as zeros.
  [[nodiscard]] static Hdf5File create(const std::filesystem::path& path, const std::filesystem::path& named = {},
                                       std::uint64_t user_block = 0);
  /// Opens what `create` made and what was closed since, to write more; a link is not followed. `named` as there.
  [[nodiscard]] static Hdf5File reopen(const std::filesystem::path& path, const std::filesystem::path& named = {});

  ~Hdf5File();
  Hdf5File(Hdf5File&& other) noexcept;
  Hdf5File& operator=(Hdf5File&& other) noexcept;
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  /// How messages call this file.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Whether an object of that name exists (a link that leads nowhere does not). Throws for a link into another file.
  [[nodiscard]] bool exists(const std::string& name) const;

  /// Whether the object, which exists, is a group.
  [[nodiscard]] bool is_group(const std::string& name) const;

  /// Names of what is in a group, in the order of their bytes, wherever their links lead; at most 100000.
  [[nodiscard]] std::vector<std::string> names(const std::string& group) const;

  /// All arrays of the file by the names of their hard links, groups within groups up to a depth of 8; those of a
  /// group in the order of their names. Throws if there are more than 10000 objects.
  [[nodiscard]] std::vector<ArrayOutline> arrays() const;
  /// One of them, which exists. Throws if it is no array.
  [[nodiscard]] ArrayOutline outline(const std::string& name) const;

  /// Shape and type of an array. Throws if `name` is missing or is no array, or if the file does not hold what it
  /// claims, even if it was made with a size and never written.
  [[nodiscard]] ArrayInfo array_info(const std::string& name) const;
  /// Reads rows [first, first + count) of an array (of any number of dimensions >= 1) into `values`, which holds
  /// count * (product of the other dimensions) elements of `type`. `type` must be the array's own type, or wider. Gives
  /// a sign of life.
  void read_rows(const std::string& name, ElementType type, std::uint64_t first, std::uint64_t count,
                 void* values) const;
  /// Opens an array to read rows so.
  [[nodiscard]] Hdf5Rows rows(const std::string& name, ElementType type) const;
  /// Reads rows [first, first + count) of an array of integers of any size up to 64 bits. What is beyond the range of
  /// int64 becomes the nearest end of it.
  void read_integers(const std::string& name, std::uint64_t first, std::uint64_t count, std::int64_t* values) const;
  /// Reads rows [first, first + count) of an array of any number of dimensions >= 1 as doubles: integers of 8 to 64
  /// bits, floats of 16, 32 or 64, of either order of the bytes, and truth values as h5py and PyTables write them.
  /// Throws for other types, and for integers beyond 2^53, which no double holds.
  void read_numbers(const std::string& name, std::uint64_t first, std::uint64_t count, double* values) const;
  /// The same across: elements [first, first + count) of the last dimension, for each place of all the others.
  void read_numbers_across(const std::string& name, std::uint64_t first, std::uint64_t count, double* values) const;
  /// Reads a whole scalar text, of fixed length up to 1 GiB or of variable length up to 16 MiB.
  [[nodiscard]] std::string read_text(const std::string& name) const;

  /// Reads texts [first, first + count) of a one-dimensional array of them, of fixed or variable length, each at most 1
  /// MiB; all together at most 1 GiB.
  [[nodiscard]] std::vector<std::string> read_texts(const std::string& name, std::uint64_t first,
                                                    std::uint64_t count) const;

  void create_group(const std::string& name);
  void create_array(const std::string& name, ElementType type, const std::vector<std::uint64_t>& dimensions,
                    const ArrayLayout& layout = {});
  void write_rows(const std::string& name, ElementType type, std::uint64_t first, std::uint64_t count,
                  const void* values);
  /// Extends a growing array by `count` rows and writes them.
  void append_rows(const std::string& name, ElementType type, std::uint64_t count, const void* values);
  /// Creates an array of texts without elements, UTF-8 of a fixed length of `bytes` each, in chunks of `chunk_rows`.
  void create_texts(const std::string& name, std::size_t bytes, std::uint64_t chunk_rows);
  /// Extends it by these, none of which is longer.
  void append_texts(const std::string& name, std::span<const std::string> texts);
  /// Creates an array of just these texts, of which there is at least one.
  void write_texts(const std::string& name, std::span<const std::string> texts);
  /// Writes a scalar text, UTF-8 of fixed length. It ends at the first null byte when it is read.
  void write_text(const std::string& name, const std::string& text);

  // Attributes of the object `name`. Reading gives nothing where there is no such attribute; an attribute of the wrong
  // kind, or with more than 64 numbers, throws.
  [[nodiscard]] std::optional<std::string> text_attribute(const std::string& name, const std::string& attribute) const;
  [[nodiscard]] std::optional<double> real_attribute(const std::string& name, const std::string& attribute) const;
  [[nodiscard]] std::optional<std::vector<double>> reals_attribute(const std::string& name,
                                                                   const std::string& attribute) const;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers_attribute(const std::string& name,
                                                                            const std::string& attribute) const;
  /// At most 60000 bytes.
  void set_text_attribute(const std::string& name, const std::string& attribute, const std::string& text);
  void set_real_attribute(const std::string& name, const std::string& attribute, double value);
  /// One value becomes a scalar, several an array.
  void set_integers_attribute(const std::string& name, const std::string& attribute,
                              const std::vector<std::int64_t>& values);

  /// Flushes and closes; after this only destruction and assignment are allowed. Throws if the library could not write.
  void close();

  /// "1.10.8": the version of the library at run time.
  [[nodiscard]] static std::string library_version();

 private:
  Hdf5File(std::int64_t id, std::filesystem::path path, std::unique_ptr<ReadAccount> account,
           std::unique_ptr<int> problem) noexcept;
  template <typename Open>
  static Hdf5File for_writing(const std::filesystem::path& path, const std::filesystem::path& named, const Open& open);
  void check_written() const;
  std::int64_t id_ = -1;  // hid_t, which only the .cpp may name
  std::filesystem::path path_;
  std::unique_ptr<ReadAccount> account_;  // of a file that is read
  std::unique_ptr<int> problem_;          // of a file that is written: errno of the first write that failed, or 0
};

/// Local. Throws Error(Failure::file): the name of the file, and what is wrong with it, as in "is no model".
[[noreturn]] void refuse(const Hdf5File& file, const std::string& what);

}  // namespace rbmpi

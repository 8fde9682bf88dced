#include "rbmpi/storage/hdf5_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <hdf5.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/system.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "storage/read_account.hpp"
#include "storage/write_driver.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

/// Owns one HDF5 identifier of any kind except a file's. Move-only.
class Handle {
 public:
  explicit Handle(hid_t id) noexcept : id_(id) {}
  ~Handle() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    Handle moved(std::move(other));
    std::swap(id_, moved.id_);
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] hid_t id() const noexcept { return id_; }
  /// The status of the library: closing an array writes what it held back.
  [[nodiscard]] int close() noexcept { return H5Idec_ref(std::exchange(id_, -1)); }

 private:
  hid_t id_;
};

// HDF5 would print its error stack by itself.
void keep_quiet() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

// The library's error stack in one line, the most general first.
std::string error_stack() {
  std::vector<std::string> causes;
  const auto collect = [](unsigned, const H5E_error2_t* error, void* data) -> herr_t {
    auto& list = *static_cast<std::vector<std::string>*>(data);
    std::string text = error->desc != nullptr ? error->desc : "";
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, collect, &causes);
  H5Eclear2(H5E_DEFAULT);
  return causes.empty() ? "no reason given" : fmt::format("{}", fmt::join(causes, "; "));
}

/// Every call of the library goes through here: gives its result, or throws "cannot DOING 'FILE': <error stack>".
template <typename Status>
Status check(Status status, const char* doing, const fs::path& file) {
  if (status < 0)
    throw Error(Failure::file, fmt::format("cannot {} '{}': HDF5 says: {}", doing, file.string(), error_stack()));
  return status;
}

[[noreturn]] void fail(const char* doing, const fs::path& file, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot {} '{}': {}", doing, file.string(), why));
}

hid_t native_type(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return H5T_NATIVE_UINT8;
    case ElementType::int32:
      return H5T_NATIVE_INT32;
    case ElementType::float32:
      return H5T_NATIVE_FLOAT;
    case ElementType::float64:
      return H5T_NATIVE_DOUBLE;
    case ElementType::other:
      break;
  }
  throw Error(Failure::other, "an HDF5 array of type 'other' can neither be read nor written");
}

// The types in the file are little-endian on every machine.
hid_t stored_type(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return H5T_STD_U8LE;
    case ElementType::int32:
      return H5T_STD_I32LE;
    case ElementType::float32:
      return H5T_IEEE_F32LE;
    case ElementType::float64:
      return H5T_IEEE_F64LE;
    case ElementType::other:
      break;
  }
  return native_type(type);
}

bool same_or_wider(ElementType stored, ElementType wanted) {
  if (stored == wanted) return stored != ElementType::other;
  switch (stored) {
    case ElementType::uint8:
      return wanted != ElementType::other;
    case ElementType::int32:
    case ElementType::float32:
      return wanted == ElementType::float64;
    default:
      return false;
  }
}

bool equals_any(hid_t type, std::initializer_list<hid_t> standard) {
  return std::any_of(standard.begin(), standard.end(), [&](hid_t one) { return H5Tequal(type, one) > 0; });
}

bool is_standard_integer(hid_t type) {
  return equals_any(type, {H5T_STD_U8LE, H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE, H5T_STD_I8LE, H5T_STD_I16LE,
                           H5T_STD_I32LE, H5T_STD_I64LE, H5T_STD_U8BE, H5T_STD_U16BE, H5T_STD_U32BE, H5T_STD_U64BE,
                           H5T_STD_I8BE, H5T_STD_I16BE, H5T_STD_I32BE, H5T_STD_I64BE});
}

bool is_standard_float(hid_t type) {
  return equals_any(type, {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_IEEE_F32BE, H5T_IEEE_F64BE});
}

// The numbers that every processor has. Others would go through conversions of the library that nobody needs here.
bool is_standard_number(hid_t type) {
  return H5Tcommitted(type) == 0 && (is_standard_integer(type) || is_standard_float(type));
}

std::string class_name(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("unusual {}-byte integer", H5Tget_size(type));
    case H5T_FLOAT:
      return fmt::format("{}-bit float", 8 * H5Tget_size(type));
    case H5T_STRING:
      return "string";
    case H5T_COMPOUND:
      return "compound";
    case H5T_ENUM:
      return "enumeration";
    case H5T_VLEN:
      return "variable-length";
    case H5T_OPAQUE:
      return "opaque";
    case H5T_BITFIELD:
      return "bit field";
    case H5T_REFERENCE:
      return "reference";
    case H5T_ARRAY:
      return "array of arrays";
    case H5T_TIME:
      return "time";
    default:
      return "unknown";
  }
}

void describe_type(hid_t type, ArrayInfo& info) {
  info.type_name = class_name(type);
  if (H5Tcommitted(type) != 0) {
    info.type_name = "a type that the file defines (" + info.type_name + ")";
    return;
  }
  const std::size_t size = H5Tget_size(type);
  if (is_standard_float(type)) {
    info.type = size == 4 ? ElementType::float32 : ElementType::float64;
  } else if (is_standard_integer(type)) {
    const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
    info.integers = true;
    if (size == 1 && !is_signed) info.type = ElementType::uint8;
    if (size == 4 && is_signed) info.type = ElementType::int32;
    info.type_name = fmt::format("{}{}-bit integer", is_signed ? "" : "unsigned ", 8 * size);
  } else if (H5Tget_class(type) == H5T_FLOAT && (size == 4 || size == 8)) {
    info.type_name = "unusual " + info.type_name;
  }
  if (info.type != ElementType::other) info.type_name = element_name(info.type);
}

Handle access_list(const fs::path& file) {
  Handle list(check(H5Pcreate(H5P_FILE_ACCESS), "open", file));
  check(H5Pset_file_locking(list.id(), false, true), "open", file);
  return list;
}

// Objects carry no time of creation: the same content gives the same bytes.
Handle creation_list(hid_t kind, const fs::path& file) {
  Handle list(check(H5Pcreate(kind), "write", file));
  check(H5Pset_obj_track_times(list.id(), false), "write", file);
  return list;
}

Handle make_parents_list(const fs::path& file) {
  Handle list(check(H5Pcreate(H5P_LINK_CREATE), "write", file));
  check(H5Pset_create_intermediate_group(list.id(), 1), "write", file);
  return list;
}

// Texts have a fixed length, so that no file of ours has variable-length data, which HDF5 keeps in a heap.
Handle text_type(const std::string& text, const fs::path& file) {
  Handle type(check(H5Tcopy(H5T_C_S1), "write", file));
  check(H5Tset_size(type.id(), std::max<std::size_t>(1, text.size())), "write", file);
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "write", file);
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "write", file);
  return type;
}

// Makes HDF5 fail where it would follow a link into another file.
herr_t refuse_other_files(const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) {
  return -1;
}

Handle link_access(hid_t kind, const fs::path& file) {
  Handle list(check(H5Pcreate(kind), "read", file));
  check(H5Pset_elink_cb(list.id(), refuse_other_files, nullptr), "read", file);
  return list;
}

Handle open_object(hid_t file_id, const std::string& name, const char* doing, const fs::path& file) {
  const Handle links = link_access(H5P_LINK_ACCESS, file);
  return Handle(check(H5Oopen(file_id, name.c_str(), links.id()), doing, file));
}

// The parts of a path, without those that lead nowhere.
std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t first = 0; first < path.size();) {
    const std::size_t end = std::min(path.find('/', first), path.size());
    const std::string part = path.substr(first, end - first);
    if (!part.empty() && part != ".") parts.push_back(part);
    first = end + 1;
  }
  return parts;
}

// Where a soft link leads. No sound path is longer than the buffer; one that is cut leads nowhere.
std::string soft_target(hid_t file_id, const std::string& link, const fs::path& file) {
  std::string target(std::size_t{16} << 10U, '\0');
  check(H5Lget_val(file_id, link.c_str(), target.data(), target.size(), H5P_DEFAULT), "read", file);
  target.resize(std::min(target.find('\0'), target.size()));
  return target;
}

// Whether an object of that name exists. HDF5 follows no link that was not looked at: soft links are followed here, and
// a link that leaves the file is refused.
bool find_object(hid_t file_id, const std::string& name, const fs::path& file) {
  constexpr int most_soft_links = 16;
  int soft_links = 0;
  std::string path;
  std::vector<std::string> parts = parts_of(name);  // what is left of the way
  while (!parts.empty()) {
    // HDF5 wants what is above to be a group before it answers for what is below.
    const std::string above = path.empty() ? "/" : path;
    if (H5Iget_type(open_object(file_id, above, "read", file).id()) != H5I_GROUP) return false;
    const std::string next = fmt::format("{}/{}", path, parts.front());
    parts.erase(parts.begin());
    if (check(H5Lexists(file_id, next.c_str(), H5P_DEFAULT), "read", file) == 0) return false;
    H5L_info_t link{};
    check(H5Lget_info(file_id, next.c_str(), &link, H5P_DEFAULT), "read", file);
    if (link.type == H5L_TYPE_HARD) {
      path = next;
    } else if (link.type == H5L_TYPE_SOFT) {
      if (++soft_links > most_soft_links)
        fail("read", file, fmt::format("the soft links behind '{}' go round in circles", name));
      const std::string target = soft_target(file_id, next, file);
      if (target.starts_with('/')) path.clear();
      const std::vector<std::string> detour = parts_of(target);
      parts.insert(parts.begin(), detour.begin(), detour.end());
    } else {
      fail("read", file,
           fmt::format("'{}' is {}; an object in the file itself would be right", next,
                       link.type == H5L_TYPE_EXTERNAL ? "an external link, into another file" : "a user-defined link"));
    }
  }
  return true;
}

std::vector<hsize_t> extent(hid_t space, const fs::path& file) {
  const int rank = check(H5Sget_simple_extent_ndims(space), "read", file);
  std::vector<hsize_t> dimensions(static_cast<std::size_t>(rank));
  if (rank > 0) check(H5Sget_simple_extent_dims(space, dimensions.data(), nullptr), "read", file);
  return dimensions;
}

void check_filters(hid_t creation, const std::string& name, const fs::path& file) {
  const int filters = check(H5Pget_nfilters(creation), "read", file);
  for (int i = 0; i < filters; ++i) {
    std::array<char, 64> label{};
    unsigned flags = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values, nullptr,
                                               label.size() - 1, label.data(), nullptr);
    if (filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32) continue;
    fail("read", file,
         fmt::format("'{}' went through the filter {} ({}); gzip, shuffle and fletcher32 would be right, such as "
                     "h5repack -f GZIP=4 makes it",
                     name, filter, label.front() != '\0' ? label.data() : "unnamed"));
  }
}

// Opens an array all of whose bytes are in the file itself, in a form that HDF5 reads without plugins.
Handle open_array(hid_t file_id, const std::string& name, const fs::path& file) {
  Handle object = open_object(file_id, name, "read", file);
  if (H5Iget_type(object.id()) != H5I_DATASET) fail("read", file, fmt::format("'{}' is not an array", name));
  const Handle creation(check(H5Dget_create_plist(object.id()), "read", file));
  const H5D_layout_t layout = H5Pget_layout(creation.id());
  if (layout == H5D_VIRTUAL)
    fail("read", file, fmt::format("'{}' is virtual, a view of other files; an array of its own would be right", name));
  if (layout == H5D_CONTIGUOUS && check(H5Pget_external_count(creation.id()), "read", file) > 0)
    fail("read", file, fmt::format("'{}' keeps its values in other files; values in the file would be right", name));
  check_filters(creation.id(), name, file);
  return object;
}

/// The product, or nothing if it does not fit 63 bits.
std::optional<std::uint64_t> product(std::uint64_t first, const std::vector<hsize_t>& others) {
  std::uint64_t result = first;
  for (const hsize_t factor : others) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::nullopt;
  }
  return result <= std::uint64_t{std::numeric_limits<std::int64_t>::max()} ? std::optional(result) : std::nullopt;
}

// Number of elements; nothing if it is beyond all bounds.
std::optional<std::uint64_t> element_count(hid_t space, const fs::path& file) {
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return 0;
  return product(1, extent(space, file));
}

/// Sizes of an array that is open.
struct Sizes {
  std::vector<hsize_t> dimensions;
  std::vector<hsize_t> chunk;       ///< empty if not chunked
  std::uint64_t chunk_bytes = 0;    ///< 0 if not chunked
  std::uint64_t claimed_bytes = 0;  ///< of all elements
  std::uint64_t stored_bytes = 0;   ///< what the file holds of them
};

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
    fail("read", file,
         fmt::format("'{}' claims to hold {} bytes, more than the {} of the file", name, sizes.stored_bytes, length));
  }
  if (sizes.claimed_bytes / (deflated ? best_deflate : 1) > sizes.stored_bytes) {
    fail("read", file,
         fmt::format("'{}' claims {}, but the file holds only {} of it; were there rows that were never written?", name,
                     human_bytes(sizes.claimed_bytes), human_bytes(sizes.stored_bytes)));
  }
  if (const std::uint64_t available = available_memory(); sizes.chunk_bytes > available) {
    throw Error(Failure::other,
                fmt::format("not enough memory to read '{}': '{}' has chunks of {}, and only {} are available",
                            file.string(), name, human_bytes(sizes.chunk_bytes), human_bytes(available)));
  }
}

// The sizes of an array, none of which is believed before it was checked.
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
    fail("read", file,
         fmt::format("'{}' claims the impossible size [{}]", name,
                     fmt::join(claimed ? sizes.chunk : sizes.dimensions, " x ")));
  }
  sizes.claimed_bytes = *claimed;
  sizes.chunk_bytes = sizes.chunk.empty() ? 0 : *chunk;
  sizes.stored_bytes = H5Dget_storage_size(array);
  check_claims(file_id, array, H5Pget_nfilters(creation.id()) > 0, name, sizes, file);
  return sizes;
}

// HDF5's cache holds 1 MiB by default: a chunk beyond it would be read, and decompressed, anew for every call.
Handle open_array_for_reading(hid_t file_id, const std::string& name, std::uint64_t chunk_bytes, const fs::path& file) {
  constexpr std::uint64_t default_cache = 1U << 20U;
  constexpr std::uint64_t largest_cache = 64U << 20U;
  if (chunk_bytes <= default_cache || chunk_bytes > largest_cache) return open_array(file_id, name, file);
  const Handle list = link_access(H5P_DATASET_ACCESS, file);
  check(H5Pset_chunk_cache(list.id(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT, chunk_bytes, H5D_CHUNK_CACHE_W0_DEFAULT), "read",
        file);
  return Handle(check(H5Dopen2(file_id, name.c_str(), list.id()), "read", file));
}

/// `sizes` of an array with at least one dimension; of others it says nothing.
RowChunks row_chunks(const Sizes& sizes) {
  constexpr double bytes_for_a_chunk = 500;  // to find it takes as long as to unpack so many
  RowChunks chunks;
  if (sizes.dimensions.empty() || sizes.dimensions.front() == 0) return chunks;
  if (sizes.chunk.empty()) {
    chunks.row_work = static_cast<double>(sizes.claimed_bytes) / static_cast<double>(sizes.dimensions.front());
    return chunks;
  }
  chunks.rows = sizes.chunk.front();
  double across = 1;
  for (std::size_t i = 1; i < sizes.chunk.size(); ++i) {
    across *= std::ceil(static_cast<double>(sizes.dimensions[i]) / static_cast<double>(sizes.chunk[i]));
  }
  chunks.row_work =
      across * (static_cast<double>(sizes.chunk_bytes) + bytes_for_a_chunk) / static_cast<double>(chunks.rows);
  return chunks;
}

/// The processor time that a machine takes at most to read rows, in seconds.
double most_seconds(const RowChunks& chunks, std::uint64_t first, std::uint64_t count) {
  constexpr double bytes_per_second = 5e6;  // slow ones unpack ten times as many
  const std::uint64_t touched = (first + count - 1) / chunks.rows - first / chunks.rows + 1;
  return static_cast<double>(touched) * static_cast<double>(chunks.rows) * chunks.row_work / bytes_per_second;
}

struct RowSelection {
  Handle in_file;
  Handle in_memory;
};

RowSelection select_rows(hid_t array, std::uint64_t first, std::uint64_t count, const char* doing,
                         const fs::path& file) {
  Handle in_file(check(H5Dget_space(array), doing, file));
  std::vector<hsize_t> block = extent(in_file.id(), file);
  if (block.empty()) fail(doing, file, "an array without dimensions has no rows");
  if (first > block.front() || count > block.front() - first)
    fail(doing, file, fmt::format("rows {} to {} are beyond the {} of the array", first, first + count, block.front()));
  std::vector<hsize_t> start(block.size(), 0);
  start.front() = first;
  block.front() = count;
  check(H5Sselect_hyperslab(in_file.id(), H5S_SELECT_SET, start.data(), nullptr, block.data(), nullptr), doing, file);
  Handle in_memory(check(H5Screate_simple(static_cast<int>(block.size()), block.data(), nullptr), doing, file));
  return {std::move(in_file), std::move(in_memory)};
}

void read_selected(hid_t file_id, const std::string& name, hid_t memory_type, const ArrayInfo& info,
                   std::uint64_t first, std::uint64_t count, void* values, const fs::path& file) {
  if (count == 0) return;
  const Handle array = open_array_for_reading(file_id, name, info.chunk_bytes, file);
  const RowSelection rows = select_rows(array.id(), first, count, "read", file);
  still_at_work(most_seconds(info.chunks, first, count));
  check(H5Dread(array.id(), memory_type, rows.in_memory.id(), rows.in_file.id(), H5P_DEFAULT, values), "read", file);
}

constexpr std::uint64_t most_integers = 64;  // in an attribute
constexpr std::uint64_t longest_text = std::uint64_t{1} << 30U;
constexpr std::uint64_t longest_variable_text = std::uint64_t{16} << 20U;

// One text behind `read`, which fills a buffer of the given memory type: HDF5 has two kinds of strings, and the same
// call twice, for arrays and for attributes. Variable-length strings are read as well, because h5py and others write
// texts so unless told otherwise; how long one is, HDF5 says only when it was read.
template <typename Read>
std::string read_string(hid_t file_id, hid_t type, hid_t space, const std::string& name, const fs::path& file,
                        ReadAccount* account, const Read& read) {
  if (H5Tcommitted(type) != 0 || H5Tget_class(type) != H5T_STRING)
    fail("read", file, fmt::format("'{}' is not a text", name));
  if (element_count(space, file) != 1) fail("read", file, fmt::format("'{}' is not a single text", name));
  if (check(H5Tis_variable_str(type), "read", file) > 0) {
    char* value = nullptr;
    check(read(type, &value), "read", file);
    const std::unique_ptr<char, decltype(&H5free_memory)> owner(value, H5free_memory);
    const std::size_t length = value != nullptr ? ::strnlen(value, longest_variable_text + 1) : 0;
    if (length > longest_variable_text)
      fail("read", file, fmt::format("'{}' has more than {}", name, human_bytes(longest_variable_text)));
    if (account != nullptr) account->add(name, length, length);
    return {value, length};
  }
  hsize_t file_length = 0;
  check(H5Fget_filesize(file_id, &file_length), "read", file);
  const std::size_t length = H5Tget_size(type);
  if (length > std::min<std::uint64_t>(longest_text, file_length))
    fail("read", file, fmt::format("'{}' claims a text of {}", name, human_bytes(length)));
  if (account != nullptr) account->add(name, length, length);
  std::string text(length, '\0');
  check(read(type, text.data()), "read", file);
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

// An open attribute with its type and space, or nothing if the object has no attribute of that name.
struct Attribute {
  Handle id;
  Handle type;
  Handle space;
};

std::optional<Attribute> open_attribute(hid_t file_id, const std::string& name, const std::string& attribute,
                                        const fs::path& file) {
  const Handle object = open_object(file_id, name, "read", file);
  if (check(H5Aexists(object.id(), attribute.c_str()), "read", file) == 0) return std::nullopt;
  Handle id(check(H5Aopen(object.id(), attribute.c_str(), H5P_DEFAULT), "read", file));
  Handle type(check(H5Aget_type(id.id()), "read", file));
  Handle space(check(H5Aget_space(id.id()), "read", file));
  return Attribute{std::move(id), std::move(type), std::move(space)};
}

void write_attribute(hid_t file_id, const std::string& name, const std::string& attribute, hid_t stored,
                     hid_t in_memory, hid_t space, const void* value, const fs::path& file) {
  const Handle object = open_object(file_id, name, "write", file);
  if (check(H5Aexists(object.id(), attribute.c_str()), "write", file) > 0)
    check(H5Adelete(object.id(), attribute.c_str()), "write", file);
  Handle id(check(H5Acreate2(object.id(), attribute.c_str(), stored, space, H5P_DEFAULT, H5P_DEFAULT), "write", file));
  check(H5Awrite(id.id(), in_memory, value), "write", file);
  check(id.close(), "write", file);
}

Handle scalar_space(const fs::path& file) {
  return Handle(check(H5Screate(H5S_SCALAR), "write", file));
}

}  // namespace

std::size_t element_size(ElementType type) noexcept {
  switch (type) {
    case ElementType::uint8:
      return 1;
    case ElementType::int32:
    case ElementType::float32:
      return 4;
    case ElementType::float64:
      return 8;
    case ElementType::other:
      break;
  }
  return 0;
}

std::string_view element_name(ElementType type) noexcept {
  switch (type) {
    case ElementType::uint8:
      return "uint8";
    case ElementType::int32:
      return "int32";
    case ElementType::float32:
      return "float32";
    case ElementType::float64:
      return "float64";
    case ElementType::other:
      break;
  }
  return "other";
}

Hdf5File::Hdf5File(std::int64_t id, fs::path path, std::unique_ptr<ReadAccount> account,
                   std::unique_ptr<int> problem) noexcept
    : id_(id), path_(std::move(path)), account_(std::move(account)), problem_(std::move(problem)) {}

Hdf5File::~Hdf5File() {
  if (id_ >= 0) H5Fclose(id_);
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      path_(std::exchange(other.path_, {})),
      account_(std::move(other.account_)),
      problem_(std::move(other.problem_)) {}

Hdf5File& Hdf5File::operator=(Hdf5File&& other) noexcept {
  Hdf5File moved(std::move(other));
  std::swap(id_, moved.id_);
  std::swap(path_, moved.path_);
  std::swap(account_, moved.account_);
  std::swap(problem_, moved.problem_);
  return *this;
}

namespace {

/// What a file is that is no HDF5 file, as far as its first bytes tell, and what to do about it.
const char* what_it_is(const fs::path& path) {
  const std::string front = first_bytes(path, 6);
  if (front == "\x93NUMPY") {
    return "it is a NumPy array (.npy), not an HDF5 file; in Python, h5py.File('a.h5', 'w')['samples'] = "
           "numpy.load('a.npy') makes a dataset of it (models are imported from .npz files)";
  }
  if (front.starts_with("PK\x03\x04")) {
    return "it is a zip archive, such as NumPy's .npz files, not an HDF5 file; rbmpi import-model makes a model of "
           "one, "
           "and in Python, h5py.File('a.h5', 'w')['samples'] = numpy.load('a.npz')[NAME] a dataset";
  }
  return "it is not an HDF5 file";
}

}  // namespace

Hdf5File Hdf5File::open(const fs::path& path, Reading reading) {
  keep_quiet();
  if (first_bytes(path, 1).empty()) fail("read", path, "it is empty, not an HDF5 file");
  if (check(H5Fis_hdf5(path.c_str()), "read", path) == 0) fail("read", path, what_it_is(path));
  std::error_code gone;
  const std::uintmax_t length = fs::file_size(path, gone);
  if (gone) fail("read", path, gone.message());
  const Handle access = access_list(path);
  return {check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), "read", path), path,
          std::make_unique<ReadAccount>(path, length, reading), nullptr};
}

Hdf5File Hdf5File::create(const fs::path& path, const fs::path& named, std::uint64_t user_block) {
  keep_quiet();
  const fs::path& shown = named.empty() ? path : named;
  const Handle access = access_list(shown);
  auto problem = std::make_unique<int>(0);
  check(use_write_driver(access.id(), problem.get()), "write", shown);
  const Handle creation(check(H5Pcreate(H5P_FILE_CREATE), "write", shown));
  check(H5Pset_userblock(creation.id(), user_block), "write", shown);
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id());
  if (id < 0 && *problem != 0) fail("write", shown, error_text(*problem));
  check(id, "write", shown);
  *problem = 0;  // HDF5 first tries to open what is not there yet
  return {id, shown, nullptr, std::move(problem)};
}

void Hdf5File::check_written() const {
  if (problem_ && *problem_ != 0) fail("write", path_, error_text(*problem_));
}

bool Hdf5File::exists(const std::string& name) const {
  return find_object(id_, name, path_);
}

std::vector<std::string> Hdf5File::names(const std::string& group) const {
  constexpr std::size_t most = 100000;
  if (!exists(group)) fail("read", path_, fmt::format("there is no '{}'", group));
  const Handle object = open_object(id_, group, "read", path_);
  if (H5Iget_type(object.id()) != H5I_GROUP) fail("read", path_, fmt::format("'{}' is not a group", group));
  struct Found {
    std::vector<std::string> names;
    hsize_t bytes_left = 0;  // a name that is there many times may be stored once
  } found;
  check(H5Fget_filesize(id_, &found.bytes_left), "read", path_);
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* data) -> herr_t {
    auto& [names, bytes_left] = *static_cast<Found*>(data);
    const std::string_view text(name);
    if (names.size() == most || text.size() > bytes_left) return 1;
    bytes_left -= text.size();
    names.emplace_back(text);
    return 0;
  };
  if (check(H5Literate(object.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &found), "read", path_) > 0 &&
      found.names.size() < most) {
    fail("read", path_, fmt::format("the names in '{}' are longer than the file", group));
  }
  return std::move(found.names);
}

ArrayInfo Hdf5File::array_info(const std::string& name) const {
  if (!exists(name)) fail("read", path_, fmt::format("it has no array '{}'", name));
  const Handle array = open_array(id_, name, path_);
  const Handle type(check(H5Dget_type(array.id()), "read", path_));
  const Sizes sizes = checked_sizes(id_, array.id(), name, path_);
  ArrayInfo info;
  describe_type(type.id(), info);
  info.dimensions.assign(sizes.dimensions.begin(), sizes.dimensions.end());
  info.chunks = row_chunks(sizes);
  info.chunk_bytes = sizes.chunk_bytes;
  info.stored_bytes = sizes.stored_bytes;
  if (account_) account_->add(name, sizes.stored_bytes, std::max(sizes.claimed_bytes, sizes.chunk_bytes));
  return info;
}

void Hdf5File::read_rows(const std::string& name, ElementType type, std::uint64_t first, std::uint64_t count,
                         void* values) const {
  const ArrayInfo info = array_info(name);
  if (!same_or_wider(info.type, type))
    fail("read", path_, fmt::format("'{}' holds {}, not {}", name, info.type_name, element_name(type)));
  read_selected(id_, name, native_type(type), info, first, count, values, path_);
}

void Hdf5File::read_integers(const std::string& name, std::uint64_t first, std::uint64_t count,
                             std::int64_t* values) const {
  const ArrayInfo info = array_info(name);
  if (!info.integers) fail("read", path_, fmt::format("'{}' holds {}, not integers", name, info.type_name));
  read_selected(id_, name, H5T_NATIVE_INT64, info, first, count, values, path_);
}

std::string Hdf5File::read_text(const std::string& name) const {
  if (!exists(name)) fail("read", path_, fmt::format("it has no text '{}'", name));
  const Handle array = open_array(id_, name, path_);
  const Handle type(check(H5Dget_type(array.id()), "read", path_));
  const Handle space(check(H5Dget_space(array.id()), "read", path_));
  static_cast<void>(checked_sizes(id_, array.id(), name, path_));
  return read_string(id_, type.id(), space.id(), name, path_, account_.get(), [&](hid_t memory_type, void* buffer) {
    return H5Dread(array.id(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer);
  });
}

void Hdf5File::create_group(const std::string& name) {
  const Handle links = make_parents_list(path_);
  const Handle creation = creation_list(H5P_GROUP_CREATE, path_);
  Handle group(check(H5Gcreate2(id_, name.c_str(), links.id(), creation.id(), H5P_DEFAULT), "write", path_));
  check(group.close(), "write", path_);
  check_written();
}

void Hdf5File::create_array(const std::string& name, ElementType type, const std::vector<std::uint64_t>& dimensions,
                            const ArrayLayout& layout) {
  const std::vector<hsize_t> now(dimensions.begin(), dimensions.end());
  std::vector<hsize_t> largest = now;
  if (layout.growing && !largest.empty()) largest.front() = H5S_UNLIMITED;
  const Handle space(check(H5Screate_simple(static_cast<int>(now.size()), now.data(), largest.data()), "write", path_));

  const Handle links = make_parents_list(path_);
  const Handle creation = creation_list(H5P_DATASET_CREATE, path_);
  if (layout.chunk_rows > 0) {
    std::vector<hsize_t> chunk = now;
    chunk.front() = layout.chunk_rows;
    check(H5Pset_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data()), "write", path_);
    if (layout.deflate > 0) check(H5Pset_deflate(creation.id(), static_cast<unsigned>(layout.deflate)), "write", path_);
  }
  Handle array(
      check(H5Dcreate2(id_, name.c_str(), stored_type(type), space.id(), links.id(), creation.id(), H5P_DEFAULT),
            "write", path_));
  check(array.close(), "write", path_);
  check_written();
}

void Hdf5File::write_rows(const std::string& name, ElementType type, std::uint64_t first, std::uint64_t count,
                          const void* values) {
  if (count == 0) return;
  Handle array(check(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), "write", path_));
  const RowSelection rows = select_rows(array.id(), first, count, "write", path_);
  check(H5Dwrite(array.id(), native_type(type), rows.in_memory.id(), rows.in_file.id(), H5P_DEFAULT, values), "write",
        path_);
  check(array.close(), "write", path_);
  check_written();
}

void Hdf5File::append_rows(const std::string& name, ElementType type, std::uint64_t count, const void* values) {
  Handle array(check(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), "write", path_));
  const Handle space(check(H5Dget_space(array.id()), "write", path_));
  std::vector<hsize_t> dimensions = extent(space.id(), path_);
  const std::uint64_t rows = dimensions.at(0);
  dimensions.front() += count;
  check(H5Dset_extent(array.id(), dimensions.data()), "write", path_);
  check(array.close(), "write", path_);
  write_rows(name, type, rows, count, values);
}

void Hdf5File::write_text(const std::string& name, const std::string& text) {
  const Handle type = text_type(text, path_);
  const Handle space = scalar_space(path_);
  const Handle links = make_parents_list(path_);
  const Handle creation = creation_list(H5P_DATASET_CREATE, path_);
  Handle array(check(H5Dcreate2(id_, name.c_str(), type.id(), space.id(), links.id(), creation.id(), H5P_DEFAULT),
                     "write", path_));
  check(H5Dwrite(array.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.c_str()), "write", path_);
  check(array.close(), "write", path_);
  check_written();
}

std::optional<std::string> Hdf5File::text_attribute(const std::string& name, const std::string& attribute) const {
  const std::optional<Attribute> found = open_attribute(id_, name, attribute, path_);
  if (!found) return std::nullopt;
  return read_string(id_, found->type.id(), found->space.id(), fmt::format("{}@{}", name, attribute), path_,
                     account_.get(),
                     [&](hid_t memory_type, void* buffer) { return H5Aread(found->id.id(), memory_type, buffer); });
}

std::optional<double> Hdf5File::real_attribute(const std::string& name, const std::string& attribute) const {
  const std::optional<Attribute> found = open_attribute(id_, name, attribute, path_);
  if (!found) return std::nullopt;
  if (!is_standard_number(found->type.id()) || element_count(found->space.id(), path_) != 1)
    fail("read", path_, fmt::format("the attribute '{}' of '{}' is not a number", attribute, name));
  double value = 0.0;
  check(H5Aread(found->id.id(), H5T_NATIVE_DOUBLE, &value), "read", path_);
  return value;
}

std::optional<std::vector<std::int64_t>> Hdf5File::integers_attribute(const std::string& name,
                                                                      const std::string& attribute) const {
  const std::optional<Attribute> found = open_attribute(id_, name, attribute, path_);
  if (!found) return std::nullopt;
  if (H5Tcommitted(found->type.id()) != 0 || !is_standard_integer(found->type.id()))
    fail("read", path_, fmt::format("the attribute '{}' of '{}' does not hold integers", attribute, name));
  const std::optional<std::uint64_t> count = element_count(found->space.id(), path_);
  if (!count || *count > most_integers)
    fail("read", path_,
         fmt::format("the attribute '{}' of '{}' has more than {} integers", attribute, name, most_integers));
  std::vector<std::int64_t> values(*count);
  if (*count > 0) check(H5Aread(found->id.id(), H5T_NATIVE_INT64, values.data()), "read", path_);
  return values;
}

void Hdf5File::set_text_attribute(const std::string& name, const std::string& attribute, const std::string& text) {
  constexpr std::size_t longest = 60000;  // HDF5 keeps an attribute in a header of at most 64 KiB
  if (text.size() > longest) {
    fail("write", path_,
         fmt::format("the attribute '{}' of '{}' would have {} bytes; at most {} would be right", attribute, name,
                     text.size(), longest));
  }
  const Handle type = text_type(text, path_);
  const Handle space = scalar_space(path_);
  write_attribute(id_, name, attribute, type.id(), type.id(), space.id(), text.c_str(), path_);
}

void Hdf5File::set_real_attribute(const std::string& name, const std::string& attribute, double value) {
  const Handle space = scalar_space(path_);
  write_attribute(id_, name, attribute, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, space.id(), &value, path_);
}

void Hdf5File::set_integers_attribute(const std::string& name, const std::string& attribute,
                                      const std::vector<std::int64_t>& values) {
  const hsize_t count = values.size();
  const Handle space =
      count == 1 ? scalar_space(path_) : Handle(check(H5Screate_simple(1, &count, nullptr), "write", path_));
  write_attribute(id_, name, attribute, H5T_STD_I64LE, H5T_NATIVE_INT64, space.id(), values.data(), path_);
}

void Hdf5File::close() {
  check(H5Fclose(std::exchange(id_, -1)), problem_ ? "write" : "read", path_);
  check_written();
}

std::string Hdf5File::library_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace rbmpi

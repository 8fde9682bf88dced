#include "rbmpi/storage/hdf5_file.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <hdf5.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
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

void describe_type(hid_t type, ArrayInfo& info) {
  const std::size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: {
      const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
      info.integers = size <= 8;
      if (size == 1 && !is_signed) info.type = ElementType::uint8;
      if (size == 4 && is_signed) info.type = ElementType::int32;
      info.type_name = fmt::format("{}{}-bit integer", is_signed ? "" : "unsigned ", 8 * size);
      break;
    }
    case H5T_FLOAT:
      if (size == 4) info.type = ElementType::float32;
      if (size == 8) info.type = ElementType::float64;
      info.type_name = fmt::format("{}-bit float", 8 * size);
      break;
    case H5T_STRING:
      info.type_name = "string";
      break;
    case H5T_COMPOUND:
      info.type_name = "compound";
      break;
    case H5T_ENUM:
      info.type_name = "enumeration";
      break;
    case H5T_VLEN:
      info.type_name = "variable-length";
      break;
    case H5T_OPAQUE:
      info.type_name = "opaque";
      break;
    case H5T_BITFIELD:
      info.type_name = "bit field";
      break;
    case H5T_REFERENCE:
      info.type_name = "reference";
      break;
    case H5T_ARRAY:
      info.type_name = "array of arrays";
      break;
    default:
      info.type_name = "unknown";
      break;
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

Handle text_type(const fs::path& file) {
  Handle type(check(H5Tcopy(H5T_C_S1), "write", file));
  check(H5Tset_size(type.id(), H5T_VARIABLE), "write", file);
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "write", file);
  return type;
}

Handle open_object(hid_t file_id, const std::string& name, const char* doing, const fs::path& file) {
  return Handle(check(H5Oopen(file_id, name.c_str(), H5P_DEFAULT), doing, file));
}

std::vector<hsize_t> extent(hid_t space, const fs::path& file) {
  const int rank = check(H5Sget_simple_extent_ndims(space), "read", file);
  std::vector<hsize_t> dimensions(static_cast<std::size_t>(rank));
  if (rank > 0) check(H5Sget_simple_extent_dims(space, dimensions.data(), nullptr), "read", file);
  return dimensions;
}

Handle open_array(hid_t file_id, const std::string& name, const fs::path& file) {
  Handle object = open_object(file_id, name, "read", file);
  if (H5Iget_type(object.id()) != H5I_DATASET) fail("read", file, fmt::format("'{}' is not an array", name));
  return object;
}

// Bytes of one chunk; 0 for an array that is not chunked. `rows` becomes the extent of a chunk along the first
// dimension.
std::uint64_t chunk_bytes(hid_t array, std::size_t rank, const fs::path& file, std::uint64_t& rows) {
  rows = 0;
  const Handle layout(check(H5Dget_create_plist(array), "read", file));
  if (rank == 0 || H5Pget_layout(layout.id()) != H5D_CHUNKED) return 0;
  std::vector<hsize_t> chunk(rank);
  check(H5Pget_chunk(layout.id(), static_cast<int>(rank), chunk.data()), "read", file);
  rows = chunk.front();
  const Handle type(check(H5Dget_type(array), "read", file));
  std::uint64_t bytes = H5Tget_size(type.id());  // HDF5 keeps the product below 2^32
  for (const hsize_t length : chunk) bytes *= length;
  return bytes;
}

// HDF5's cache holds 1 MiB by default: a chunk beyond it would be read, and decompressed, anew for every call.
Handle open_array_for_reading(hid_t file_id, const std::string& name, std::size_t rank, const fs::path& file) {
  constexpr std::uint64_t default_cache = 1U << 20U;
  constexpr std::uint64_t largest_cache = 64U << 20U;
  Handle array = open_array(file_id, name, file);
  std::uint64_t chunk_rows = 0;
  const std::uint64_t bytes = chunk_bytes(array.id(), rank, file, chunk_rows);
  if (bytes <= default_cache || bytes > largest_cache) return array;
  const Handle list(check(H5Pcreate(H5P_DATASET_ACCESS), "read", file));
  check(H5Pset_chunk_cache(list.id(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT, bytes, H5D_CHUNK_CACHE_W0_DEFAULT), "read", file);
  check(array.close(), "read", file);
  return Handle(check(H5Dopen2(file_id, name.c_str(), list.id()), "read", file));
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
  const Handle array = open_array_for_reading(file_id, name, info.dimensions.size(), file);
  const RowSelection rows = select_rows(array.id(), first, count, "read", file);
  check(H5Dread(array.id(), memory_type, rows.in_memory.id(), rows.in_file.id(), H5P_DEFAULT, values), "read", file);
}

// One text behind `read`, which fills a buffer of the given memory type: HDF5 has two kinds of strings, and the same
// call twice, for arrays and for attributes.
template <typename Read>
std::string read_string(hid_t type, hid_t space, const std::string& name, const fs::path& file, const Read& read) {
  if (H5Tget_class(type) != H5T_STRING) fail("read", file, fmt::format("'{}' is not a text", name));
  if (H5Sget_simple_extent_npoints(space) != 1) fail("read", file, fmt::format("'{}' is not a single text", name));
  if (check(H5Tis_variable_str(type), "read", file) > 0) {
    char* value = nullptr;
    check(read(type, &value), "read", file);
    std::string text = value != nullptr ? value : "";
    H5free_memory(value);
    return text;
  }
  constexpr std::size_t longest = 16U << 20U;
  const std::size_t length = H5Tget_size(type);
  if (length > longest) fail("read", file, fmt::format("'{}' claims a text of {} bytes", name, length));
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

std::string reason(int error_number) {
  return std::generic_category().message(error_number);
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

Hdf5File::Hdf5File(std::int64_t id, fs::path path, std::unique_ptr<int> problem) noexcept
    : id_(id), path_(std::move(path)), problem_(std::move(problem)) {}

Hdf5File::~Hdf5File() {
  if (id_ >= 0) H5Fclose(id_);
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept
    : id_(std::exchange(other.id_, -1)), path_(std::exchange(other.path_, {})), problem_(std::move(other.problem_)) {}

Hdf5File& Hdf5File::operator=(Hdf5File&& other) noexcept {
  Hdf5File moved(std::move(other));
  std::swap(id_, moved.id_);
  std::swap(path_, moved.path_);
  std::swap(problem_, moved.problem_);
  return *this;
}

Hdf5File Hdf5File::open(const fs::path& path) {
  keep_quiet();
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail("read", path, errno == ENOENT ? "no such file" : reason(errno));
  if (S_ISDIR(status.st_mode)) fail("read", path, "it is a folder, not an HDF5 file");
  if (!S_ISREG(status.st_mode)) fail("read", path, "it is not a regular file");
  if (::access(path.c_str(), R_OK) != 0) fail("read", path, reason(errno));
  if (status.st_size == 0) fail("read", path, "it is empty, not an HDF5 file");
  if (check(H5Fis_hdf5(path.c_str()), "read", path) == 0) fail("read", path, "it is not an HDF5 file");
  const Handle access = access_list(path);
  return {check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), "read", path), path};
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
  if (id < 0 && *problem != 0) fail("write", shown, reason(*problem));
  check(id, "write", shown);
  *problem = 0;  // HDF5 first tries to open what is not there yet
  return {id, shown, std::move(problem)};
}

void Hdf5File::check_written() const {
  if (problem_ && *problem_ != 0) fail("write", path_, reason(*problem_));
}

bool Hdf5File::exists(const std::string& name) const {
  if (name == "/") return true;
  // HDF5 wants every group on the way to exist before it answers for the next.
  for (std::size_t end = name.find('/', 1);; end = name.find('/', end + 1)) {
    const std::string part = name.substr(0, end);
    if (check(H5Lexists(id_, part.c_str(), H5P_DEFAULT), "read", path_) == 0) return false;
    if (H5Oexists_by_name(id_, part.c_str(), H5P_DEFAULT) <= 0) {
      H5Eclear2(H5E_DEFAULT);
      return false;
    }
    if (end == std::string::npos) return true;
    if (H5Iget_type(open_object(id_, part, "read", path_).id()) != H5I_GROUP) return false;
  }
}

ArrayInfo Hdf5File::array_info(const std::string& name) const {
  if (!exists(name)) fail("read", path_, fmt::format("it has no array '{}'", name));
  const Handle array = open_array(id_, name, path_);
  const Handle type(check(H5Dget_type(array.id()), "read", path_));
  const Handle space(check(H5Dget_space(array.id()), "read", path_));
  ArrayInfo info;
  describe_type(type.id(), info);
  const std::vector<hsize_t> dimensions = extent(space.id(), path_);
  info.dimensions.assign(dimensions.begin(), dimensions.end());
  info.stored_bytes = H5Dget_storage_size(array.id());
  if (chunk_bytes(array.id(), dimensions.size(), path_, info.chunk_rows) == 0) {
    const haddr_t offset = H5Dget_offset(array.id());  // undefined for compact arrays, which live in the header
    hsize_t length = 0;
    check(H5Fget_filesize(id_, &length), "read", path_);
    if (offset != HADDR_UNDEF && (offset > length || info.stored_bytes > length - offset))
      fail("read", path_, fmt::format("'{}' claims {} bytes, more than the file holds", name, info.stored_bytes));
  }
  H5Eclear2(H5E_DEFAULT);
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
  return read_string(type.id(), space.id(), name, path_, [&](hid_t memory_type, void* buffer) {
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
  const Handle type = text_type(path_);
  const Handle space = scalar_space(path_);
  const Handle links = make_parents_list(path_);
  const Handle creation = creation_list(H5P_DATASET_CREATE, path_);
  Handle array(check(H5Dcreate2(id_, name.c_str(), type.id(), space.id(), links.id(), creation.id(), H5P_DEFAULT),
                     "write", path_));
  const char* value = text.c_str();
  check(H5Dwrite(array.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &value), "write", path_);
  check(array.close(), "write", path_);
  check_written();
}

std::optional<std::string> Hdf5File::text_attribute(const std::string& name, const std::string& attribute) const {
  const std::optional<Attribute> found = open_attribute(id_, name, attribute, path_);
  if (!found) return std::nullopt;
  return read_string(found->type.id(), found->space.id(), fmt::format("{}@{}", name, attribute), path_,
                     [&](hid_t memory_type, void* buffer) { return H5Aread(found->id.id(), memory_type, buffer); });
}

std::optional<double> Hdf5File::real_attribute(const std::string& name, const std::string& attribute) const {
  const std::optional<Attribute> found = open_attribute(id_, name, attribute, path_);
  if (!found) return std::nullopt;
  const H5T_class_t kind = H5Tget_class(found->type.id());
  if ((kind != H5T_FLOAT && kind != H5T_INTEGER) || H5Sget_simple_extent_npoints(found->space.id()) != 1)
    fail("read", path_, fmt::format("the attribute '{}' of '{}' is not a number", attribute, name));
  double value = 0.0;
  check(H5Aread(found->id.id(), H5T_NATIVE_DOUBLE, &value), "read", path_);
  return value;
}

std::optional<std::vector<std::int64_t>> Hdf5File::integers_attribute(const std::string& name,
                                                                      const std::string& attribute) const {
  const std::optional<Attribute> found = open_attribute(id_, name, attribute, path_);
  if (!found) return std::nullopt;
  if (H5Tget_class(found->type.id()) != H5T_INTEGER)
    fail("read", path_, fmt::format("the attribute '{}' of '{}' does not hold integers", attribute, name));
  const auto count = check(H5Sget_simple_extent_npoints(found->space.id()), "read", path_);
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  if (count > 0) check(H5Aread(found->id.id(), H5T_NATIVE_INT64, values.data()), "read", path_);
  return values;
}

void Hdf5File::set_text_attribute(const std::string& name, const std::string& attribute, const std::string& text) {
  const Handle type = text_type(path_);
  const Handle space = scalar_space(path_);
  const char* value = text.c_str();
  write_attribute(id_, name, attribute, type.id(), type.id(), space.id(), &value, path_);
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

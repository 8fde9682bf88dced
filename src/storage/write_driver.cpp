#include "storage/write_driver.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <tuple>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

// What HDF5 knows as one open file; its own part comes first.
struct File {
  H5FD_t base{};
  int descriptor = -1;
  int* problem = nullptr;
  haddr_t end_of_allocation = 0;
  haddr_t end_of_file = 0;
  dev_t device = 0;
  ino_t inode = 0;
};

constexpr haddr_t largest_address = (haddr_t{1} << 62U) - 1;  // an off_t holds it

File& own(H5FD_t* file) {
  return *reinterpret_cast<File*>(file);
}
const File& own(const H5FD_t* file) {
  return *reinterpret_cast<const File*>(file);
}

void note(File& file, int error_number) {
  if (*file.problem == 0) *file.problem = error_number;
}

H5FD_t* open_file(const char* name, unsigned flags, hid_t access_list, haddr_t) {
  int* const problem = *static_cast<int* const*>(H5Pget_driver_info(access_list));
  int mode = (flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY;
  if ((flags & H5F_ACC_TRUNC) != 0) mode |= O_TRUNC;
  if ((flags & H5F_ACC_CREAT) != 0) mode |= O_CREAT;
  if ((flags & H5F_ACC_EXCL) != 0) mode |= O_EXCL;
  const int descriptor = ::open(name, mode | O_NOFOLLOW | O_CLOEXEC, 0666);  // who planted a link would choose the file
  struct stat status {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
    *problem = errno;
    if (descriptor >= 0) ::close(descriptor);
    return nullptr;
  }
  auto* const file = new File;
  file->descriptor = descriptor;
  file->problem = problem;
  file->end_of_file = static_cast<haddr_t>(status.st_size);
  file->device = status.st_dev;
  file->inode = status.st_ino;
  return &file->base;
}

herr_t close_file(H5FD_t* base) {
  File& file = own(base);
  if (::close(file.descriptor) != 0) note(file, errno);
  delete &file;
  return 0;
}

int compare(const H5FD_t* first, const H5FD_t* second) {
  const auto key = [](const H5FD_t* file) { return std::tuple(own(file).device, own(file).inode); };
  return key(first) < key(second) ? -1 : (key(second) < key(first) ? 1 : 0);
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  if (flags != nullptr)
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t end_of_allocation(const H5FD_t* file, H5FD_mem_t) {
  return own(file).end_of_allocation;
}
haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t) {
  return own(file).end_of_file;
}

herr_t set_end_of_allocation(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  own(file).end_of_allocation = address;
  return 0;
}

// Bytes that are not there read as zeros, as HDF5 wants it.
herr_t read(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* buffer) {
  File& file = own(base);
  auto* bytes = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t count = ::pread(file.descriptor, bytes, size, static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) note(file, errno);
    if (count <= 0) {
      std::memset(bytes, 0, size);
      break;
    }
    bytes += count;
    address += static_cast<haddr_t>(count);
    size -= static_cast<std::size_t>(count);
  }
  return 0;
}

herr_t write(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, const void* buffer) {
  File& file = own(base);
  const auto* bytes = static_cast<const char*>(buffer);
  const haddr_t end = address + size;
  constexpr std::size_t largest_piece = std::size_t{16} << 20U;  // between which this process shows that it lives
  while (size > 0 && *file.problem == 0) {
    still_at_work();
    const ssize_t count = ::pwrite(file.descriptor, bytes, std::min(size, largest_piece), static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      note(file, count < 0 ? errno : EIO);
      break;
    }
    bytes += count;
    address += static_cast<haddr_t>(count);
    size -= static_cast<std::size_t>(count);
  }
  file.end_of_file = std::max(file.end_of_file, end);
  return 0;
}

herr_t truncate(H5FD_t* base, hid_t, hbool_t) {
  File& file = own(base);
  if (file.end_of_file == file.end_of_allocation) return 0;
  if (*file.problem == 0 && ::ftruncate(file.descriptor, static_cast<off_t>(file.end_of_allocation)) != 0)
    note(file, errno);
  file.end_of_file = file.end_of_allocation;
  return 0;
}

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
#if H5_VERSION_GE(1, 13, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value =
      static_cast<H5FD_class_value_t>(H5_VFD_RESERVED + 1);  // ours; values above the reserved are free to use
#endif
  driver.name = "rbmpi_write";
  driver.maxaddr = largest_address;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.fapl_size = sizeof(int*);
  driver.open = open_file;
  driver.close = close_file;
  driver.cmp = compare;
  driver.query = query;
  driver.get_eoa = end_of_allocation;
  driver.set_eoa = set_end_of_allocation;
  driver.get_eof = end_of_file;
  driver.read = read;
  driver.write = write;
  driver.truncate = truncate;
  constexpr H5FD_mem_t kinds[] = H5FD_FLMAP_DICHOTOMY;  // metadata apart from raw data, as HDF5's own drivers do
  std::copy(std::begin(kinds), std::end(kinds), std::begin(driver.fl_map));
  return driver;
}

}  // namespace

herr_t use_write_driver(hid_t access_list, int* problem) {
  static const H5FD_class_t driver = driver_class();
  static const hid_t id = H5FDregister(&driver);
  return id < 0 ? -1 : H5Pset_driver(access_list, id, &problem);
}

}  // namespace rbmpi

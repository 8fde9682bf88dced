#include "storage/hdf5_links.hpp"

#include <algorithm>
#include <vector>

namespace rbmpi::hdf5 {
namespace {

namespace fs = std::filesystem;

// Makes HDF5 fail where it would follow a link into another file.
herr_t refuse_other_files(const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) {
  return -1;
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

}  // namespace

Handle link_access(hid_t kind, const fs::path& file) {
  Handle list(check(H5Pcreate(kind), "read", file));
  check(H5Pset_elink_cb(list.id(), refuse_other_files, nullptr), "read", file);
  return list;
}

Handle open_object(hid_t file_id, const std::string& name, const char* doing, const fs::path& file) {
  const Handle links = link_access(H5P_LINK_ACCESS, file);
  return Handle(check(H5Oopen(file_id, name.c_str(), links.id()), doing, file));
}

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
        fail_to_read(file, fmt::format("the soft links behind '{}' go round in circles", name));
      const std::string target = soft_target(file_id, next, file);
      if (target.starts_with('/')) path.clear();
      const std::vector<std::string> detour = parts_of(target);
      parts.insert(parts.begin(), detour.begin(), detour.end());
    } else {
      fail_to_read(file, fmt::format("'{}' is {}; an object in the file itself would be right", next,
                                     link.type == H5L_TYPE_EXTERNAL ? "an external link, into another file"
                                                                    : "a user-defined link"));
    }
  }
  return true;
}

}  // namespace rbmpi::hdf5

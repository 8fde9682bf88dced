#include "parallel/plugins.hpp"

#include <new>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <link.h>

namespace rbmpi {

void keep_plugins() noexcept try {
  // What is loaded must not be asked for while the list of it is held.
  std::vector<std::string> names;
  const auto note = [](dl_phdr_info* info, std::size_t /*size*/, void* all) noexcept {
    try {
      static_cast<std::vector<std::string>*>(all)->emplace_back(info->dlpi_name);
    } catch (const std::bad_alloc&) {
      return 1;
    }
    return 0;
  };
  dl_iterate_phdr(note, &names);
  for (const std::string& name : names) {
    if (name.empty()) continue;  // the program itself
    void* const library = dlopen(name.c_str(), RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    if (library != nullptr) dlclose(library);
  }
} catch (const std::bad_alloc&) {
  // Then they go as before.
}

}  // namespace rbmpi

#include "parallel/single_copy.hpp"

#include <csignal>
#include <cstdlib>
#include <string_view>

#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rbmpi {

bool may_read_child() {
  int here = 0;
  const pid_t child = fork();
  if (child < 0) return true;  // nothing is known
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  int copy = 1;
  const iovec to{&copy, sizeof copy};
  const iovec from{&here, sizeof here};
  const bool read = process_vm_readv(child, &to, 1, &from, 1, 0) == static_cast<ssize_t>(sizeof here);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return read;
}

void choose_single_copy() {
  constexpr const char* mechanism = "OMPI_MCA_btl_vader_single_copy_mechanism";
  const char* const ranks = std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  if (ranks == nullptr || std::string_view(ranks) == "1" || std::getenv(mechanism) != nullptr) return;
  if (access("/dev/xpmem", F_OK) == 0) return;  // which Open MPI prefers
  if (!may_read_child()) setenv(mechanism, "none", 0);
}

}  // namespace rbmpi

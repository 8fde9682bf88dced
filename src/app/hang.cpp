#include "app/hang.hpp"

#include <csignal>

#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

void end_hanging_job(const std::string& message) noexcept {
  // MPI_Abort asks a server on the node and flushes files whose locks the main thread may hold: if it hangs as well,
  // the alarm ends this process, and with it the job.
  std::signal(SIGALRM, SIG_DFL);
  ::alarm(5);
  if (!message.empty()) {
    const std::string line = "rbmpi: " + message + "\n";
    if (::write(STDERR_FILENO, line.data(), line.size()) < 0) ::alarm(1);  // nobody listens
  }
  MpiEnvironment::abort(static_cast<int>(Failure::other));
}

}  // namespace rbmpi

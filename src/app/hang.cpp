#include "app/hang.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {
namespace {

/// The process that mpirun is for this one, or the daemon that it has on each other host: the nearest above with the
/// name of such a program, since a script or the like may stand between. Other launchers (srun) see to their own end. 0
/// if there is none.
pid_t launcher_of(pid_t process) {
  constexpr int generations = 8;
  for (int i = 0; i < generations && process > 1; ++i) {
    // "123 (mpirun) S 122 ...": number, name, state and parent.
    std::array<char, 32> path{};
    std::array<char, 256> about{};
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", process);
    const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    const ssize_t length = ::read(file, about.data(), about.size() - 1);
    ::close(file);
    const std::string_view text(about.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    const std::size_t name = text.find('(');
    const std::size_t end = text.rfind(')');
    if (name == std::string_view::npos || end == std::string_view::npos) return 0;
    for (const std::string_view program : {"mpirun", "mpiexec", "orterun", "orted", "prterun", "prte"}) {
      if (text.substr(name + 1).starts_with(program)) return process;
    }
    process = static_cast<pid_t>(std::strtol(about.data() + std::min(end + 4, text.size()), nullptr, 10));
  }
  return 0;
}

/// Whether the process ends within that time.
bool ends(int process, int milliseconds) {
  pollfd end{.fd = process, .events = POLLIN, .revents = 0};
  return ::poll(&end, 1, milliseconds) > 0;
}

/// mpirun ends a job only with the consent of its daemons. If a host is gone, that takes until TCP gives up: minutes.
/// So a process that outlives this one waits some time and then does what a person would: two signals within five
/// seconds are mpirun's own sign to leave at once.
void end_launcher_later() noexcept {
  const pid_t launcher = launcher_of(::getppid());
  if (launcher == 0) return;
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, launcher, 0));  // no other can be taken for it
  // Not fork, which takes locks that the main thread may hang with. Only async-signal-safe calls from here on.
  if (process < 0 || ::_Fork() != 0) return;
  ::setsid();
  // mpirun waits until nobody has the other ends of its pipes.
  ::dup2(process, STDIN_FILENO);
  ::close_range(STDOUT_FILENO, ~0U, 0);
  constexpr int patience = 10'000;
  constexpr int between = 1'000;
  if (ends(STDIN_FILENO, patience)) ::_exit(0);
  for (const int number : {SIGTERM, SIGTERM, SIGKILL}) {
    ::syscall(SYS_pidfd_send_signal, STDIN_FILENO, number, nullptr, 0);
    if (ends(STDIN_FILENO, between)) break;
  }
  ::_exit(0);
}

}  // namespace

void end_hanging_job(const std::string& message) noexcept {
  // MPI_Abort asks a server on the node and flushes files whose locks the main thread may hold: if it hangs as well,
  // the alarm ends this process, and with it the job.
  std::signal(SIGALRM, SIG_DFL);
  ::alarm(5);
  if (!message.empty()) {
    const std::string line = "rbmpi: " + message + "\n";
    if (::write(STDERR_FILENO, line.data(), line.size()) < 0) ::alarm(1);  // nobody listens
  }
  end_launcher_later();
  MpiEnvironment::abort(static_cast<int>(Failure::other));
}

}  // namespace rbmpi

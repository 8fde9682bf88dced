#include "app/hang.hpp"

#include <array>
#include <csignal>
#include <cstdio>
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

/// Whether a process is mpirun, or the daemon that it has on each other host: by the name of its program, since other
/// launchers (srun) see to their own end.
bool is_mpirun(pid_t process) {
  std::array<char, 32> path{};
  std::array<char, 32> name{};
  std::snprintf(path.data(), path.size(), "/proc/%d/comm", process);
  const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t length = ::read(file, name.data(), name.size());
  ::close(file);
  const std::string_view text(name.data(), length > 0 ? static_cast<std::size_t>(length) - 1 : 0);
  return text == "mpirun" || text == "orterun" || text == "mpiexec" || text == "orted";
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
  const pid_t launcher = ::getppid();
  if (!is_mpirun(launcher)) return;
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, launcher, 0));  // no other can be taken for it
  if (process < 0 || ::fork() != 0) return;
  // Only async-signal-safe calls from here on: other threads may have held locks at the fork.
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

#include "rbmpi/core/child_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/resource_limits.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/system.hpp"

namespace rbmpi {
namespace {

/// What comes first through the pipe. The pipe ends early if the child did.
struct Header {
  bool failed = false;
  Failure failure = Failure::other;
  std::uint64_t length = 0;  ///< of the result or the message, which follows
};

/// Bytes of memory that count against RLIMIT_DATA now.
std::uint64_t data_in_use() {
  std::ifstream file("/proc/self/statm");
  std::array<std::uint64_t, 6> pages{};  // the sixth are data and stack
  for (std::uint64_t& field : pages) file >> field;
  return pages.back() * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// --- In the child ---

void prepare_child(pid_t parent, const ChildOptions& options, std::uint64_t most_memory) {
  // MPI libraries print the stack at a crash; here a crash is one of the things that may happen.
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) std::signal(signal, SIG_DFL);
  if (options.cpu_seconds > 0) std::signal(SIGXCPU, SIG_DFL);
  prctl(PR_SET_DUMPABLE, 0);  // no core file
  if (const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC); nowhere >= 0) dup2(nowhere, STDERR_FILENO);
  if (options.outlives_parent) {
    setsid();
  } else {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
  }
  limit_processor_time(options.cpu_seconds);
  if (options.limit_memory) limit_data(most_memory);
}

void send(int pipe, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(pipe, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) _exit(1);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

/// Does the work, and sends what it gives or throws.
void answer(const std::function<std::string()>& work, int pipe) noexcept {
  Header header;
  std::string text;
  try {
    text = work();
  } catch (const Error& error) {
    header = {.failed = true, .failure = error.failure()};
    text = error.what();
  } catch (const std::bad_alloc&) {
    header.failed = true;
    text = "out of memory";
  } catch (const std::exception& error) {
    header.failed = true;
    text = error.what();
  } catch (...) {
    header.failed = true;
    text = "an unknown exception";
  }
  std::fflush(stdout);
  header.length = text.size();
  send(pipe, {reinterpret_cast<const char*>(&header), sizeof header});
  send(pipe, text);
}

/// Fills `bytes`; false if the pipe ends before.
bool take(int pipe, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = read(pipe, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

[[noreturn]] void serve(const std::function<void(const ChildServer::Request&)>& work, int requests, int answers) {
  // This process decides what stops; until then its checkpoint may want what is read here.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) std::signal(signal, SIG_IGN);
  ChildServer::Request request{};
  while (take(requests, std::as_writable_bytes(std::span(request)))) {
    answer(
        [&] {
          work(request);
          return std::string();
        },
        answers);
  }
  _exit(0);
}

// --- In the parent ---

/// A running child. The destructor leaves no zombie and no child behind.
class Child {
 public:
  explicit Child(pid_t id) noexcept : id_(id) {}
  ~Child() {
    if (id_ <= 0) return;
    signal(SIGKILL);
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void signal(int number) const noexcept { kill(id_, number); }
  /// The status of waitpid, or nothing if the system does not keep it (SIGCHLD is ignored).
  std::optional<int> wait() noexcept {
    if (id_ <= 0) return std::nullopt;
    int status = 0;
    pid_t ended = 0;
    do ended = waitpid(id_, &status, 0);
    while (ended < 0 && errno == EINTR);
    id_ = -1;
    return ended > 0 ? std::optional(status) : std::nullopt;
  }

 private:
  pid_t id_;
};

/// Everything that the child sends until it closes its end or, asked to stop, takes too long to.
std::string receive(int pipe, const Child& child, bool forward_stop) {
  using Clock = std::chrono::steady_clock;
  constexpr int interval = 50;                 // milliseconds between two looks at a signal
  constexpr std::chrono::seconds patience{5};  // of a child that was asked to stop
  std::optional<Clock::time_point> asked;
  std::string received;
  std::array<char, 1U << 16U> block{};
  for (;;) {
    if (forward_stop && stop_requested()) {
      if (!asked) {
        child.signal(SIGTERM);
        asked = Clock::now();
      } else if (Clock::now() - *asked > patience) {
        child.signal(SIGKILL);
      }
    }
    pollfd end{pipe, POLLIN, 0};
    if (poll(&end, 1, interval) <= 0) continue;
    const ssize_t count = read(pipe, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return received;
    received.append(block.data(), static_cast<std::size_t>(count));
  }
}

[[noreturn]] void throw_crash(const std::string& doing, const ChildOptions& options, std::optional<int> status) {
  if (!options.outlives_parent && stop_requested())
    throw Error(Failure::interrupted, fmt::format("stopped by a signal, so it could not {}", doing));
  const int signal = status && WIFSIGNALED(*status) ? WTERMSIG(*status) : 0;
  if (signal == SIGXCPU && options.cpu_seconds > 0) {
    throw Error(Failure::file,
                fmt::format("cannot {}: it came no further within {} s of processor time", doing, options.cpu_seconds));
  }
  if (signal == SIGKILL)
    throw Error(Failure::other, fmt::format("cannot {}: its process was killed; was the memory exhausted?", doing));
  if (signal == SIGBUS) {  // comes of memory that is not there, and of nothing in a file
    throw Error(Failure::other, fmt::format("cannot {}: its process was refused a page of memory (SIGBUS): /dev/shm is "
                                            "full, or a disk or the memory is faulty",
                                            doing));
  }
  std::string how = "for an unknown reason";
  const char* const name = sigabbrev_np(signal);
  if (signal != 0) how = name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
  if (status && WIFEXITED(*status)) how = fmt::format("exit code {}", WEXITSTATUS(*status));
  throw Error(Failure::file, fmt::format("cannot {}: {} ({})", doing, options.on_crash, how));
}

/// The ends of a pipe.
struct Pipe {
  Descriptor from;
  Descriptor to;
};

Pipe open_pipe(const std::string& doing) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    throw Error(Failure::other, fmt::format("cannot {}: no pipe to a child process: {}", doing, error_text(errno)));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

/// Forks; `run` is what the child does, and does not return.
pid_t fork_child(const std::string& doing, const ChildOptions& options, const std::function<void()>& run) {
  const std::uint64_t most_memory = options.limit_memory ? data_in_use() + available_memory() : 0;
  std::fflush(stdout);  // or both would print it
  const pid_t parent = getpid();
  const pid_t id = fork();
  if (id < 0) throw Error(Failure::other, fmt::format("cannot {}: no child process: {}", doing, error_text(errno)));
  if (id == 0) {
    prepare_child(parent, options, most_memory);
    run();
    _exit(0);
  }
  return id;
}

}  // namespace

std::string run_in_child(const std::string& doing, const std::function<std::string()>& work,
                         const ChildOptions& options) {
  Pipe pipe = open_pipe(doing);
  Child child(fork_child(doing, options, [&] { answer(work, pipe.to.number()); }));
  pipe.to.close();
  std::string received = receive(pipe.from.number(), child, !options.outlives_parent);
  const std::optional<int> status = child.wait();

  Header header;
  if (received.size() < sizeof header) throw_crash(doing, options, status);
  std::memcpy(&header, received.data(), sizeof header);
  received.erase(0, sizeof header);
  if (received.size() != header.length) throw_crash(doing, options, status);
  if (header.failed) throw Error(header.failure, received);
  return received;
}

struct ChildServer::Process {
  Process(Descriptor to, Descriptor from, pid_t id) : requests(std::move(to)), answers(std::move(from)), child(id) {}

  Descriptor requests;
  Descriptor answers;
  Child child;
};

ChildServer::ChildServer(std::string doing, const std::function<void(const Request&)>& work, ChildOptions options)
    : doing_(std::move(doing)), options_(std::move(options)) {
  // A pair of sockets: to write to a pipe that nobody reads any more would end this process.
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw Error(Failure::other, fmt::format("cannot {}: no way to a child process: {}", doing_, error_text(errno)));
  Descriptor requests(ends[0]);
  const Descriptor of_child(ends[1]);
  Pipe answers = open_pipe(doing_);
  const pid_t id = fork_child(doing_, options_, [&] {
    requests.close();  // else it would never see that there are no more
    serve(work, of_child.number(), answers.to.number());
  });
  process_ = std::make_unique<Process>(std::move(requests), std::move(answers.from), id);
}

ChildServer::~ChildServer() = default;

void ChildServer::ask(const Request& request) {
  std::span<const std::byte> bytes = std::as_bytes(std::span(request));
  while (!bytes.empty()) {
    const ssize_t count = ::send(process_->requests.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) throw_crash(doing_, options_, process_->child.wait());
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  ++unanswered_;
}

void ChildServer::wait() {
  const int pipe = process_->answers.number();
  Header header;
  if (!take(pipe, std::as_writable_bytes(std::span(&header, 1)))) {
    throw_crash(doing_, options_, process_->child.wait());
  }
  std::string text(header.length, '\0');
  if (!take(pipe, std::as_writable_bytes(std::span(text)))) throw_crash(doing_, options_, process_->child.wait());
  --unanswered_;
  if (header.failed) throw Error(header.failure, text);
}

}  // namespace rbmpi

#include "fuzz/contained.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <exception>
#include <iterator>
#include <string_view>

#include <dlfcn.h>
#include <execinfo.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/support.hpp"
#include "rbmpi/core/child_process.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

// The linker's names for the counters of the compiler, one for each edge of the code.
extern "C" std::uint8_t __start___sancov_cntrs;
extern "C" std::uint8_t __stop___sancov_cntrs;

// A large allocation fails, which HDF5 reports and which ends our own code with a report. Names of functions are not
// looked up for each crash of HDF5, and a stack names the library of each address instead.
extern "C" const char* __asan_default_options() {
  return "symbolize=0:allocator_may_return_null=1:max_allocation_size_mb=256:detect_leaks=0:quarantine_size_mb=1";
}

namespace rbmpi::fuzz {
namespace {

constexpr std::string_view library = "libhdf5";  // as a stack names it

constexpr std::size_t message_counters = std::size_t{1} << 12U;
constexpr std::size_t code_counters = std::size_t{1} << 16U;

// LibFuzzer looks at the counters in this section as at those of the compiler. Whole pages, because they are shared.
alignas(4096) [[gnu::section(
    "__libfuzzer_extra_counters")]] std::array<std::uint8_t, message_counters + code_counters> shared_counters{};

const pid_t parent = ::getpid();
bool* finding = nullptr;  // shared with child processes

void* share(void* address, std::size_t bytes) {
  const int placed = address != nullptr ? MAP_FIXED : 0;
  void* const memory = ::mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | placed, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory to share with child processes");
  return memory;
}

/// The code that this child has reached, for libFuzzer in the parent.
void note_code() {
  const std::span<const std::uint8_t> reached(&__start___sancov_cntrs, &__stop___sancov_cntrs);
  if (reached.size() > code_counters) throw std::logic_error("code_counters is too small");
  std::copy(reached.begin(), reached.end(), shared_counters.begin() + message_counters);
}

/// HDF5 is not built for the fuzzer: which way it went shows in what it says. Numbers would make every file new.
void note_message(std::string_view message) {
  std::string words;
  std::copy_if(message.begin(), message.end(), std::back_inserter(words),
               [](unsigned char c) { return std::isalpha(c) != 0; });
  shared_counters.at(std::hash<std::string>()(words) % message_counters) = 1;
}

/// HDF5 is to blame if it is on the stack, except for what it writes to memory that is ours: that may have been too
/// small. (A wild read is its own, whoever has the memory that happens to be nearest.)
bool our_fault(std::string_view report) {
  const std::size_t owner = report.find("allocated by");
  if (report.substr(0, owner).find(library) == std::string_view::npos) return true;
  return report.find("WRITE of size") != std::string_view::npos && owner != std::string_view::npos &&
         report.substr(owner).find(library) == std::string_view::npos;
}

/// In a child, for the undefined-behaviour sanitizer and for exceptions that nothing catches, all of them ours.
[[noreturn]] void on_death() {
  *finding = true;
  ::_exit(1);
}

/// In a child that takes too long. HDF5 has endless loops; the program ends them, too, after a while.
void on_time_over(int) {
  std::array<void*, 64> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  const bool in_library = std::any_of(frames.begin(), frames.begin() + count, [](void* address) {
    Dl_info place{};
    return ::dladdr(address, &place) != 0 && std::string_view(place.dli_fname).find(library) != std::string_view::npos;
  });
  if (!in_library) on_death();
  ::_exit(1);
}

/// In whatever process the address sanitizer has something to say. A child leaves before libFuzzer takes its end for
/// one of its own.
void on_report(const char* report) {
  if (::getpid() == parent) return;
  if (our_fault(report)) on_death();
  ::_exit(1);
}

}  // namespace

Containment::Containment() {
  share(shared_counters.data(), shared_counters.size());
  finding = static_cast<bool*>(share(nullptr, sizeof(bool)));
  ::sigaction(SIGSEGV, nullptr, &on_bad_address_);
  __asan_set_error_report_callback(on_report);
  // What gets ready at the first use does so here, once, and not in every child.
  (void)Hdf5File::library_version();
  void* frame = nullptr;
  (void)::backtrace(&frame, 1);
}

bool Containment::accepted(const std::function<void()>& read) const {
  *finding = false;
  const ChildOptions options{.cpu_seconds = 1, .limit_memory = false};  // the sanitizer claims more than it uses
  const auto in_child = [&] {
    prepare_child();
    try {
      read();
    } catch (const Error& error) {
      note_message(error.what());
      note_code();
      throw;
    }
    note_code();
    return std::string();
  };
  const bool accepted = fuzz::accepted([&] { (void)run_in_child("read the input", in_child, options); });
  promise(!*finding, "our code survives in the child, but\n" + test::content(fuzz::folder() / "report"));
  return accepted;
}

/// Gives back what `run_in_child` takes away: the sanitizer's handler and a place for reports.
void Containment::prepare_child() const {
  ::sigaction(SIGSEGV, &on_bad_address_, nullptr);
  __sanitizer_set_death_callback(on_death);
  std::set_terminate(on_death);
  std::signal(SIGXCPU, on_time_over);
  if (std::freopen((folder() / "report").c_str(), "w", stderr) == nullptr) throw std::runtime_error("no report");
}

}  // namespace rbmpi::fuzz

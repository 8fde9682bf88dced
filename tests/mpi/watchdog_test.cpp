#include "rbmpi/parallel/watchdog.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::chrono::milliseconds timeout(1500);
constexpr std::chrono::seconds too_long(40);

class WatchdogTest : public testing::Test {
 protected:
  /// Collective.
  void watch() {
    watchdog_.emplace(world_, timeout, [this](const std::string& message) {
      if (!message.empty() && wake_process_ != 0) ::kill(wake_process_, SIGCONT);
      said_.set_value(message);
    });
    EXPECT_THAT(watchdog_->problem(), IsEmpty());
  }

  /// What `on_hang` of this rank was called with.
  std::string verdict() {
    if (verdict_.wait_for(too_long) == std::future_status::ready) return verdict_.get();
    ADD_FAILURE() << "the watchdog says nothing";
    return {};
  }
  bool quiet() const { return verdict_.wait_for(std::chrono::seconds(0)) != std::future_status::ready; }

  std::string name(int rank, std::int64_t process) const {
    std::string host(256, '\0');
    ::gethostname(host.data(), host.size());
    return fmt::format("rank {} of {} (host {}, process {})", rank, world_.size(), host.c_str(), process);
  }

  Communicator world_ = Communicator::world();
  std::promise<std::string> said_;
  std::future<std::string> verdict_ = said_.get_future();
  pid_t wake_process_ = 0;
  std::optional<Watchdog> watchdog_;
};

/// Keeps this rank busy, with signs of life, for longer than the timeout.
void work() {
  for (int i = 0; i < 60; ++i) {
    now_doing("working");
    std::this_thread::sleep_for(timeout / 20);
  }
}

std::vector<std::string> threads() {
  std::vector<std::string> numbers;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    numbers.push_back(entry.path().filename().string());
  }
  return numbers;
}

TEST_F(WatchdogTest, ARankThatHangsIsFound) {
  if (world_.size() == 1) return;
  const int bad = world_.size() - 1;
  const std::int64_t process = world_.maximum(world_.rank() == bad ? std::int64_t{::getpid()} : 0);
  watch();
  std::string words;
  if (world_.rank() == bad) {
    now_doing("reading the data");
    words = verdict();
    world_.barrier();
  } else {
    now_doing("exchanging gradients");
    world_.barrier();
    words = verdict();
  }
  if (world_.rank() == 0) {
    EXPECT_EQ(words, name(bad, process) +
                         " hangs in 'reading the data'; the others have waited for 1.5 seconds in "
                         "'exchanging gradients'; the job is ended");
  } else {
    EXPECT_THAT(words, IsEmpty()) << "one rank speaks";
  }
}

TEST_F(WatchdogTest, ARankThatIsStoppedIsFound) {
  if (world_.size() == 1) return;
  const std::int64_t process = world_.maximum(world_.rank() == 0 ? std::int64_t{::getpid()} : 0);
  wake_process_ = static_cast<pid_t>(process);
  watch();
  if (world_.rank() == 0) ::raise(SIGSTOP);
  now_doing("exchanging gradients");
  world_.barrier();
  const std::string words = verdict();
  if (world_.rank() == 1) {
    EXPECT_THAT(words, AllOf(StartsWith(name(0, process) + " does not answer; the others have waited for "),
                             HasSubstr("in 'exchanging gradients'")));
  } else {
    EXPECT_THAT(words, IsEmpty());
  }
}

TEST_F(WatchdogTest, RanksThatAllWaitAreFound) {
  if (world_.size() == 1) return;
  watch();
  now_doing(world_.is_root() ? "sending" : "receiving");
  std::string words;
  {
    const WaitingForOthers waiting;
    words = verdict();
  }
  world_.barrier();
  if (world_.is_root()) {
    EXPECT_THAT(words, AllOf(StartsWith(fmt::format("all {} ranks have waited for each other for 1.5 seconds, rank 0 "
                                                    "in 'sending', rank 1 in 'receiving': ",
                                                    world_.size())),
                             HasSubstr("lost a message")));
  } else {
    EXPECT_THAT(words, IsEmpty());
  }
}

TEST_F(WatchdogTest, AsLongAsOneRankWorksAllIsWell) {
  watch();
  if (world_.rank() == world_.size() - 1) work();
  world_.barrier();
  EXPECT_TRUE(quiet());
}

TEST_F(WatchdogTest, WorkWithoutSignsOfLifeIsNoHangIfNobodyWaits) {
  watch();
  std::this_thread::sleep_for(3 * timeout);
  EXPECT_TRUE(quiet());
  watchdog_.reset();
  world_.barrier();
}

/// The ports of all UDP sockets of this process.
std::vector<in_port_t> udp_ports() {
  std::vector<in_port_t> ports;
  for (int number = 0; number < 1024; ++number) {
    int type = 0;
    socklen_t length = sizeof(type);
    if (::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_DGRAM) continue;
    sockaddr_storage address{};
    length = sizeof(address);
    if (::getsockname(number, reinterpret_cast<sockaddr*>(&address), &length) != 0) continue;
    sockaddr_in6 ip{};  // the port is at the same place for IPv4
    std::memcpy(&ip, &address, sizeof(ip));
    if (ip.sin6_family == AF_INET6 || ip.sin6_family == AF_INET) ports.push_back(ip.sin6_port);
  }
  return ports;
}

TEST_F(WatchdogTest, AStrangersPacketsAreIgnored) {
  watch();
  const std::vector<in_port_t> ports = udp_ports();
  if (world_.size() > 1) {
    EXPECT_THAT(ports, testing::Not(IsEmpty()));
  }
  const int stranger = ::socket(AF_INET, SOCK_DGRAM, 0);
  for (const in_port_t port : ports) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = port;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // Questions, answers and verdicts to this rank, but of another job, of any length.
    for (std::size_t size = 0; size < 400; ++size) {
      for (std::int32_t kind = 0; kind < 4; ++kind) {
        std::vector<std::int32_t> packet(100, 0);
        packet[2] = kind;
        packet[4] = world_.rank();
        ::sendto(stranger, packet.data(), size, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
      }
    }
  }
  char answer = 0;
  EXPECT_EQ(::recv(stranger, &answer, 1, MSG_DONTWAIT), -1);
  ::close(stranger);
  if (world_.is_root()) work();
  world_.barrier();
  EXPECT_TRUE(quiet());
}

TEST_F(WatchdogTest, ItsThreadGetsNoSignalsAndEndsAtOnce) {
  const std::vector<std::string> before = threads();
  watchdog_.emplace(world_, std::chrono::minutes(10), [](const std::string&) {});
  for (const std::string& thread : threads()) {
    if (std::find(before.begin(), before.end(), thread) != before.end()) continue;
    std::ifstream status("/proc/self/task/" + thread + "/status");
    std::string line;
    while (std::getline(status, line) && !line.starts_with("SigBlk:")) continue;
    const std::uint64_t blocked = std::stoull(line.substr(7), nullptr, 16);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU})
      EXPECT_TRUE(blocked >> (signal - 1) & 1) << signal;
  }
  EXPECT_EQ(threads().size(), before.size() + (world_.size() > 1 ? 1 : 0));
  world_.barrier();
  const auto begin = std::chrono::steady_clock::now();
  watchdog_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
  EXPECT_EQ(threads().size(), before.size());
}

TEST_F(WatchdogTest, ATimeoutOfZeroIsOff) {
  const std::size_t before = threads().size();
  const Watchdog off(world_, std::chrono::milliseconds(0), [](const std::string&) {});
  EXPECT_EQ(threads().size(), before);
  EXPECT_THAT(off.problem(), IsEmpty());
}

}  // namespace
}  // namespace rbmpi

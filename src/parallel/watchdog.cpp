#include "rbmpi/parallel/watchdog.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <future>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "parallel/udp_socket.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

template <std::size_t size>
void copy_text(std::string_view text, std::array<char, size>& target) {
  target.fill('\0');
  text.copy(target.data(), size - 1);
}

/// Where a rank is. The ranks exchange these over MPI.
struct Card {
  std::array<char, 64> host;
  std::array<char, 128> machine;  // equal where the loopback device connects two ranks
  std::int64_t process;
  std::uint32_t port;
  std::uint32_t address_count;
  std::array<in6_addr, 16> addresses;
};

std::string first_line(const char* path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

/// The kernel's boot and the network namespace: host names need not differ.
std::string machine_name() {
  std::array<char, 64> network{};
  const ssize_t length = ::readlink("/proc/self/ns/net", network.data(), network.size() - 1);
  return first_line("/proc/sys/kernel/random/boot_id") + " " + (length > 0 ? network.data() : "?");
}

Card own_card(std::uint16_t port) {
  Card card{};
  copy_text(host_name(), card.host);
  copy_text(machine_name(), card.machine);
  card.process = ::getpid();
  card.port = port;
  const std::vector<in6_addr> addresses = reachable_addresses();
  card.address_count = static_cast<std::uint32_t>(std::min(addresses.size(), card.addresses.size()));
  std::copy_n(addresses.begin(), card.address_count, card.addresses.begin());
  return card;
}

/// Collective. Every rank's card, on every rank.
std::vector<Card> exchange(const Card& own, const Communicator& world) {
  std::vector<Card> cards(static_cast<std::size_t>(world.size()), own);
  for (int rank = 0; rank < world.size(); ++rank) {
    world.broadcast(std::as_writable_bytes(std::span(&cards[static_cast<std::size_t>(rank)], 1)), rank);
  }
  return cards;
}

/// Where to send what is meant for `peer`; it arrives on one of the ways, if on any.
std::vector<sockaddr_in6> ways_to(const Card& peer, const Card& own) {
  std::vector<in6_addr> addresses(peer.addresses.begin(), peer.addresses.begin() + peer.address_count);
  if (peer.machine == own.machine) {
    addresses.assign(1, in6_addr{});
    addresses[0].s6_addr[10] = addresses[0].s6_addr[11] = 0xFF;  // ::ffff:127.0.0.1
    addresses[0].s6_addr[12] = 127;
    addresses[0].s6_addr[15] = 1;
  }
  std::vector<sockaddr_in6> ways;
  for (const in6_addr& address : addresses) {
    sockaddr_in6 way{};
    way.sin6_family = AF_INET6;
    way.sin6_port = htons(static_cast<std::uint16_t>(peer.port));
    way.sin6_addr = address;
    ways.push_back(way);
  }
  return ways;
}

enum class Kind : std::uint32_t { question, answer, verdict };

/// What travels between the watchdogs. All ranks run the same program on the same kind of processor.
struct Packet {
  std::uint64_t job;  // random, so that a stranger's packet is none of ours
  Kind kind;
  std::int32_t from;
  std::int32_t to;
  std::uint32_t inquiry;  // an answer repeats that of its question
  std::uint32_t waiting;
  std::uint32_t padding;
  std::uint64_t quiet;  // milliseconds since the last sign of life
  std::array<char, 64> doing;
};
static_assert(std::has_unique_object_representations_v<Packet>, "nothing unset is sent");

struct Answer {
  bool waiting = false;
  Milliseconds quiet{};
  std::string doing;
};

std::string in_words(Milliseconds duration) {
  const auto count = [](auto number, const char* unit) {
    return fmt::format("{} {}{}", number, unit, number == 1 ? "" : "s");
  };
  if (duration.count() % 60000 == 0) return count(duration.count() / 60000, "minute");
  return count(static_cast<double>(duration.count()) / 1000, "second");
}

}  // namespace

/// The thread and all it knows. Everything but the constructor, `start` and the destructor runs on the thread.
class Watchdog::Watch {
 public:
  Watch(int rank, Milliseconds timeout, OnHang on_hang)
      : rank_(rank),
        timeout_(timeout),
        tick_(std::clamp(timeout / 20, Milliseconds(10), Milliseconds(1000))),
        patience_(std::clamp(timeout / 4, Milliseconds(100), Milliseconds(5000))),
        on_hang_(std::move(on_hang)),
        end_(::eventfd(0, EFD_CLOEXEC)),
        card_(own_card(socket_.port())) {
    if (end_.number() < 0) throw Error(Failure::other, fmt::format("eventfd failed: {}", error_text(errno)));
  }

  ~Watch() {
    if (!thread_.joinable()) return;
    ::eventfd_write(end_.number(), 1);
    thread_.join();
  }

  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  [[nodiscard]] const Card& card() const { return card_; }

  void start(std::uint64_t job, std::vector<Card> cards) {
    job_ = job;
    cards_ = std::move(cards);
    for (const Card& card : cards_) ways_.push_back(ways_to(card, card_));
    answers_.resize(cards_.size());
    // Signals are for the main thread.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& error) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw Error(Failure::other, fmt::format("no thread can be started: {}", error.what()));
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  /// Throws if no packet comes through to rank 0 and back.
  void check_way_to_root() {
    if (root_answered_.get_future().wait_for(std::chrono::seconds(3)) == std::future_status::ready) return;
    throw Error(Failure::other, fmt::format("no UDP packet comes through from host {} to rank 0 on host {} and back",
                                            card_.host.data(), cards_[0].host.data()));
  }

 private:
  void run() {
    last_look_ = Clock::now();
    if (rank_ == 0) greet();
    while (wait()) {
      look();
      receive();
      if (!greeted_) send(0, Kind::question);
      if (follow_at_) {
        if (time_ >= *follow_at_) return on_hang_("");
      } else if (const std::string verdict = inquire(); !verdict.empty()) {
        return on_hang_(verdict);
      }
    }
  }

  void greet() {
    greeted_ = true;
    root_answered_.set_value();
  }

  /// Until a packet arrives or it is time to look again; false if the watchdog shall end.
  bool wait() {
    std::array<pollfd, 2> events{pollfd{.fd = socket_.descriptor(), .events = POLLIN, .revents = 0},
                                 pollfd{.fd = end_.number(), .events = POLLIN, .revents = 0}};
    const Milliseconds longest = !greeted_ ? Milliseconds(20) : inquiring_ ? std::min(tick_, patience_ / 8) : tick_;
    ::poll(events.data(), events.size(), static_cast<int>(longest.count()));
    return events[1].revents == 0;
  }

  /// Counts the time and looks at the own rank. A longer gap than a few ticks means that this process itself was
  /// stopped, as all others may have been: that time does not count.
  void look() {
    const Clock::time_point now = Clock::now();
    time_ += std::min<Clock::duration>(now - last_look_, 3 * tick_);
    last_look_ = now;
    const SignsOfLife signs = signs_of_life();
    if (signs.beats != signs_.beats) last_sign_ = time_;
    signs_ = signs;
  }

  [[nodiscard]] Milliseconds quiet() const { return std::chrono::duration_cast<Milliseconds>(time_ - last_sign_); }

  void send(int rank, Kind kind) const { send(rank, kind, inquiry_, ways_[static_cast<std::size_t>(rank)]); }

  void send(int rank, Kind kind, std::uint32_t inquiry, std::span<const sockaddr_in6> ways) const {
    Packet packet{.job = job_,
                  .kind = kind,
                  .from = rank_,
                  .to = rank,
                  .inquiry = inquiry,
                  .waiting = signs_.waiting ? 1U : 0U,
                  .padding = 0,
                  .quiet = static_cast<std::uint64_t>(quiet().count()),
                  .doing = {}};
    copy_text(signs_.doing, packet.doing);
    for (const sockaddr_in6& way : ways) socket_.send(std::as_bytes(std::span(&packet, 1)), way);
  }

  void receive() {
    Packet packet{};
    while (const auto received = socket_.receive(std::as_writable_bytes(std::span(&packet, 1)))) {
      const bool ours = received->size == sizeof(packet) && packet.job == job_ && packet.to == rank_ &&
                        packet.from >= 0 && packet.from < static_cast<int>(cards_.size());
      if (ours) take(packet, received->from);
    }
  }

  void take(Packet& packet, const sockaddr_in6& from) {
    switch (packet.kind) {
      case Kind::question:
        send(packet.from, Kind::answer, packet.inquiry, std::span(&from, 1));
        if (packet.from < rank_) leave_it_until_ = time_ + 2 * patience_;
        break;
      case Kind::answer:
        if (packet.from == 0 && !greeted_) greet();
        if (packet.inquiry != inquiry_) break;
        packet.doing.back() = '\0';
        answers_[static_cast<std::size_t>(packet.from)] = {
            .waiting = packet.waiting != 0, .quiet = Milliseconds(packet.quiet), .doing = packet.doing.data()};
        break;
      case Kind::verdict:
        if (!follow_at_) follow_at_ = time_ + std::min(timeout_, Milliseconds(3000));
        break;
    }
  }

  /// Asks the others if this rank has waited for them too long, and judges; a verdict, or nothing. Lower ranks begin a
  /// little earlier, and who is asked by a lower rank leaves it to that one.
  std::string inquire() {
    const bool due = signs_.waiting && quiet() >= timeout_ + rank_ * Milliseconds(20) && time_ >= leave_it_until_;
    if (!due) {
      inquiring_ = false;
      return {};
    }
    if (!inquiring_) {
      inquiring_ = true;
      ++inquiry_;
      std::fill(answers_.begin(), answers_.end(), std::nullopt);
      judge_at_ = time_ + patience_;
      ask_at_ = time_;
    }
    if (time_ >= judge_at_) {
      inquiring_ = false;
      leave_it_until_ = time_ + patience_;
      return judge();
    }
    if (time_ >= ask_at_) {
      ask_at_ = time_ + patience_ / 8;
      for (int rank = 0; rank < static_cast<int>(cards_.size()); ++rank) {
        if (rank != rank_) send(rank, Kind::question);
        if (rank % 64 == 63) receive();  // many answers do not fit into the socket
      }
    }
    return {};
  }

  [[nodiscard]] std::string judge() const {
    std::vector<std::string> findings;
    std::string elsewhere;
    for (std::size_t rank = 0; rank < cards_.size(); ++rank) {
      if (static_cast<int>(rank) == rank_) continue;
      const auto& answer = answers_[rank];
      const std::string who = fmt::format("rank {} of {} (host {}, process {})", rank, cards_.size(),
                                          cards_[rank].host.data(), cards_[rank].process);
      if (!answer) {
        findings.push_back(who + " does not answer");
      } else if (answer->quiet < timeout_) {
        return {};  // it works, or has begun to wait a short time ago
      } else if (!answer->waiting) {
        findings.push_back(fmt::format("{} hangs in '{}'", who, answer->doing));
      } else if (elsewhere.empty() && answer->doing != signs_.doing) {
        elsewhere = fmt::format(", rank {} in '{}'", rank, answer->doing);
      }
    }
    for (int rank = 0; rank < static_cast<int>(cards_.size()); ++rank) {
      if (rank != rank_) send(rank, Kind::verdict);
    }
    if (findings.empty()) {
      return fmt::format(
          "all {} ranks have waited for each other for {}, rank {} in '{}'{}: MPI or the network has "
          "lost a message; the job is ended",
          cards_.size(), in_words(timeout_), rank_, signs_.doing, elsewhere);
    }
    constexpr std::size_t most = 3;
    std::string text = fmt::format(
        "{}", fmt::join(findings.begin(),
                        findings.begin() + static_cast<std::ptrdiff_t>(std::min(most, findings.size())), ", "));
    if (findings.size() > most) text += fmt::format(" and {} more do not answer or hang", findings.size() - most);
    return fmt::format("{}; the others have waited for {} in '{}'; the job is ended", text, in_words(timeout_),
                       signs_.doing);
  }

  const int rank_;
  const Milliseconds timeout_;
  const Milliseconds tick_;      // between two looks
  const Milliseconds patience_;  // with who is asked
  const OnHang on_hang_;
  UdpSocket socket_;
  Descriptor end_;
  const Card card_;
  std::uint64_t job_ = 0;
  std::vector<Card> cards_;
  std::vector<std::vector<sockaddr_in6>> ways_;
  std::promise<void> root_answered_;

  // Of the thread alone. Times are on a clock of its own, which stands still while this process is stopped.
  bool greeted_ = false;
  Clock::time_point last_look_;
  Clock::duration time_{};
  Clock::duration last_sign_{};
  SignsOfLife signs_;
  bool inquiring_ = false;
  std::uint32_t inquiry_ = 0;
  std::vector<std::optional<Answer>> answers_;
  Clock::duration judge_at_{};
  Clock::duration ask_at_{};
  Clock::duration leave_it_until_{};
  std::optional<Clock::duration> follow_at_;

  std::thread thread_;
};

Watchdog::Watchdog(const Communicator& world, std::chrono::milliseconds hang_timeout, OnHang on_hang) {
  if (hang_timeout.count() <= 0 || world.size() == 1) return;
  try {
    std::uint64_t job = 0;
    world.agree([&] {
      watch_ = std::make_unique<Watch>(world.rank(), hang_timeout, std::move(on_hang));
      std::random_device random;
      job = (std::uint64_t{random()} << 32) | random();
    });
    world.broadcast(std::as_writable_bytes(std::span(&job, 1)));
    std::vector<Card> cards = exchange(watch_->card(), world);
    world.agree([&] { watch_->start(job, std::move(cards)); });
    world.agree([&] { watch_->check_way_to_root(); });
  } catch (const AgreedError& error) {
    watch_.reset();
    problem_ = error.what();
  }
}

Watchdog::~Watchdog() = default;

}  // namespace rbmpi

#include "collective/collective.h"

#include <algorithm>
#include <utility>

namespace clary::collective {
namespace {

// Before the bytes of every message.
struct Head {
  uint64_t operation;  // how many came before it, from 1
  char kind;
  char reserved[7];
};
static_assert(sizeof(Head) == 16);

constexpr char kGather = 'g';
constexpr char kExchange = 'x';
constexpr char kSum = 's';

std::string EncodeStatus(const Status& status) {
  if (status) return {};
  const Error& e = status.error();
  return std::to_string(static_cast<int>(e.code)) + "\n" + e.reason + "\n" + e.message;
}

Status DecodeStatus(std::string_view text, size_t rank) {
  if (text.empty()) return {};
  const size_t first = text.find('\n');
  const size_t second = first == text.npos ? text.npos : text.find('\n', first + 1);
  if (second == text.npos) {
    return clary::Fail(Code::kInternal, "HostFailed", "host " + std::to_string(rank) + " failed");
  }
  int code = 0;
  for (const char c : text.substr(0, first)) code = 10 * code + (c - '0');
  if (code < 0 || code > static_cast<int>(Code::kInternal))
    code = static_cast<int>(Code::kInternal);
  return clary::Fail(static_cast<Code>(code),
                     std::string(text.substr(first + 1, second - first - 1)),
                     "host " + std::to_string(rank) + ": " + std::string(text.substr(second + 1)));
}

}  // namespace

Collective::Collective() = default;
Collective::Collective(std::unique_ptr<Transport> transport)
    : transport_(std::move(transport)), rank_(transport_->rank()), size_(transport_->size()) {
  if (size_ == 1) transport_ = nullptr;
}
Collective::~Collective() = default;

void Collective::Fail(Error error) {
  if (status_) status_ = std::unexpected(std::move(error));
  transport_ = nullptr;  // the others see that this host has gone
}

std::vector<std::string> Collective::Pass(char kind, std::span<const std::string_view> to) {
  const auto n = static_cast<size_t>(size_);
  const auto self = static_cast<size_t>(rank_);
  std::vector<std::string> from(n);
  from[self] = to[self];
  if (transport_ == nullptr) return from;
  const Head head{.operation = ++operations_, .kind = kind, .reserved = {}};
  std::vector<std::string> messages(n);
  std::vector<std::string_view> views(n);
  for (size_t k = 0; k < n; ++k) {
    if (k == self) continue;
    messages[k].reserve(sizeof head + to[k].size());
    messages[k].append(reinterpret_cast<const char*>(&head), sizeof head);
    messages[k].append(to[k]);
    views[k] = messages[k];
    bytes_sent_ += views[k].size();
  }
  auto got = transport_->Exchange(views);
  if (!got) {
    Fail(std::move(got).error());
    return from;
  }
  for (size_t k = 0; k < n; ++k) {
    if (k == self) continue;
    Head theirs{};
    if ((*got)[k].size() >= sizeof theirs) std::memcpy(&theirs, (*got)[k].data(), sizeof theirs);
    if (theirs.operation != head.operation || theirs.kind != head.kind) {
      const auto at = [](size_t host, const Head& h) {
        return "host " + std::to_string(host) + " is at its operation " +
               std::to_string(h.operation) + " (" + (h.kind == 0 ? '?' : h.kind) + ")";
      };
      Fail({Code::kInternal, "OutOfStep",
            at(k, theirs) + ", " + at(self, head) + ": they do not do the same work"});
      return from;
    }
    from[k] = (*got)[k].substr(sizeof theirs);
  }
  return from;
}

std::vector<std::string> Collective::GatherBytes(std::string_view mine) {
  const std::vector<std::string_view> to(static_cast<size_t>(size_), mine);
  return Pass(kGather, to);
}

std::vector<std::string> Collective::Exchange(const std::vector<std::string>& to) {
  return Pass(kExchange, std::vector<std::string_view>(to.begin(), to.end()));
}

void Collective::GatherInto(std::string_view mine, std::span<char> all) {
  const std::vector<std::string> parts = GatherBytes(mine);
  size_t total = 0;
  for (const std::string& part : parts) total += part.size();
  if (status_ && total != all.size()) {
    Fail({Code::kInternal, "OutOfStep",
          "the hosts gave " + std::to_string(total) + " bytes where " + std::to_string(all.size()) +
              " were expected"});
  }
  size_t at = 0;
  for (const std::string& part : parts) {
    const size_t n = std::min(part.size(), all.size() - at);
    std::copy_n(part.data(), n, all.data() + at);
    at += n;
  }
  std::fill(all.begin() + static_cast<std::ptrdiff_t>(at), all.end(), 0);
}

void Collective::Sum(std::span<uint64_t> values) {
  if (size_ == 1 || transport_ == nullptr) return;
  const auto n = static_cast<size_t>(size_);
  const auto part = [&](size_t k) {
    const size_t begin = values.size() * k / n;
    return values.subspan(begin, values.size() * (k + 1) / n - begin);
  };
  const auto bytes = [](std::span<const uint64_t> of) {
    return std::string_view(reinterpret_cast<const char*>(of.data()), of.size_bytes());
  };
  // Each host adds up its part of the items, then all get all parts.
  std::vector<std::string_view> to(n);
  for (size_t k = 0; k < n; ++k) to[k] = bytes(part(k));
  const std::vector<std::string> from = Pass(kSum, to);
  if (!status_) return;
  const auto self = static_cast<size_t>(rank_);
  std::vector<uint64_t> sum(part(self).begin(), part(self).end());
  for (size_t k = 0; k < n; ++k) {
    if (k == self) continue;
    if (from[k].size() != sum.size() * sizeof(uint64_t)) {
      return Fail({Code::kInternal, "OutOfStep", "the hosts sum different numbers of items"});
    }
    for (size_t i = 0; i < sum.size(); ++i) {
      uint64_t x;
      std::memcpy(&x, from[k].data() + i * sizeof x, sizeof x);
      sum[i] += x;
    }
  }
  const std::vector<std::string> parts = GatherBytes(bytes(sum));
  if (!status_) return;
  for (size_t k = 0; k < n; ++k) {
    if (parts[k].size() != part(k).size_bytes()) {
      return Fail({Code::kInternal, "OutOfStep", "the hosts sum different numbers of items"});
    }
    std::memcpy(part(k).data(), parts[k].data(), parts[k].size());
  }
}

Status Collective::Agree(const Status& mine) {
  if (!status_) return status_;
  if (size_ == 1) return mine;
  const std::vector<std::string> all = GatherBytes(EncodeStatus(mine));
  if (!status_) return status_;
  for (size_t k = 0; k < all.size(); ++k) {
    if (all[k].empty()) continue;
    return k == static_cast<size_t>(rank_) ? mine : DecodeStatus(all[k], k);
  }
  return {};
}

}  // namespace clary::collective

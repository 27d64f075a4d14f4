#include "gbdt/shard.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

namespace clary::gbdt {
namespace {

using collective::Collective;

// Items one after another, each list with its length in front. What is read was written by the same
// program; lengths are checked all the same.
class Packer {
 public:
  template <typename T>
  void Add(std::span<const T> items) {
    const uint64_t n = items.size();
    bytes_.append(reinterpret_cast<const char*>(&n), sizeof n);
    bytes_.append(reinterpret_cast<const char*>(items.data()), items.size_bytes());
  }
  template <typename T>
  void Add(const std::vector<T>& items) {
    Add(std::span<const T>(items));
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  // Appends to `items`; nothing of what is cut short.
  template <typename T>
  void Next(std::vector<T>& items) {
    uint64_t n = 0;
    if (rest_.size() < sizeof n) return;
    std::memcpy(&n, rest_.data(), sizeof n);
    rest_.remove_prefix(sizeof n);
    n = std::min<uint64_t>(n, rest_.size() / sizeof(T));
    const size_t before = items.size();
    items.resize(before + n);
    std::memcpy(items.data() + before, rest_.data(), n * sizeof(T));
    rest_.remove_prefix(n * sizeof(T));
  }

 private:
  std::string_view rest_;
};

// Features [begin, end) of the rows [first, last).
std::string PackRows(const Dataset& data, size_t first, size_t last, uint32_t begin, uint32_t end) {
  Packer out;
  std::vector<float> values;
  std::vector<uint32_t> sizes;  // of rows
  std::vector<uint32_t> columns;
  if (data.is_sparse()) {
    const auto csr = data.csr();
    for (size_t r = first; r < last; ++r) {
      uint32_t n = 0;
      for (uint64_t k = csr.row_begin[r]; k < csr.row_begin[r + 1]; ++k) {
        if (csr.column[k] < begin || csr.column[k] >= end) continue;
        columns.push_back(csr.column[k] - begin);
        values.push_back(csr.value[k]);
        ++n;
      }
      sizes.push_back(n);
    }
  } else {
    const size_t width = data.columns();
    values.reserve((last - first) * (end - begin));
    for (size_t r = first; r < last; ++r) {
      const float* const row = data.dense().data() + r * width;
      for (size_t f = begin; f < end; ++f) {
        values.push_back(f < width ? row[f] : std::numeric_limits<float>::quiet_NaN());
      }
    }
  }
  out.Add(values);
  out.Add(sizes);
  out.Add(columns);
  return out.Take();
}

// The rows of some of PackRows's results, one behind the other.
Result<Dataset> UnpackRows(const std::vector<std::string>& parts, bool sparse, uint32_t columns,
                           RowFields fields) {
  std::vector<float> values;
  std::vector<uint32_t> sizes;
  std::vector<uint32_t> column;
  for (const std::string& part : parts) {
    Unpacker in(part);
    in.Next(values);
    in.Next(sizes);
    in.Next(column);
  }
  if (!sparse) {
    const size_t rows = columns == 0 ? 0 : values.size() / columns;
    return Dataset::FromDense(std::move(values), rows, columns, std::move(fields));
  }
  std::vector<uint64_t> begin = {0};
  for (const uint32_t n : sizes) begin.push_back(begin.back() + n);
  return Dataset::FromCsr(std::move(begin), std::move(column), std::move(values), columns,
                          std::move(fields));
}

// Calls `use` with each vector of numbers of a RowFields, in the order in which hosts tell of them.
template <typename Fields, typename Use>
void ForEachField(Fields& fields, const Use& use) {
  use(fields.label);
  use(fields.weight);
  use(fields.group_sizes);
  use(fields.label_lower);
  use(fields.label_upper);
  use(fields.base_margin);
}

// What a host has.
struct Summary {
  uint64_t rows = 0;
  uint64_t columns = 0;
  uint64_t sparse = 0;
  static constexpr size_t kFields = 6;
  std::array<uint64_t, kFields> field = {};  // items of each, in ForEachField's order
};
constexpr std::array<std::string_view, Summary::kFields> kFieldNames = {
    "labels", "weights", "queries", "lower bounds", "upper bounds", "base margins"};

Summary Summarise(const Dataset& data) {
  Summary out = {
      .rows = data.rows(), .columns = data.columns(), .sparse = data.is_sparse() ? 1U : 0U};
  size_t i = 0;
  ForEachField(data.fields(), [&](const auto& values) { out.field[i++] = values.size(); });
  return out;
}

std::unexpected<Error> DoNotFit(size_t a, size_t b, std::string_view why) {
  return Fail(Code::kInvalidArgument, "BadShape",
              "the rows of hosts " + std::to_string(a) + " and " + std::to_string(b) +
                  " do not fit together: " + std::string(why));
}

// What the hosts have together.
struct Together {
  std::vector<Summary> host;
  std::vector<size_t> first;  // [hosts + 1], of rows
  uint32_t columns = 0;
  bool sparse = false;
  size_t rows() const { return first.back(); }
};

Result<Together> Compare(const Dataset& given, Collective& hosts) {
  Together all;
  all.host = hosts.GatherEach(Summarise(given));
  CLARY_CHECK_OK(hosts.status());
  all.first.push_back(0);
  size_t known = SIZE_MAX;  // the first host with rows
  for (size_t k = 0; k < all.host.size(); ++k) {
    const Summary& h = all.host[k];
    all.first.push_back(all.first.back() + h.rows);
    if (h.rows == 0) continue;
    all.columns = std::max(all.columns, static_cast<uint32_t>(h.columns));
    if (known == SIZE_MAX) {
      known = k;
      all.sparse = h.sparse != 0;
      continue;
    }
    const Summary& other = all.host[known];
    if (h.sparse != other.sparse) return DoNotFit(known, k, "one has sparse rows, one dense ones");
    for (size_t i = 0; i < Summary::kFields; ++i) {
      const std::string name(kFieldNames[i]);
      if ((h.field[i] == 0) != (other.field[i] == 0)) {
        return DoNotFit(known, k, "only one has " + name);
      }
      const bool a_row = i != 1 && i != 2;
      if (a_row && h.field[i] * other.rows != other.field[i] * h.rows) {
        return DoNotFit(known, k, "they have different numbers of " + name + " a row");
      }
    }
  }
  return all;
}

// The fields of all rows; names and types of features come from the lowest host that has them.
Result<RowFields> GatherFields(const RowFields& f, Collective& hosts) {
  Packer out;
  ForEachField(f, [&](const auto& values) { out.Add(values); });
  for (const auto* texts : {&f.feature_names, &f.feature_types}) {
    std::vector<char> joined;
    for (const std::string& text : *texts) {
      joined.insert(joined.end(), text.begin(), text.end());
      joined.push_back('\0');
    }
    out.Add(joined);
  }
  const std::vector<std::string> parts = hosts.GatherBytes(out.Take());
  CLARY_CHECK_OK(hosts.status());
  RowFields all;
  for (size_t k = 0; k < parts.size(); ++k) {
    Unpacker in(parts[k]);
    ForEachField(all, [&](auto& values) { in.Next(values); });
    for (auto* texts : {&all.feature_names, &all.feature_types}) {
      std::vector<char> joined;
      in.Next(joined);
      std::vector<std::string> of_host;
      for (auto at = joined.begin(); at != joined.end();) {
        const auto end = std::find(at, joined.end(), '\0');
        of_host.emplace_back(at, end);
        at = end == joined.end() ? end : end + 1;
      }
      if (of_host.empty()) continue;
      if (texts->empty()) {
        *texts = std::move(of_host);
      } else if (*texts != of_host) {
        return DoNotFit(0, k,
                        texts == &all.feature_names ? "their features have other names"
                                                    : "their features have other types");
      }
    }
  }
  return all;
}

// The fields of rows [first, last) of `rows` that belong to single rows.
RowFields Slice(const RowFields& all, size_t rows, size_t first, size_t last) {
  RowFields out;
  const auto slice = [&](const std::vector<float>& from) {
    const size_t width = rows == 0 ? 0 : from.size() / rows;
    return std::vector<float>(from.begin() + static_cast<std::ptrdiff_t>(first * width),
                              from.begin() + static_cast<std::ptrdiff_t>(last * width));
  };
  out.label = slice(all.label);
  if (all.weight.size() == rows) out.weight = slice(all.weight);
  out.label_lower = slice(all.label_lower);
  out.label_upper = slice(all.label_upper);
  out.base_margin = slice(all.base_margin);
  out.feature_names = all.feature_names;
  out.feature_types = all.feature_types;
  return out;
}

uint32_t PartBegin(uint32_t columns, size_t k, size_t hosts) {
  return static_cast<uint32_t>(uint64_t{columns} * k / hosts);
}

}  // namespace

Result<SharedRows> ShareRows(const Dataset& given, Collective& hosts) {
  if (hosts.alone()) {
    return SharedRows{.mine = given,
                      .whole = given,
                      .shard = {.hosts = &hosts, .first = 0, .rows = given.rows()}};
  }
  CLARY_TRY(const Together all, Compare(given, hosts));
  CLARY_TRY(RowFields fields, GatherFields(given.fields(), hosts));
  const size_t n = all.host.size();
  const auto self = static_cast<size_t>(hosts.rank());
  // Hosts begin at the nearest block.
  std::vector<size_t> begin(n + 1, 0);
  for (size_t k = 1; k < n; ++k) {
    begin[k] = std::min((all.first[k] + kSumBlock / 2) / kSumBlock * kSumBlock,
                        all.rows() / kSumBlock * kSumBlock);
  }
  begin[n] = all.rows();
  std::vector<std::string> to(n);
  for (size_t k = 0; k < n; ++k) {
    const size_t from = std::clamp(begin[k], all.first[self], all.first[self + 1]);
    const size_t end = std::clamp(begin[k + 1], all.first[self], all.first[self + 1]);
    if (from < end) {
      to[k] = PackRows(given, from - all.first[self], end - all.first[self], 0, all.columns);
    }
  }
  const std::vector<std::string> got = hosts.Exchange(to);
  CLARY_CHECK_OK(hosts.status());
  RowFields own = Slice(fields, all.rows(), begin[self], begin[self + 1]);
  fields.feature_names.clear();
  fields.feature_types.clear();
  // What one host finds wrong, all hear of.
  auto mine = UnpackRows(got, all.sparse, all.columns, std::move(own));
  auto whole = Dataset::FromDense({}, all.rows(), 0, std::move(fields));
  CLARY_CHECK_OK(hosts.Agree(!mine    ? Status(std::unexpected(mine.error()))
                             : !whole ? Status(std::unexpected(whole.error()))
                                      : Status()));
  return SharedRows{.mine = *std::move(mine),
                    .whole = *std::move(whole),
                    .shard = {.hosts = &hosts,
                              .first = begin[self],
                              .rows = all.rows(),
                              .own = begin[self + 1] - begin[self]}};
}

Result<Dataset> GatherRows(const Dataset& given, Collective& hosts) {
  if (hosts.alone()) return given;
  CLARY_TRY(const Together all, Compare(given, hosts));
  CLARY_TRY(RowFields fields, GatherFields(given.fields(), hosts));
  const std::vector<std::string> got =
      hosts.GatherBytes(PackRows(given, 0, given.rows(), 0, all.columns));
  CLARY_CHECK_OK(hosts.status());
  return UnpackRows(got, all.sparse, all.columns, std::move(fields));
}

SharedCuts::SharedCuts(const Dataset& data, const Shard& shard)
    : mine_(data), shard_(shard), columns_(data) {
  if (shard.alone()) return;
  Collective& hosts = *shard.hosts;
  const auto n = static_cast<size_t>(hosts.size());
  const uint32_t columns = data.columns();
  std::vector<std::string> to;
  for (size_t k = 0; k < n; ++k) {
    to.push_back(
        PackRows(data, 0, data.rows(), PartBegin(columns, k, n), PartBegin(columns, k + 1, n)));
  }
  const std::vector<std::string> got = hosts.Exchange(to);
  const auto self = static_cast<size_t>(hosts.rank());
  const uint32_t begin = PartBegin(columns, self, n);
  const uint32_t own = PartBegin(columns, self + 1, n) - begin;
  RowFields fields;
  const auto& types = data.fields().feature_types;
  if (!types.empty())
    fields.feature_types.assign(types.begin() + begin, types.begin() + begin + own);
  if (auto all = UnpackRows(got, data.is_sparse(), own, std::move(fields))) {
    columns_ = *std::move(all);
  }
}

Cuts SharedCuts::Find(std::span<const float> weights, int max_bin, ThreadPool& pool) const {
  if (shard_.alone()) return ComputeCuts(mine_, weights, max_bin, pool);
  Collective& hosts = *shard_.hosts;
  uint64_t weighted = 0;
  for (const uint64_t n : hosts.GatherEach(uint64_t{weights.size()})) weighted += n;
  std::vector<float> all_weights;
  if (weighted > 0) all_weights = hosts.Gather(weights, shard_.rows);
  Packer out;
  const bool some = columns_.columns() > 0 && columns_.rows() == shard_.rows;
  if (some) {
    const Cuts own = ComputeCuts(columns_, all_weights, max_bin, pool);
    out.Add(own.begin);
    out.Add(own.value);
    out.Add(own.min_value);
    out.Add(own.has_missing);
    out.Add(own.categorical);
    out.Add(own.present_share);
  }
  const std::vector<std::string> parts = hosts.GatherBytes(out.Take());
  Cuts cuts;
  cuts.begin = {0};
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    Unpacker in(part);
    std::vector<uint32_t> begin;
    std::vector<uint8_t> categorical;
    const auto before = static_cast<uint32_t>(cuts.value.size());
    in.Next(begin);
    in.Next(cuts.value);
    in.Next(cuts.min_value);
    in.Next(cuts.has_missing);
    in.Next(categorical);
    in.Next(cuts.present_share);
    for (size_t f = 1; f < begin.size(); ++f) cuts.begin.push_back(before + begin[f]);
    if (!categorical.empty()) {
      cuts.categorical.resize(cuts.begin.size() - begin.size(), 0);
      cuts.categorical.insert(cuts.categorical.end(), categorical.begin(), categorical.end());
    }
  }
  if (!cuts.categorical.empty()) cuts.categorical.resize(cuts.features(), 0);
  if (cuts.features() == mine_.columns()) return cuts;
  // The hosts have failed: anything that fits.
  if (mine_.rows() > 0) return ComputeCuts(mine_, {}, max_bin, pool);
  cuts = {};
  for (uint32_t f = 0; f <= mine_.columns(); ++f) cuts.begin.push_back(f);
  cuts.value.resize(mine_.columns(), 1);
  cuts.min_value.resize(mine_.columns(), 0);
  cuts.has_missing.resize(mine_.columns(), 1);
  cuts.present_share.resize(mine_.columns(), 1);
  return cuts;
}

}  // namespace clary::gbdt

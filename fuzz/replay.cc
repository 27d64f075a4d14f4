// main() for fuzz targets in a build without libFuzzer: replays every seed of the directory given,
// then mutations of them by a fixed-seed generator for about a second. A crash prints the input.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::string Mutate(std::string s, const std::vector<std::string>& seeds, std::mt19937_64& rng) {
  const auto below = [&](size_t n) { return static_cast<size_t>(rng() % n); };
  for (size_t edits = 1 + below(4); edits > 0; --edits) {
    const size_t at = s.empty() ? 0 : below(s.size());
    switch (below(6)) {
      case 0:
        if (!s.empty()) s[at] = static_cast<char>(s[at] ^ (1 << below(8)));
        break;
      case 1:
        s.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 2:
        if (!s.empty()) s.erase(at, 1 + below(8));
        break;
      case 3:
        if (!s.empty()) s.insert(at, s.substr(below(s.size()), below(32)));
        break;
      case 4:
        if (!s.empty()) s.resize(at);
        break;
      default: {
        const std::string& other = seeds[below(seeds.size())];
        if (!other.empty()) s.replace(at, below(16), other.substr(below(other.size()), below(64)));
      }
    }
  }
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> seeds = {""};
  std::error_code ec;
  if (argc > 1) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[1], ec)) {
      std::ifstream in(entry.path(), std::ios::binary);
      seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
  }
  if (seeds.size() == 1) {
    std::fprintf(stderr, "no seeds: usage: %s SEED_DIRECTORY\n", argv[0]);
    return 1;
  }
  for (const std::string& seed : seeds) Run(seed);
  std::mt19937_64 rng(20261123);
  uint64_t runs = seeds.size();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < end) {
    Run(Mutate(seeds[rng() % seeds.size()], seeds, rng));
    ++runs;
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(runs));
}

// How fast the readers are from page cache: data_bench [directory] [rows]
//
// Writes its files below the directory if they are not there, then prints the median of several
// runs for one and for all threads. Compare bench/data_bench.py, the same files through XGBoost.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "data/read.h"

namespace {

namespace fs = std::filesystem;
using clary::data::ContentType;

enum class Style { kShortest, kScientific, kSixDigits };

void Number(Style style, float x, std::string& out) {
  char text[48];
  char* end = text;
  switch (style) {
    case Style::kShortest:
      end = std::to_chars(text, text + sizeof text, x).ptr;
      break;
    case Style::kScientific:  // as the HIGGS file is written
      end += std::snprintf(text, sizeof text, "%.18e", static_cast<double>(x));
      break;
    case Style::kSixDigits:
      end += std::snprintf(text, sizeof text, "%.6f", static_cast<double>(x));
      break;
  }
  out.append(text, end);
}

void WriteOnce(const fs::path& path, size_t rows, size_t cols, Style style, bool libsvm) {
  if (fs::exists(path)) return;
  std::mt19937_64 rng(1);
  std::normal_distribution<float> normal;
  std::ofstream file(path.string() + ".tmp", std::ios::binary);
  std::string line;
  for (size_t r = 0; r < rows; ++r) {
    line = std::to_string(rng() % 2);
    for (size_t c = 0; c < cols; ++c) {
      if (libsvm) {
        if (rng() % 10 < 7) continue;
        line += ' ';
        line += std::to_string(c);
        line += ':';
      } else {
        line += ',';
      }
      Number(style, normal(rng), line);
    }
    line += '\n';
    file << line;
  }
  file.close();
  fs::rename(path.string() + ".tmp", path);
}

void Run(const fs::path& path, ContentType type) {
  const double megabytes = static_cast<double>(fs::file_size(path)) / 1e6;
  std::vector<int> threads = {1};
  if (const auto cores = static_cast<int>(std::thread::hardware_concurrency()); cores > 1) {
    threads.push_back(cores);
  }
  for (const int t : threads) {
    std::vector<double> seconds;
    std::vector<double> cpu;  // what a busy machine distorts least
    for (int i = 0; i < 7; ++i) {
      const std::clock_t cpu_begin = std::clock();
      const auto begin = std::chrono::steady_clock::now();
      const auto m = clary::data::ReadFiles({path}, {.type = type, .threads = t});
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      if (!m) {
        std::fprintf(stderr, "%s\n", m.error().message.c_str());
        std::exit(1);
      }
      seconds.push_back(took.count());
      cpu.push_back(static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC);
    }
    std::sort(seconds.begin(), seconds.end());
    std::sort(cpu.begin(), cpu.end());
    std::printf("%-24s %7.1f MB  %d thread%s  %.3f s (best %.3f)  %.2f GB/s, %.2f a CPU second\n",
                path.filename().c_str(), megabytes, t, t == 1 ? " " : "s", seconds[3], seconds[0],
                megabytes / 1e3 / seconds[3], megabytes / 1e3 / cpu[3]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const fs::path dir = argc > 1 ? argv[1] : fs::temp_directory_path() / "clary-data-bench";
  const size_t rows = argc > 2 ? std::stoul(argv[2]) : 1000000;
  fs::create_directories(dir);
  const fs::path shortest = dir / "shortest.csv";
  const fs::path scientific = dir / "scientific.csv";
  const fs::path fixed = dir / "fixed.csv";
  const fs::path sparse = dir / "sparse.libsvm";
  WriteOnce(shortest, rows, 28, Style::kShortest, false);
  WriteOnce(scientific, rows / 3, 28, Style::kScientific, false);
  WriteOnce(fixed, rows, 28, Style::kSixDigits, false);
  WriteOnce(sparse, rows / 3, 100, Style::kShortest, true);
  for (const fs::path& path : {shortest, fixed, scientific}) Run(path, ContentType::kCsv);
  Run(sparse, ContentType::kLibsvm);
}

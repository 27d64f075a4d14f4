#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "tuning/gp.h"
#include "tuning/internal/candidates.h"
#include "tuning/internal/minimise.h"
#include "tuning/internal/parzen.h"
#include "tuning/sobol.h"
#include "tuning/strategy.h"

namespace clary::tuning {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr size_t kMinStart = 8;   // Sobol points and given ones before the model
constexpr size_t kWarpNeeds = 4;  // observations a dimension
constexpr size_t kMaxObservations = 300;
constexpr size_t kFewObservations = 150;  // with more, hyperparameters are fitted anew only
constexpr int kWarmEvaluations = 15, kColdEvaluations = 50;
constexpr int kManyEvaluations = 10;      // as warm, where there are many observations:
constexpr size_t kManyObservations = 60;  // those of the past hardly change what is known
constexpr size_t kColdObservations = 40;  // of which hyperparameters are found anew
constexpr size_t kFantasies = 8, kFantasyObservations = 100;
constexpr size_t kSobolCandidates = 1024, kLocalCandidates = 32, kLocalCentres = 5, kRefined = 8;
constexpr int kRefineEvaluations = 15;
constexpr size_t kStagnation = 16, kSobolEvery = 8;

VectorXd Vector(const std::vector<double>& v) {
  return Eigen::Map<const VectorXd>(v.data(), static_cast<Index>(v.size()));
}

bool HasValue(const Trial& t) { return !t.failed && t.value && std::isfinite(*t.value); }

// The logarithm of the expected improvement, averaged over fantasies of what is pending.
class Acquisition {
 public:
  Acquisition(const Gp& observed, const MatrixXd& pending, const VectorXd& values, uint64_t seed)
      : gp_(pending.rows() > 0 ? observed.Extended(pending, VectorXd::Zero(pending.rows()))
                               : observed) {
    best_ = std::numeric_limits<double>::infinity();
    const Index n = values.size(), m = pending.rows();
    const bool many = static_cast<size_t>(n) <= kFantasyObservations && m > 0;
    MatrixXd all(n + m, many ? static_cast<Index>(kFantasies) : 1);
    all.topRows(n) = values.replicate(1, all.cols());
    if (m > 0) {
      VectorXd mean;
      MatrixXd covariance;
      observed.Joint(pending, &mean, &covariance);
      covariance.diagonal().array() += 1e-9;
      const MatrixXd root = Eigen::LLT<MatrixXd>(covariance).matrixL();
      std::mt19937_64 random(seed);
      std::normal_distribution<double> normal;
      for (Index f = 0; f < all.cols(); ++f) {
        VectorXd z = VectorXd::Zero(m);
        if (many) {
          for (Index i = 0; i < m; ++i) z[i] = normal(random);
        }
        all.col(f).tail(m) = mean + root * z;
      }
    }
    solved_ = gp_.Solve(all);
  }

  // What is to be improved on: the smallest mean at a point that was evaluated, since values are
  // noisy.
  void SetBest(const Gp& observed, const MatrixXd& points) {
    best_ = std::min(best_, observed.PredictAll(points).means.minCoeff());
  }

  // By point, a row each.
  std::vector<double> All(const MatrixXd& points) const {
    const Gp::Predictions p = gp_.PredictAll(points, solved_);
    std::vector<double> out;
    VectorXd each(p.means.rows());
    for (Index i = 0; i < points.rows(); ++i) {
      const double deviation = std::sqrt(p.variances[i]);
      for (Index f = 0; f < each.size(); ++f) {
        each[f] = LogExpectedImprovementOnly(p.means(f, i), deviation, best_);
      }
      const double largest = each.maxCoeff();
      out.push_back(largest + std::log((each.array() - largest).exp().mean()));
    }
    return out;
  }

  double operator()(const VectorXd& point, VectorXd* gradient = nullptr) const {
    const auto p = gp_.Predict(point, solved_, gradient != nullptr);
    const double deviation = std::sqrt(p.variance);
    const Index fantasies = p.means.size();
    std::vector<LogImprovement> each;
    double largest = -std::numeric_limits<double>::infinity();
    for (Index f = 0; f < fantasies; ++f) {
      each.push_back(LogExpectedImprovement(p.means[f], deviation, best_));
      largest = std::max(largest, each.back().value);
    }
    double sum = 0;
    for (const LogImprovement& e : each) sum += std::exp(e.value - largest);
    if (gradient != nullptr) {
      gradient->setZero(point.size());
      for (Index f = 0; f < fantasies; ++f) {
        const LogImprovement& e = each[static_cast<size_t>(f)];
        const double share = std::exp(e.value - largest) / sum;
        *gradient += share * (e.by_mean * p.mean_gradients.col(f) +
                              e.by_deviation / (2 * deviation) * p.variance_gradient);
      }
    }
    return largest + std::log(sum / static_cast<double>(fantasies));
  }

 private:
  Gp gp_;
  MatrixXd solved_;
  double best_;
};

class Bayesian : public Strategy {
 public:
  Bayesian(Space space, BayesianOptions options)
      : space_(std::move(space)), options_(std::move(options)) {}

  std::optional<Config> Suggest(std::span<const Trial> trials) override {
    const std::set<Config> taken = Taken(trials);
    if (trials.size() < options_.start.size()) {
      for (const Config& config : options_.start) {
        if (InSpace(config) && !taken.contains(config)) return config;
      }
    }
    std::vector<const Trial*> ended;
    for (const Trial& t : trials) {
      if (HasValue(t)) ended.push_back(&t);
    }
    if (trials.size() < StartTrials() || !Informative(ended) || Stagnates(trials, ended)) {
      return Sobol(trials, taken);
    }
    if (UsesParzen(ended.size())) {
      auto config =
          SuggestByParzen(space_, trials, taken, Mix(options_.seed, 1000 + trials.size()));
      return config ? config : Sobol(trials, taken);
    }
    return Model(trials, Kept(ended), taken);
  }

 private:
  size_t StartTrials() const {
    size_t n = std::max(kMinStart, space_.size() + 2);
    if (options_.budget > 0) n = std::min(n, options_.budget / 4);
    return std::max(n, options_.start.size());
  }

  bool UsesParzen(size_t ended) const {
    if (options_.engine != Engine::kAuto) return options_.engine == Engine::kParzen;
    const auto categories =
        std::ranges::count(space_.parameters(), Parameter::Type::kCategorical, &Parameter::type);
    return 2 * static_cast<size_t>(categories) > space_.size() || ended > kMaxObservations;
  }

  bool InSpace(const Config& config) const {
    return config.size() == space_.size() && space_.Decode(space_.Encode(config)) == config;
  }

  static bool Informative(const std::vector<const Trial*>& ended) {
    return ended.size() >= 3 && std::ranges::any_of(ended, [&](const Trial* t) {
             return *t->value != *ended.front()->value;
           });
  }

  // Nothing better for a while, and it is time to distrust the model.
  static bool Stagnates(std::span<const Trial> trials, const std::vector<const Trial*>& ended) {
    if (trials.size() % kSobolEvery != 0 || ended.size() <= kStagnation) return false;
    const auto best = std::ranges::min_element(ended, {}, [](const Trial* t) { return *t->value; });
    return static_cast<size_t>(ended.end() - best) > kStagnation;
  }

  std::optional<Config> Sobol(std::span<const Trial> trials, const std::set<Config>& taken) const {
    return FirstFresh(space_, taken, [&](size_t attempt) {
      return space_.Decode(SobolPoint(space_.size(), options_.seed, trials.size() + attempt));
    });
  }

  // All of them, or the best quarter and the newest.
  static std::vector<const Trial*> Kept(std::vector<const Trial*> ended) {
    if (ended.size() <= kMaxObservations) return ended;
    std::vector<const Trial*> by_value = ended;
    std::ranges::stable_sort(by_value, {}, [](const Trial* t) { return *t->value; });
    by_value.resize(kMaxObservations / 4);
    const std::set<const Trial*> best(by_value.begin(), by_value.end());
    std::vector<const Trial*> kept;
    for (auto it = ended.rbegin(); it != ended.rend(); ++it) {
      if (best.contains(*it)) continue;
      if (kept.size() == kMaxObservations - best.size()) break;
      kept.push_back(*it);
    }
    kept.insert(kept.end(), best.begin(), best.end());
    std::ranges::sort(kept);  // the trials' own order: they lie in one array
    return kept;
  }

  MatrixXd Points(const std::vector<const Trial*>& trials) const {
    MatrixXd points(static_cast<Index>(trials.size()), static_cast<Index>(space_.size()));
    for (size_t i = 0; i < trials.size(); ++i) {
      points.row(static_cast<Index>(i)) = Vector(space_.Encode(trials[i]->config)).transpose();
    }
    return points;
  }

  // A fit starts at the last one's end, but anew in each ten trials (kSuggestionsRemembered): then
  // with some of the observations, the best and the newest.
  void Fit(Gp& gp, size_t trials, const MatrixXd& points, const std::vector<double>& values) {
    const size_t observations = values.size();
    const int warm = observations > kManyObservations ? kManyEvaluations : kWarmEvaluations;
    const bool anew = !fitted_ || trials / kSuggestionsRemembered != fitted_trials_;
    fitted_trials_ = trials / kSuggestionsRemembered;
    if (anew && observations > kColdObservations) {
      Gp part = Part(points, values);
      FitAnew(part, trials);
      gp.Fit(part.hyperparameters(), warm);
    } else if (anew) {
      FitAnew(gp, trials);
    } else if (observations > kFewObservations) {
      gp.Set(*fitted_);
    } else {
      gp.Fit(*fitted_, warm);
    }
    fitted_ = gp.hyperparameters();
  }

  Gp Part(const MatrixXd& points, const std::vector<double>& values) const {
    const size_t n = values.size();
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t i) { return values[i]; });
    std::set<size_t> kept(order.begin(), order.begin() + kColdObservations / 2);
    for (size_t i = n; kept.size() < kColdObservations; --i) kept.insert(i - 1);
    MatrixXd some(static_cast<Index>(kept.size()), points.cols());
    std::vector<double> their;
    for (const size_t i : kept) {
      some.row(static_cast<Index>(their.size())) = points.row(static_cast<Index>(i));
      their.push_back(values[i]);
    }
    return Gp(space_, some, HalfRank(their), n >= kWarpNeeds * space_.size());
  }

  void FitAnew(Gp& gp, size_t trials) const {
    gp.Fit(GpHyperparameters::Initial(space_.size()), kColdEvaluations);
    // That optimum may be a poor one.
    const GpHyperparameters first = gp.hyperparameters();
    const double loss = gp.Loss(first, nullptr);
    GpHyperparameters other = GpHyperparameters::Initial(space_.size());
    const auto shift =
        SobolPoint(space_.size() + 1, Mix(options_.seed, 77), trials / kSuggestionsRemembered);
    for (size_t j = 0; j < space_.size(); ++j) {
      other.log_length[static_cast<Index>(j)] += 2 * shift[j] - 1;
    }
    other.log_noise += 4 * shift.back() - 2;
    gp.Fit(other, kColdEvaluations);
    if (gp.Loss(gp.hyperparameters(), nullptr) >= loss) gp.Set(first);
  }

  std::optional<Config> Model(std::span<const Trial> trials, const std::vector<const Trial*>& ended,
                              const std::set<Config>& taken) {
    const MatrixXd points = Points(ended);
    std::vector<double> raw;
    for (const Trial* t : ended) raw.push_back(*t->value);
    const VectorXd values = HalfRank(raw);
    Gp gp(space_, points, values, ended.size() >= kWarpNeeds * space_.size());
    Fit(gp, trials.size(), points, raw);
    std::vector<const Trial*> pending;
    for (const Trial& t : trials) {
      if (!t.failed && !t.value) pending.push_back(&t);
    }
    const uint64_t seed = Mix(options_.seed, 1000 + trials.size());
    Acquisition improvement(gp, Points(pending), values, seed);
    improvement.SetBest(gp, points);

    struct Candidate {
      Config config;
      double score = 0;
    };
    std::vector<Candidate> candidates;
    const auto add = [&](const std::vector<double>& point) {
      candidates.push_back({.config = space_.Decode(point)});
    };
    for (const auto& point : SobolPoints(space_.size(), seed, 0, kSobolCandidates)) add(point);
    for (const auto& point : NearTheBest(ended, gp.hyperparameters(), seed)) add(point);
    MatrixXd all(static_cast<Index>(candidates.size()), static_cast<Index>(space_.size()));
    for (size_t i = 0; i < candidates.size(); ++i) {
      all.row(static_cast<Index>(i)) = Vector(space_.Encode(candidates[i].config)).transpose();
    }
    const std::vector<double> scores = improvement.All(all);
    for (size_t i = 0; i < candidates.size(); ++i) candidates[i].score = scores[i];
    const auto better = [](const Candidate& a, const Candidate& b) {
      return a.score != b.score ? a.score > b.score : a.config < b.config;
    };
    std::ranges::sort(candidates, better);
    const size_t refined = std::min(kRefined, candidates.size());
    for (size_t i = 0; i < refined; ++i) {
      Config config = Climb(improvement, candidates[i].config);
      const double score = improvement(Vector(space_.Encode(config)));
      candidates.push_back({.config = std::move(config), .score = score});
    }
    std::ranges::sort(candidates, better);
    for (Candidate& c : candidates) {
      if (!taken.contains(c.config)) return std::move(c.config);
    }
    return Sobol(trials, taken);
  }

  std::vector<std::vector<double>> NearTheBest(std::vector<const Trial*> ended,
                                               const GpHyperparameters& at, uint64_t seed) const {
    std::ranges::stable_sort(ended, {}, [](const Trial* t) { return *t->value; });
    ended.resize(std::min(ended.size(), kLocalCentres));
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    std::vector<std::vector<double>> out;
    for (const Trial* t : ended) {
      const auto centre = space_.Encode(t->config);
      for (size_t i = 0; i < kLocalCandidates; ++i) {
        auto& point = out.emplace_back(centre);
        for (size_t j = 0; j < point.size(); ++j) {
          const double length = std::exp(at.log_length[static_cast<Index>(j)]);
          point[j] += std::clamp(0.1 * length, 0.02, 0.2) * normal(random);
        }
      }
    }
    return out;
  }

  // Uphill from `config`: along the gradient over ranges and integers taken as ranges, then
  // integers and categories one step at a time.
  Config Climb(const Acquisition& improvement, const Config& config) const {
    const VectorXd start = Vector(space_.Encode(config));
    VectorXd low = VectorXd::Zero(start.size()), high = VectorXd::Ones(start.size());
    for (size_t j = 0; j < space_.size(); ++j) {
      if (space_.parameters()[j].type != Parameter::Type::kCategorical) continue;
      const auto c = static_cast<Index>(j);
      low[c] = high[c] = start[c];
    }
    const VectorXd top = Minimise(
        [&](const VectorXd& x, VectorXd* gradient) {
          const double value = -improvement(x, gradient);
          if (gradient != nullptr) *gradient = -*gradient;
          return value;
        },
        start, low, high, kRefineEvaluations);
    Config best = space_.Decode(std::span(top.data(), static_cast<size_t>(top.size())));
    double score = improvement(Vector(space_.Encode(best)));
    for (size_t j = 0; j < space_.size(); ++j) {
      const Parameter& p = space_.parameters()[j];
      std::vector<double> moves;
      if (p.type == Parameter::Type::kInteger) {
        for (const double step : {-2.0, -1.0, 1.0, 2.0}) {
          if (best[j] + step >= p.min && best[j] + step <= p.max) moves.push_back(best[j] + step);
        }
      } else if (p.type == Parameter::Type::kCategorical) {
        for (size_t v = 0; v < p.values.size(); ++v) moves.push_back(static_cast<double>(v));
      }
      for (const double move : moves) {
        Config other = best;
        other[j] = move;
        const double s = improvement(Vector(space_.Encode(other)));
        if (s <= score) continue;
        score = s;
        best = std::move(other);
      }
    }
    return best;
  }

  Space space_;
  BayesianOptions options_;
  std::optional<GpHyperparameters> fitted_;  // the last, where the next fit starts
  size_t fitted_trials_ = 0;                 // how many tens of trials there were then
};

}  // namespace

std::unique_ptr<Strategy> MakeBayesian(Space space, BayesianOptions options) {
  return std::make_unique<Bayesian>(std::move(space), std::move(options));
}

}  // namespace clary::tuning

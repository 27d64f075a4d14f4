#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>
#include <random>
#include <utility>

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
constexpr size_t kParentObservations = 150, kStartWithParents = 4;
constexpr Index kRankObservations = 60, kRankDraws = 128;
constexpr double kLeastOwn = 0.1;  // weight of the search's own process among its parents'
constexpr double kClearly = 0.02;  // better, as a share of the better half's spread

VectorXd Vector(const std::vector<double>& v) {
  return Eigen::Map<const VectorXd>(v.data(), static_cast<Index>(v.size()));
}

// A value of the objective, and where it is.
struct Observation {
  const Config* config;
  double value;
  double deviation = 0;  // of its own error
};

// Values as a process takes them, and the variances of their errors.
struct Warped {
  VectorXd values, known;

  explicit Warped(const std::vector<Observation>& all) : known(static_cast<Index>(all.size())) {
    std::vector<double> raw;
    for (const Observation& o : all) raw.push_back(o.value);
    double scale = 1;
    values = HalfRank(raw, &scale);
    for (size_t i = 0; i < all.size(); ++i) {
      known[static_cast<Index>(i)] = std::pow(all[i].deviation * scale, 2);
    }
  }
};

bool HasValue(const Trial& t) { return !t.failed && t.value && std::isfinite(*t.value); }

// Processes of other searches beside the one of this, and how much each counts in the sum.
struct Ensemble {
  double own = 1;
  std::vector<std::pair<const Gp*, double>> others = {};
};

// The logarithm of the expected improvement, averaged over fantasies of what is pending.
class Acquisition {
 public:
  Acquisition(const Gp& observed, const MatrixXd& pending, const VectorXd& values, uint64_t seed,
              Ensemble ensemble)
      : ensemble_(std::move(ensemble)),
        gp_(pending.rows() > 0 ? observed.Extended(pending, VectorXd::Zero(pending.rows()))
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
    MatrixXd means = ensemble_.own * observed.PredictAll(points).means;
    for (const auto& [gp, weight] : ensemble_.others)
      means += weight * gp->PredictAll(points).means;
    best_ = std::min(best_, means.minCoeff());
  }

  // By point, a row each.
  std::vector<double> All(const MatrixXd& points) const {
    Gp::Predictions p = gp_.PredictAll(points, solved_);
    if (!ensemble_.others.empty()) {
      p.means *= ensemble_.own;
      p.variances *= ensemble_.own * ensemble_.own;
      for (const auto& [gp, weight] : ensemble_.others) {
        const Gp::Predictions theirs = gp->PredictAll(points);
        p.means += (weight * theirs.means).replicate(p.means.rows(), 1);
        p.variances += weight * weight * theirs.variances;
      }
    }
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
    const auto p = Predict(point, gradient != nullptr);
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
  Gp::Prediction Predict(const VectorXd& point, bool gradients) const {
    Gp::Prediction p = gp_.Predict(point, solved_, gradients);
    if (ensemble_.others.empty()) return p;
    p.means *= ensemble_.own;
    p.variance *= ensemble_.own * ensemble_.own;
    if (gradients) {
      p.mean_gradients *= ensemble_.own;
      p.variance_gradient *= ensemble_.own * ensemble_.own;
    }
    for (const auto& [gp, weight] : ensemble_.others) {
      const Gp::Prediction theirs = gp->Predict(point, gradients);
      p.means.array() += weight * theirs.means[0];
      p.variance += weight * weight * theirs.variance;
      if (!gradients) continue;
      p.mean_gradients.colwise() += weight * theirs.mean_gradients.col(0);
      p.variance_gradient += weight * weight * theirs.variance_gradient;
    }
    return p;
  }

  Ensemble ensemble_;
  Gp gp_;
  MatrixXd solved_;
  double best_;
};

// How many pairs of `values` a model ranks the wrong way round, of each of several draws (columns)
// of the model's values at the same points. `against`: a draw's value is compared with the other
// point's own (of a prediction that has left the point out), else with its draw.
std::vector<double> Misranked(const MatrixXd& draws, const VectorXd& values, bool against) {
  std::vector<double> out;
  for (Index s = 0; s < draws.cols(); ++s) {
    double wrong = 0;
    for (Index i = 0; i < values.size(); ++i) {
      for (Index j = 0; j < values.size(); ++j) {
        const double other = against ? values[j] : draws(j, s);
        wrong += (draws(i, s) < other) != (values[i] < values[j]) ? 1 : 0;
      }
    }
    out.push_back(wrong);
  }
  return out;
}

class Bayesian : public Strategy {
 public:
  Bayesian(Space space, BayesianOptions options)
      : space_(std::move(space)),
        options_(std::move(options)),
        has_parents_(!options_.parents.empty()) {}

  std::optional<Suggestion> Suggest(std::span<const Trial> trials) override {
    const std::set<Config> taken = Taken(trials);
    if (trials.size() < options_.start.size()) {
      for (const Suggestion& one : options_.start) {
        const auto config = space_.Snap(one.config);
        if (config && !taken.contains(*config)) return Suggestion{*config, one.origin};
      }
    }
    std::vector<const Trial*> ended;
    for (const Trial& t : trials) {
      if (HasValue(t)) ended.push_back(&t);
    }
    if (auto passed = BestPassed(ended, trials.size(), taken)) return passed;
    if (trials.size() < StartTrials() || !Informative(ended) || Stagnates(trials, ended)) {
      return Sobol(trials, taken);
    }
    if (UsesParzen(ended.size())) {
      auto config =
          SuggestByParzen(space_, trials, taken, Mix(options_.seed, 1000 + trials.size()));
      if (config) return Suggestion{*std::move(config), "density"};
      return Sobol(trials, taken);
    }
    return Model(trials, Kept(Observations(ended, taken)), taken);
  }

 private:
  size_t StartTrials() const {
    size_t n = std::max(kMinStart, space_.size() + 2);
    if (options_.budget > 0) n = std::min(n, options_.budget / 4);
    if (has_parents_) n = std::min(n, kStartWithParents);
    return std::max(n, options_.start.size());
  }

  bool UsesParzen(size_t ended) const {
    if (options_.engine != Engine::kAuto) return options_.engine == Engine::kParzen;
    const auto categories =
        std::ranges::count(space_.parameters(), Parameter::Type::kCategorical, &Parameter::type);
    return 2 * static_cast<size_t>(categories) > space_.size() || ended > kMaxObservations;
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

  std::optional<Suggestion> Sobol(std::span<const Trial> trials,
                                  const std::set<Config>& taken) const {
    return SobolSuggestion(FirstFresh(space_, taken, [&](size_t attempt) {
      return space_.Decode(SobolPoint(space_.size(), options_.seed, trials.size() + attempt));
    }));
  }

  // What a trial has passed, if it is clearly better than all that was tried, or at all and this is
  // the last trial.
  std::optional<Suggestion> BestPassed(const std::vector<const Trial*>& ended, size_t number,
                                       const std::set<Config>& taken) const {
    std::vector<double> values;
    const Trial::Passed* best = nullptr;
    for (const Trial* t : ended) {
      values.push_back(*t->value);
      const auto& passed = t->passed;
      if (!passed || taken.contains(passed->config) || !space_.Snap(passed->config)) continue;
      if (best == nullptr || passed->value < best->value) best = &*passed;
    }
    if (best == nullptr) return std::nullopt;
    std::ranges::sort(values);
    const double spread = values[values.size() / 2] - values.front();
    const bool last = options_.budget > 0 && number + 1 >= options_.budget;
    if (best->value >= values.front() - (last ? 0 : kClearly * spread)) return std::nullopt;
    return Suggestion{best->config, "rounds"};
  }

  // The trials' values, and what they have passed.
  static std::vector<Observation> Observations(const std::vector<const Trial*>& ended,
                                               const std::set<Config>& taken) {
    std::vector<Observation> out;
    for (const Trial* t : ended) {
      if (t->passed && !taken.contains(t->passed->config)) {
        out.push_back({.config = &t->passed->config, .value = t->passed->value});
      }
      out.push_back({.config = &t->config, .value = *t->value, .deviation = t->deviation});
    }
    return out;
  }

  // All of them, or the best quarter and the newest, in their order.
  static std::vector<Observation> Kept(const std::vector<Observation>& all) {
    if (all.size() <= kMaxObservations) return all;
    std::vector<size_t> by_value(all.size());
    std::iota(by_value.begin(), by_value.end(), size_t{0});
    std::ranges::stable_sort(by_value, {}, [&](size_t i) { return all[i].value; });
    std::set<size_t> kept(by_value.begin(), by_value.begin() + kMaxObservations / 4);
    for (size_t i = all.size(); kept.size() < kMaxObservations; --i) kept.insert(i - 1);
    std::vector<Observation> out;
    for (const size_t i : kept) out.push_back(all[i]);
    return out;
  }

  MatrixXd Points(const std::vector<Observation>& all) const {
    MatrixXd points(static_cast<Index>(all.size()), static_cast<Index>(space_.size()));
    for (size_t i = 0; i < all.size(); ++i) {
      points.row(static_cast<Index>(i)) = Vector(space_.Encode(*all[i].config)).transpose();
    }
    return points;
  }

  // A fit starts at the last one's end, but anew in each ten trials (kSuggestionsRemembered): then
  // with some of the observations, the best and the newest.
  void Fit(Gp& gp, size_t trials, const std::vector<Observation>& ended) {
    const size_t observations = ended.size();
    const int warm = observations > kManyObservations ? kManyEvaluations : kWarmEvaluations;
    const bool anew = !fitted_ || trials / kSuggestionsRemembered != fitted_trials_;
    fitted_trials_ = trials / kSuggestionsRemembered;
    if (anew && observations > kColdObservations) {
      Gp part = Part(ended);
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

  Gp Part(const std::vector<Observation>& ended) const {
    const size_t n = ended.size();
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t i) { return ended[i].value; });
    std::set<size_t> kept(order.begin(), order.begin() + kColdObservations / 2);
    for (size_t i = n; kept.size() < kColdObservations; --i) kept.insert(i - 1);
    std::vector<Observation> some;
    for (const size_t i : kept) some.push_back(ended[i]);
    return Process(some, n >= kWarpNeeds * space_.size());
  }

  Gp Process(const std::vector<Observation>& some, bool warp) const {
    Warped warped(some);
    return Gp(space_, Points(some), std::move(warped.values), warp, std::move(warped.known));
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

  std::optional<Suggestion> Model(std::span<const Trial> trials,
                                  const std::vector<Observation>& ended,
                                  const std::set<Config>& taken) {
    const MatrixXd points = Points(ended);
    const VectorXd values = Warped(ended).values;
    Gp gp = Process(ended, ended.size() >= kWarpNeeds * space_.size());
    Fit(gp, trials.size(), ended);
    std::vector<Observation> pending;
    for (const Trial& t : trials) {
      if (!t.failed && !t.value) pending.push_back({.config = &t.config, .value = 0});
    }
    const uint64_t seed = Mix(options_.seed, 1000 + trials.size());
    Acquisition improvement(gp, Points(pending), values, seed, Weigh(gp, points, values, seed));
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
      if (!taken.contains(c.config)) return Suggestion{std::move(c.config), "model"};
    }
    return Sobol(trials, taken);
  }

  // The processes of other searches, which stay as they are.
  void FitParents() {
    for (const std::vector<Trial>& trials : std::exchange(options_.parents, {})) {
      std::vector<const Trial*> ended;
      for (const Trial& t : trials) {
        if (HasValue(t) && ended.size() < kParentObservations) ended.push_back(&t);
      }
      if (!Informative(ended)) continue;
      Gp& gp = parents_.emplace_back(Process(Observations(ended, {}), false));
      gp.Fit(GpHyperparameters::Initial(space_.size()), kColdEvaluations);
    }
  }

  // How much each process counts: how often, of draws from all of them, it ranks the observations
  // best. One that is nearly always worse than this search's own, which predicts each from the
  // others, does not.
  Ensemble Weigh(const Gp& gp, const MatrixXd& points, const VectorXd& values, uint64_t seed) {
    FitParents();
    Ensemble out;
    if (parents_.empty()) return out;
    const Index n = std::min(values.size(), kRankObservations);  // the newest
    const MatrixXd at = points.bottomRows(n);
    const VectorXd own = values.tail(n);
    std::mt19937_64 random(Mix(seed, 4));
    std::normal_distribution<double> normal;
    const auto noise = [&] {
      MatrixXd z(n, kRankDraws);
      for (double& v : z.reshaped()) v = normal(random);
      return z;
    };
    // Rasmussen and Williams 2006, 5.12: each value from all others.
    const MatrixXd inverse = gp.Solve(MatrixXd::Identity(values.size(), values.size()));
    const VectorXd variances = inverse.diagonal().cwiseInverse().tail(n);
    const VectorXd left_out = own - (inverse * values).tail(n).cwiseProduct(variances);
    MatrixXd draws = variances.cwiseSqrt().asDiagonal() * noise();
    draws.colwise() += left_out;
    std::vector<std::vector<double>> losses = {Misranked(draws, own, true)};
    std::vector<double> sorted = losses.front();
    std::ranges::sort(sorted);
    const double limit = sorted[static_cast<size_t>(0.95 * static_cast<double>(kRankDraws))];
    std::vector<const Gp*> kept;
    for (const Gp& parent : parents_) {
      VectorXd mean;
      MatrixXd covariance;
      parent.Joint(at, &mean, &covariance);
      covariance.diagonal().array() += 1e-9;
      const MatrixXd root = Eigen::LLT<MatrixXd>(covariance).matrixL();
      draws = root * noise();
      draws.colwise() += mean;
      std::vector<double> loss = Misranked(draws, own, false);
      std::vector<double> middle = loss;
      std::ranges::nth_element(middle, middle.begin() + kRankDraws / 2);
      if (middle[kRankDraws / 2] > limit) continue;
      losses.push_back(std::move(loss));
      kept.push_back(&parent);
    }
    std::vector<double> wins(losses.size());
    for (size_t s = 0; s < static_cast<size_t>(kRankDraws); ++s) {
      size_t best = 0;
      for (size_t m = 1; m < losses.size(); ++m) {
        if (losses[m][s] < losses[best][s]) best = m;
      }
      wins[best] += 1.0 / static_cast<double>(kRankDraws);
    }
    // Its own counts always: it is the one that knows what was tried.
    out.own = std::max(wins[0], kLeastOwn);
    for (size_t m = 1; m < wins.size(); ++m) {
      if (wins[m] > 0)
        out.others.emplace_back(kept[m - 1], wins[m] * (1 - out.own) / (1 - wins[0]));
    }
    if (out.others.empty()) out.own = 1;
    return out;
  }

  std::vector<std::vector<double>> NearTheBest(std::vector<Observation> ended,
                                               const GpHyperparameters& at, uint64_t seed) const {
    std::ranges::stable_sort(ended, {}, &Observation::value);
    ended.resize(std::min(ended.size(), kLocalCentres), {});
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    std::vector<std::vector<double>> out;
    for (const Observation& o : ended) {
      const auto centre = space_.Encode(*o.config);
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
  const bool has_parents_;
  std::optional<GpHyperparameters> fitted_;  // the last, where the next fit starts
  std::deque<Gp> parents_;                   // of other searches
  size_t fitted_trials_ = 0;                 // how many tens of trials there were then
};

}  // namespace

std::unique_ptr<Strategy> MakeBayesian(Space space, BayesianOptions options) {
  return std::make_unique<Bayesian>(std::move(space), std::move(options));
}

}  // namespace clary::tuning

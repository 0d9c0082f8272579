#include "symbiont/energy/calibration.h"

#include <algorithm>
#include <cmath>
#include <thread>

#include <fmt/format.h>
#include <time.h>

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

constexpr double kMostMissing = 0.10;
constexpr std::chrono::milliseconds kDutyCycle{20};

/// The mean of a step, or of several whose power would fall.
struct Step {
  double utilisation = 0.0;
  Watts power;
  double weight = 0.0;
};

std::vector<Step> steps_of(std::span<const LoadSample> samples) {
  std::vector<Step> steps;
  for (const LoadSample& sample : samples) {
    if (sample.level >= steps.size()) steps.resize(sample.level + 1);
    Step& step = steps[sample.level];
    step.utilisation += sample.utilisation;
    step.power += sample.power;
    step.weight += 1.0;
  }
  std::erase_if(steps, [](const Step& step) { return step.weight == 0.0; });
  for (Step& step : steps) {
    step.utilisation /= step.weight;
    step.power = step.power / step.weight;
  }
  return steps;
}

Result<void> check(std::span<const Step> steps) {
  const auto refuse = [](std::string why) {
    return fail(ErrorCode::kUnavailable, "fit a power curve: " + std::move(why));
  };
  if (steps.size() < 2) return refuse("found fewer than two load steps");
  for (std::size_t i = 1; i < steps.size(); ++i) {
    if (steps[i].utilisation > steps[i - 1].utilisation) continue;
    return refuse("a load step reached no more than the one before it; is other work running?");
  }
  if (steps.front().utilisation > kMostMissing || steps.back().utilisation < 1.0 - kMostMissing) {
    return refuse(
        fmt::format("the load reached {:.0f} to {:.0f} % of the processors, expected 0 "
                    "to 100 %; is other work running?",
                    100.0 * steps.front().utilisation, 100.0 * steps.back().utilisation));
  }
  return {};
}

/// Blocks of steps that share their mean power, so that it never falls.
std::vector<Step> pool_adjacent_violators(std::span<const Step> steps) {
  std::vector<Step> blocks;
  for (const Step& step : steps) {
    Step block = step;
    while (!blocks.empty() && blocks.back().power > block.power) {
      const Step& last = blocks.back();
      const double weight = last.weight + block.weight;
      block.power = (last.weight * last.power + block.weight * block.power) / weight;
      block.weight = weight;
      blocks.pop_back();
    }
    blocks.push_back(block);
  }
  return blocks;
}

std::vector<PowerCurve::Point> rising_points(std::span<const Step> steps) {
  std::vector<PowerCurve::Point> points;
  std::size_t step = 0;
  for (const Step& block : pool_adjacent_violators(steps)) {
    for (double weight = 0.0; step < steps.size() && weight + 0.5 < block.weight; ++step) {
      points.push_back({steps[step].utilisation, block.power});
      weight += steps[step].weight;
    }
  }
  return points;
}

Watts extrapolate(const PowerCurve::Point& a, const PowerCurve::Point& b, double utilisation) {
  const double share = (utilisation - a.utilisation) / (b.utilisation - a.utilisation);
  return a.power + share * (b.power - a.power);
}

/// Draws the line on to both ends.
void complete(std::vector<PowerCurve::Point>& points) {
  const std::size_t last = points.size() - 1;
  const Watts idle = std::max(extrapolate(points[0], points[1], 0.0), Watts());
  const Watts full = extrapolate(points[last - 1], points[last], 1.0);
  if (points.front().utilisation > 0.0) points.insert(points.begin(), {0.0, idle});
  if (points.back().utilisation < 1.0) points.push_back({1.0, full});
  points.front().utilisation = 0.0;
  points.back().utilisation = 1.0;
}

double largest_residual(const PowerCurve& curve, std::span<const LoadSample> samples) {
  double largest = 0.0;
  for (const LoadSample& sample : samples) {
    if (sample.power <= Watts()) continue;
    const Watts off = curve.at(sample.utilisation) - sample.power;
    largest = std::max(largest, std::abs(off / sample.power));
  }
  return largest;
}

nanoseconds thread_cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

/// One thread's part: computes for its share of each cycle, and sleeps for the rest.
nanoseconds occupy(double utilisation, std::chrono::steady_clock::time_point end) {
  using Clock = std::chrono::steady_clock;
  const auto share = std::chrono::duration_cast<nanoseconds>(utilisation * kDutyCycle);
  const nanoseconds begin = thread_cpu_time();
  while (Clock::now() < end) {
    const auto cycle_end = std::min(Clock::now() + kDutyCycle, end);
    const nanoseconds enough = thread_cpu_time() + share;
    while (thread_cpu_time() < enough && Clock::now() < cycle_end) {
    }
    if (utilisation < 1.0) std::this_thread::sleep_until(cycle_end);
  }
  return thread_cpu_time() - begin;
}

Result<LoadSample> measure_sample(const Monitor& monitor, LoadGenerator& load, double utilisation,
                                  nanoseconds duration) {
  SYM_ASSIGN_OR_RETURN(const Window window, monitor.open_window());
  const nanoseconds busy = load.run(utilisation, duration);
  SYM_ASSIGN_OR_RETURN(const Usage usage, window.usage());
  if (usage.time <= nanoseconds(0)) {
    return fail(ErrorCode::kUnavailable, "measure a load step: no time has passed");
  }
  const double processors = load.processors();
  const double used = to_seconds(busy) / (processors * usage.seconds());
  return LoadSample{0, std::clamp(used, 0.0, 1.0), usage.energy() / usage.seconds() / processors};
}

}  // namespace

Result<PowerCurve> fit_power_curve(std::string name, std::span<const LoadSample> samples) {
  const std::vector<Step> steps = steps_of(samples);
  SYM_RETURN_IF_ERROR(check(steps));
  std::vector<PowerCurve::Point> points = rising_points(steps);
  complete(points);
  SYM_ASSIGN_OR_RETURN(const PowerCurve curve, PowerCurve::through(name, points, 0.0));
  return PowerCurve::through(std::move(name), std::move(points), largest_residual(curve, samples));
}

nanoseconds BusyProcessors::run(double utilisation, nanoseconds duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  std::vector<nanoseconds> used(static_cast<std::size_t>(processors_));
  {
    std::vector<std::jthread> threads;
    for (nanoseconds& each : used) {
      threads.emplace_back([&each, utilisation, end] { each = occupy(utilisation, end); });
    }
  }
  nanoseconds sum{0};
  for (const nanoseconds each : used) sum += each;
  return sum;
}

Result<std::vector<LoadSample>> measure_load(const Monitor& monitor, LoadGenerator& load,
                                             const Sweep& sweep) {
  if (monitor.scope() != Scope::kMachine) {
    return fail(ErrorCode::kFailedPrecondition,
                "measure load steps: the meter speaks of a process, expected the machine");
  }
  std::vector<LoadSample> samples;
  for (std::size_t level = 0; level < sweep.levels.size(); ++level) {
    const double utilisation = sweep.levels[level];
    load.run(utilisation, sweep.settling);
    for (int i = 0; i < sweep.samples; ++i) {
      sweep.on_sample(utilisation, i);
      SYM_ASSIGN_OR_RETURN(LoadSample sample,
                           measure_sample(monitor, load, utilisation, sweep.sample_duration));
      sample.level = level;
      samples.push_back(sample);
    }
  }
  return samples;
}

}  // namespace symbiont::energy

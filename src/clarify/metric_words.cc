#include "clarify/internal/metric_words.h"

namespace clary::clarify {
namespace {

constexpr MetricWords kWords[] = {
    {"CI", 0, "Are there as many rows of the group as of everybody else?",
     "The group has fewer rows than everybody else.", "The group has more rows."},
    {"DPL", 0, "Do both have the positive label as often?",
     "The group has the positive label less often.", "The group has it more often."},
    {"KL", 0, "How far do the label's shares lie apart, in nats?",
     "The shares differ: larger is farther.",
     "Only where outcomes that one side lacks were left out."},
    {"JS", 0, "How far do both sides' shares lie from their mean?",
     "The shares differ: larger is farther, at most 0.69.", ""},
    {"LP", 0, "How far do the label's shares lie apart, by squares?",
     "The shares differ: larger is farther.", ""},
    {"TVD", 0, "What share of rows would have to change its label?", "The shares differ.", ""},
    {"KS", 0, "What is the largest gap between the shares?", "The shares differ.", ""},
    {"CDDL", 0, "Is the group more of the rejected than of the accepted, within each subgroup?",
     "It is more of the rejected.", "It is more of the accepted."},
    {"DPPL", 0, "Does the model give both the positive outcome as often?",
     "It gives the group less often.", "It gives the group more often."},
    {"DI", 1, "The group's rate of positive outcomes over everybody else's.",
     "The model favours the group.",
     "The model favours everybody else; below 0.8 is the usual alarm."},
    {"DCA", 0, "Labels over predictions that are positive, everybody else's less the group's.",
     "Everybody else is accepted less than its labels say, compared with the group.",
     "The group is accepted less than its labels say."},
    {"DCR", 0, "Labels over predictions that are negative, the group's less everybody else's.",
     "Everybody else is rejected more than its labels say, compared with the group.",
     "The group is rejected more than its labels say."},
    {"RD", 0, "Of those with the positive label, does the model find both sides' as often?",
     "It misses the group's more often.", "It misses everybody else's more often."},
    {"SD", 0, "Of those with the negative label, is the group rejected rightly more often?",
     "The group has fewer false positives.", "The group has more false positives."},
    {"DAR", 0, "Are positive predictions as often right for both?",
     "The group's are less often right.", "The group's are more often right."},
    {"DRR", 0, "Are negative predictions as often right for both?",
     "The group's are more often right.", "The group's are less often right."},
    {"AD", 0, "Is the model as often right for both?", "It is less often right for the group.",
     "It is more often right for the group."},
    {"CDDPL", 0, "Is the group more of those the model rejects than accepts, within each subgroup?",
     "It is more of the rejected.", "It is more of the accepted."},
    {"TE", 0, "False negatives over false positives, the group's less everybody else's.",
     "The group's errors are more often rejections.",
     "The group's errors are more often acceptances."},
    {"FT", 0, "Would the group's members fare as their nearest neighbours outside of it?",
     "They fare better than these.", "They fare worse than these."},
    {"GE", 0, "How unequally do people benefit from the model's errors, groups aside?",
     "Larger is more unequal.", ""},
};

}  // namespace

const MetricWords* FindMetricWords(std::string_view name) {
  for (const MetricWords& w : kWords) {
    if (w.name == name) return &w;
  }
  return nullptr;
}

}  // namespace clary::clarify

// PostgresClient: what the texts that run may do to the session.
#include "protocol/postgres/exchange.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {

namespace {

constexpr std::size_t custom_names_max = 64;
constexpr std::size_t fingerprints_max = 16;

bool closes_something(std::string_view text) {
    auto start = text.find_first_not_of(" \t\r\n(;");
    return start != std::string_view::npos && text.size() - start >= 5 && same_name(text.substr(start, 5), "close");
}

} // namespace

SqlScanner::Options PostgresClient::scan_options() const {
    if (reported_ == scan_options_of_)
        return scan_options_;
    const std::string* strings = reported_ ? reported_->find("standard_conforming_strings") : nullptr;
    const std::string* encoding = reported_ ? reported_->find("client_encoding") : nullptr;
    static constexpr std::string_view overlapping[] = {"SJIS",  "BIG5", "GBK",           "UHC",
                                                       "GB18030", "JOHAB", "SHIFT_JIS_2004"};
    bool safe = encoding == nullptr || std::none_of(std::begin(overlapping), std::end(overlapping),
                                                    [&](std::string_view name) { return same_name(*encoding, name); });
    scan_options_of_ = reported_;
    scan_options_ = {strings == nullptr || *strings == "on", safe};
    return scan_options_;
}

SqlFacts PostgresClient::scan(std::string_view text) const {
    if (is_plain_select(text))
        return {.statements = 1};
    return scan_sql(text, scan_options());
}

// Called when a text is about to run. `text` is empty when it was too long to be read whole.
void PostgresClient::note_effect(const SqlFacts& facts, std::string_view text) {
    if ((pins_ & pins_seen_by_probe) != 0 && closes_something(text))
        probe_wanted_ = true; // harmless in itself, but it may have freed the session
    if (facts.effect == SqlEffect::none)
        return;
    // A session that keeps its backend anyway is only watched for what takes its start-up parameters from it.
    if (mode_ == Multiplexing::statement || (mode_ == Multiplexing::session &&
                                             (facts.mentions & (mention_reset | mention_discard)) == 0))
        return;
    auto fingerprint = facts.fingerprint ^ pool_ * 0x9e3779b97f4a7c15ULL;
    if (facts.effect == SqlEffect::unknown && facts.mentions == 0 && facts.lexable &&
        context_.clean_texts.use(fingerprint))
        return;
    mentions_ |= facts.mentions;
    if (facts.effect == SqlEffect::state) {
        note_state_text(facts, text);
        return;
    }
    probe_wanted_ = true;
    if (facts.mentions == 0 && facts.lexable && fingerprints_.size() < fingerprints_max)
        fingerprints_.push_back(fingerprint);
    if ((facts.mentions & mention_sequence_value) != 0)
        pins_ |= pin_sequence_value;
}

void PostgresClient::note_state_text(const SqlFacts& facts, std::string_view text) {
    if ((facts.mentions & mention_custom_set_config) != 0 || (text.empty() && (facts.mentions & mention_set) != 0))
        pins_ |= pin_custom_setting;
    if ((facts.mentions & mention_load) != 0)
        pins_ |= pin_loaded_library;
    if ((facts.mentions & mention_sequence_value) != 0)
        pins_ |= pin_sequence_value;
    bool conforming = scan_options().standard_conforming_strings;
    if ((facts.mentions & mention_set) != 0) {
        for (auto& name : custom_parameters_set(text, conforming)) {
            if (custom_names_.size() >= custom_names_max)
                pins_ |= pin_custom_setting;
            else if (is_parameter_name(name) &&
                     std::find(custom_names_.begin(), custom_names_.end(), name) == custom_names_.end())
                custom_names_.push_back(std::move(name));
        }
    }
    constexpr std::uint32_t plain = mention_set | mention_reset | mention_encoding;
    if (facts.statements == 1 && (facts.mentions & ~plain) == 0 && facts.lexable) {
        auto set = read_simple_set(text, conforming);
        if (set.found && (set.reset_all || is_parameter_name(set.name))) {
            pending_sets_.push_back(std::move(set));
            return;
        }
    }
    probe_wanted_ = true;
}

void PostgresClient::forget_effects() {
    probe_wanted_ = false;
    mentions_ = 0;
    fingerprints_.clear();
    pending_sets_.clear();
}

} // namespace rekey::protocol::postgres
